//! The names of the benchmark, where they lead, and the process behind them.

use std::io::{self, BufRead as _, BufReader};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use federation_core::fetch::GuardPolicy;
use federation_core::fetch::client::{ClientConfig, GuardedClient, NameLookup};
use futures_util::future::{BoxFuture, ready};
use tempfile::TempDir;

use crate::receiver;

pub(crate) const DOMAIN: &str = "bench.example";

/// A running receiver.
pub(crate) struct Network {
    directory: TempDir,
    receiver: Child,
    port: u16,
}

impl Network {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut receiver = Command::new(std::env::current_exe().unwrap())
            .arg(receiver::ARGUMENT)
            .arg(directory.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(receiver.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        Self {
            port: line.trim().parse().expect("the port of the receiver"),
            directory,
            receiver,
        }
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.directory.path().join("authority.pem")
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The client as a server uses it, except for what lets it reach loopback.
    pub(crate) fn client(&self) -> GuardedClient {
        let policy = GuardPolicy::with_private_ranges(vec!["127.0.0.0/8".parse().unwrap()], false);
        let mut config = ClientConfig::new("benchmark", policy);
        config.extra_ca_file = Some(self.authority());
        config.lookup = std::sync::Arc::new(Loopback);
        GuardedClient::new(config).unwrap()
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ended = self.receiver.kill();
        let _ended = self.receiver.wait();
    }
}

/// The name of a host.
pub(crate) fn name(host: usize) -> String {
    format!("h{host}.{DOMAIN}")
}

/// Where the name of a host leads.
pub(crate) fn address(host: usize) -> IpAddr {
    let [.., high, low] = u32::try_from(host + 256).unwrap().to_be_bytes();
    Ipv4Addr::new(127, 0, high, low).into()
}

/// `h7.bench.example` is the seventh address.
#[derive(Debug)]
pub(crate) struct Loopback;

impl NameLookup for Loopback {
    fn lookup(&self, name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let host = name
            .strip_prefix('h')
            .and_then(|rest| rest.split('.').next()?.parse().ok());
        let found = host.map(|host| vec![address(host)]);
        Box::pin(ready(found.ok_or_else(|| io::Error::other("no such host"))))
    }
}
