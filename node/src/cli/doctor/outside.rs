//! How the node is reached: its port, its name, and what others see of it there.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use federation_core::discovery::node_info;
use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::time::{Duration, timeout};
use url::Url;

use super::Check;
use crate::cli::federation::{Reach, with_way_out};
use crate::config::{Config, Origin};

/// How long one look takes at most.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is at the address that the server listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    /// Nothing; a server can listen there.
    Free,
    /// A server that takes connections.
    Served,
    /// Nothing, and a server cannot listen there.
    Barred,
}

impl Port {
    /// Looks at this address.
    pub(super) async fn look(bind: SocketAddr) -> Self {
        if let Ok(_free) = TcpListener::bind(bind).await {
            return Self::Free;
        }
        let near = match bind.ip() {
            ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            ip => ip,
        };
        let connecting = TcpStream::connect(SocketAddr::new(near, bind.port()));
        match timeout(PATIENCE, connecting).await {
            Ok(Ok(_connection)) => Self::Served,
            _ => Self::Barred,
        }
    }

    /// The port is free for a server, or one answers there.
    pub(super) fn check(self, bind: SocketAddr) -> Check {
        match self {
            Self::Free => Check::good("port", format!("{bind} is free; no server runs there")),
            Self::Served => Check::good("port", format!("a server listens on {bind}")),
            Self::Barred => Check::failed(
                "port",
                format!("{bind} cannot be listened on, and nothing answers there"),
                "choose another server.bind; ports below 1024 take a privilege",
            ),
        }
    }
}

/// The public name leads here, and shows this node to others, unless its server is `awaited`.
pub(super) async fn public_address(config: &Config, awaited: bool) -> Vec<Check> {
    let Some(url) = config.server.public_url.as_deref() else {
        let detail = "server.public_url is not set: only this machine reaches the node";
        return vec![Check::skipped("name", detail)];
    };
    let Ok(url) = Url::parse(url) else {
        return vec![Check::failed(
            "name",
            "server.public_url is no URL",
            "correct it",
        )];
    };
    let mut checks = vec![scheme(&url), name(&url).await];
    match Reach::new(config) {
        Ok(_reach) if awaited => {
            let detail = "no server runs yet; run `folkmoot doctor` once it does";
            checks.extend(["webfinger", "nodeinfo"].map(|name| Check::skipped(name, detail)));
        }
        Ok(reach) => {
            let origin = Origin::new(&url);
            checks.push(webfinger(&reach, &origin).await);
            checks.push(software(&reach, &origin).await);
        }
        Err(error) => checks.push(Check::failed(
            "client",
            format!("{error:#}"),
            "check federation.extra_ca_file",
        )),
    }
    checks
}

fn scheme(url: &Url) -> Check {
    if url.scheme() == "https" {
        return Check::good("scheme", "https");
    }
    let advice = "put a proxy with TLS in front, and https in server.public_url";
    Check::warning(
        "scheme",
        "http: hardly any server federates with it",
        advice,
    )
}

async fn name(url: &Url) -> Check {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(443);
    // A literal IPv6 address stands in brackets in a URL, and without them here.
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match timeout(PATIENCE, lookup_host((bare, port))).await {
        Ok(Ok(found)) => {
            let mut found: Vec<String> = found.map(|address| address.ip().to_string()).collect();
            found.dedup();
            Check::good("name", format!("{host} is {}", found.join(", ")))
        }
        _ => Check::failed(
            "name",
            format!("{host} has no address"),
            "add an A or AAAA record for it",
        ),
    }
}

async fn webfinger(reach: &Reach, origin: &Origin) -> Check {
    let handle = format!("@{}@{}", crate::federation::NODE_NAME, origin.authority());
    let expected = origin.join("/actor");
    let advice = "start the server, and let the proxy hand on /.well-known/webfinger and /actor";
    match timeout(PATIENCE, reach.directory.resolve_handle(&handle)).await {
        Ok(Ok(actor)) if actor.id == expected => {
            Check::good("webfinger", format!("{handle} leads to {expected}"))
        }
        Ok(Ok(actor)) => {
            let detail = format!("{handle} leads to {}, not to {expected}", actor.id);
            Check::failed("webfinger", detail, "check server.public_url")
        }
        Ok(Err(error)) => {
            let detail = format!("{handle}: {:#}", with_way_out(error.into()));
            Check::failed("webfinger", detail, advice)
        }
        Err(_elapsed) => Check::failed("webfinger", format!("{handle}: no answer"), advice),
    }
}

async fn software(reach: &Reach, origin: &Origin) -> Check {
    match timeout(PATIENCE, node_info(&reach.directory, origin.url())).await {
        Ok(Ok(info)) if info.software.name == "folkmoot" => {
            Check::good("nodeinfo", format!("folkmoot {}", info.software.version))
        }
        Ok(Ok(info)) => Check::failed(
            "nodeinfo",
            format!("{} answers there", info.software.name),
            "the name leads to another server",
        ),
        Ok(Err(error)) => Check::failed(
            "nodeinfo",
            format!("{:#}", with_way_out(error.into())),
            "let the proxy hand on /.well-known/nodeinfo and /nodeinfo",
        ),
        Err(_elapsed) => Check::failed("nodeinfo", "no answer", "look at the server's log"),
    }
}
