//! `[server]`: where the server listens and what it is called from outside.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use url::Url;

use super::fault::Fault;

/// Where the server listens and what it is called from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerConfig {
    /// The address and port to listen on.
    pub bind: SocketAddr,
    /// The origin the outside world uses, such as `https://chat.example`; part of every id.
    pub public_url: Option<String>,
    /// Networks of the proxies in front, whose `X-Forwarded-For` is believed, as CIDR; none by
    /// default.
    pub trusted_proxies: Vec<IpNet>,
    /// Origins of web pages that may use the native API, such as `https://app.example`; none by
    /// default.
    pub cors_origins: Vec<String>,
    /// Seconds that requests under way get to finish when the server is told to stop.
    pub shutdown_grace_seconds: u64,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            bind: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080),
            public_url: None,
            trusted_proxies: Vec::new(),
            cors_origins: Vec::new(),
            shutdown_grace_seconds: 10,
        }
    }
}

impl ServerConfig {
    #[expect(
        clippy::expect_used,
        reason = "the fallback URL is put together from valid parts"
    )]
    /// The public URL, or the one that leads to `bound` on this machine.
    pub(super) fn public_url_or(&self, bound: SocketAddr) -> Url {
        let local = || {
            let mut url = Url::parse("http://127.0.0.1/").ok()?;
            let reachable = match bound.ip() {
                ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
                ip => ip,
            };
            url.set_ip_host(reachable).ok()?;
            url.set_port(Some(bound.port())).ok()?;
            Some(url)
        };
        self.public_url
            .as_deref()
            .and_then(|text| parse_origin(text).ok())
            .or_else(local)
            .expect("an http URL accepts every IP host and port")
    }

    pub(super) fn check(&self, faults: &mut Vec<Fault>) {
        if let Some(Err(problem)) = self.public_url.as_deref().map(parse_origin) {
            faults.push(Fault::new(
                "server.public_url",
                problem,
                "write scheme and host only, such as https://chat.example",
            ));
        }
        for origin in &self.cors_origins {
            let parsed = parse_origin(origin);
            let exact = parsed.map(|url| url.origin().ascii_serialization());
            if exact.as_ref() != Ok(origin) {
                faults.push(Fault::new(
                    "server.cors_origins",
                    format!("{origin:?} is not an origin as browsers send it"),
                    "write scheme, host in lower case and port if it is not the usual one, such as https://app.example",
                ));
            }
        }
    }
}

fn parse_origin(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{text:?} is not a URL ({error})"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("{text:?} is neither http nor https"));
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err(format!("{text:?} names no host"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("it holds a user name or password".to_owned());
    }
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(format!("{text:?} has a path, query or fragment"));
    }
    Ok(url)
}
