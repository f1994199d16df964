//! The server under test: a built `folkmoot`, started and killed like any other program.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;
use std::time::Instant;

use anyhow::Result;
use anyhow::bail;
use tokio::io::AsyncReadExt as _;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::process::Command;

use crate::network::Front;
use crate::network::Network;
use crate::place;
use crate::port;
use crate::postgres;
use crate::process::Process;
use crate::proxy::Proxy;
use crate::wait;

/// Where a server keeps its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Store {
    /// In its data folder.
    Sqlite,
    /// In a database of the test run's PostgreSQL server.
    Postgres,
}

/// A `folkmoot` process that can be stopped and started again on the same data.
#[derive(Debug)]
pub struct Subject {
    name: String,
    bind: SocketAddr,
    front: Front,
    folder: PathBuf,
    environment: Vec<(&'static str, String)>,
    process: Option<Process>,
    http: reqwest::Client,
}

impl Subject {
    /// Starts a new server on `network` and waits until it is ready.
    ///
    /// # Errors
    /// When it is not built or does not become ready; the message ends with its log.
    pub async fn start(network: &Network, name: &str, store: Store) -> Result<Self> {
        let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, port::free()?));
        let front = network.front(name, bind.port()).await?;
        Self::start_behind(network, name, store, (bind, front), &[]).await
    }

    /// As [`Subject::start`], with further settings: environment variables and their values.
    ///
    /// # Errors
    /// As [`Subject::start`].
    pub async fn start_with(
        network: &Network,
        name: &str,
        store: Store,
        settings: &[(&'static str, &str)],
    ) -> Result<Self> {
        let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, port::free()?));
        let front = network.front(name, bind.port()).await?;
        Self::start_behind(network, name, store, (bind, front), settings).await
    }

    /// As [`Subject::start`], behind a proxy that can cut it off from the other servers. Clients of
    /// this machine go past it.
    ///
    /// # Errors
    /// As [`Subject::start`].
    pub async fn start_recorded(
        network: &Network,
        name: &str,
        store: Store,
    ) -> Result<(Self, Proxy)> {
        let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, port::free()?));
        let (front, proxy) = network.record(name, bind.port(), false).await?;
        // Members of a long test sign in once.
        let settings = [("FOLKMOOT_AUTH__ACCESS_TOKEN_MINUTES", "60")];
        let subject = Self::start_behind(network, name, store, (bind, front), &settings).await?;
        Ok((subject, proxy))
    }

    /// As [`Subject::start`], without TLS in front of it.
    ///
    /// # Errors
    /// As [`Subject::start`].
    pub async fn start_direct(network: &Network, name: &str, store: Store) -> Result<Self> {
        Self::start_direct_with(network, name, store, &[]).await
    }

    /// As [`Subject::start_direct`], with further settings: environment variables and their
    /// values, before which those of this type give way.
    ///
    /// # Errors
    /// As [`Subject::start`].
    pub async fn start_direct_with(
        network: &Network,
        name: &str,
        store: Store,
        settings: &[(&'static str, &str)],
    ) -> Result<Self> {
        let bind = SocketAddr::from((Ipv4Addr::LOCALHOST, port::free()?));
        let front = network.direct(bind);
        Self::start_behind(network, name, store, (bind, front), settings).await
    }

    async fn start_behind(
        network: &Network,
        name: &str,
        store: Store,
        (bind, front): (SocketAddr, Front),
        settings: &[(&'static str, &str)],
    ) -> Result<Self> {
        let folder = network.folder(name)?;
        let data = folder.join("data");
        let database = match store {
            Store::Sqlite => format!("sqlite:{}", data.join("folkmoot.db").display()),
            Store::Postgres => postgres::database().await?,
        };
        let mut environment = vec![
            ("FOLKMOOT_DATA_DIR", data.display().to_string()),
            ("FOLKMOOT_SERVER__BIND", bind.to_string()),
            ("FOLKMOOT_SERVER__PUBLIC_URL", front.origin()),
            ("FOLKMOOT_DATABASE__URL", database),
            ("FOLKMOOT_REGISTRATION__MODE", "open".to_owned()),
            (
                "FOLKMOOT_FEDERATION__ALLOWED_PRIVATE_RANGES",
                r#"["127.0.0.0/8"]"#.to_owned(),
            ),
            (
                "FOLKMOOT_FEDERATION__ALLOW_HTTP",
                front.is_plain().to_string(),
            ),
            (
                "FOLKMOOT_FEDERATION__EXTRA_CA_FILE",
                network.authority().display().to_string(),
            ),
        ];
        let given = settings.iter();
        environment.extend(given.map(|(name, value)| (*name, (*value).to_owned())));
        let http = network.client()?;
        let name = name.to_owned();
        let mut subject = Self {
            name,
            bind,
            front,
            folder,
            environment,
            process: None,
            http,
        };
        subject.resume().await?;
        Ok(subject)
    }

    /// Starts the program again on the data it has, and waits until it is ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn resume(&mut self) -> Result<()> {
        let mut process = self.spawn()?;
        let ready = format!("http://{}/readyz", self.bind);
        let waited = wait::until("the server to become ready", || {
            let (alive, asked) = (process.check(), self.http.get(&ready).send());
            async move {
                alive?;
                Ok(asked
                    .await
                    .ok()
                    .filter(|answer| answer.status().is_success()))
            }
        })
        .await;
        if let Err(error) = waited {
            return Err(error.context(process.log_tail()));
        }
        self.process = Some(process);
        Ok(())
    }

    /// As [`Subject::resume`], asking without pause; gives the time until it was ready.
    ///
    /// # Errors
    /// When it does not become ready.
    pub async fn time_start(&mut self) -> Result<Duration> {
        const READY: &[u8] =
            b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let start = Instant::now();
        let mut process = self.spawn()?;
        loop {
            process.check()?;
            if let Ok(mut connection) = TcpStream::connect(self.bind).await {
                let mut answer = Vec::new();
                connection.write_all(READY).await?;
                connection.read_to_end(&mut answer).await?;
                if answer.starts_with(b"HTTP/1.1 200") {
                    break;
                }
            }
            if start.elapsed() > wait::PATIENCE {
                bail!("it does not become ready:\n{}", process.log_tail());
            }
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
        self.process = Some(process);
        Ok(start.elapsed())
    }

    fn spawn(&self) -> Result<Process> {
        let mut command = Command::new(place::subject()?);
        command.current_dir(&self.folder).env_clear();
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        Process::start(&self.name, &mut command, &self.folder.join("log"))
    }

    /// Ends the program as `kill -9` does.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub async fn kill(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.kill().await,
            None => Ok(()),
        }
    }

    /// Asks the program to end and waits for it.
    ///
    /// # Errors
    /// When it does not end in time, or not with success.
    pub async fn stop(&mut self) -> Result<()> {
        match self.process.take() {
            Some(mut process) => process.stop().await,
            None => Ok(()),
        }
    }

    /// The process id, while it runs.
    pub fn id(&self) -> Option<u32> {
        self.process.as_ref().and_then(Process::id)
    }

    /// The end of its log.
    pub fn log_tail(&self) -> String {
        self.process
            .as_ref()
            .map(Process::log_tail)
            .unwrap_or_default()
    }

    /// Its public origin.
    pub fn origin(&self) -> String {
        self.front.origin()
    }

    /// The host part of its handles.
    pub fn authority(&self) -> String {
        self.front.authority()
    }

    /// The address that clients of this machine use, without TLS.
    pub fn direct(&self) -> SocketAddr {
        self.bind
    }

    /// A client that trusts the network's certificates.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }
}
