//! What a server says of itself: NodeInfo through its well-known index.

use std::fmt;

use anyhow::{Context as _, Result, bail};
use federation_core::fetch::{FetchLimits, OutboundRequest, Transport};
use federation_core::vocab::{Map, Value, parse};
use serde::Serialize;
use url::Url;

use super::input;

/// How the relations of NodeInfo documents start; the version follows.
const SCHEMA: &str = "http://nodeinfo.diaspora.software/ns/schema/";

/// What NodeInfo 2.x says of a server.
#[derive(Debug, Serialize)]
pub(super) struct NodeInfo {
    version: String,
    software: String,
    software_version: String,
    protocols: Vec<String>,
    open_registrations: Option<bool>,
    users: Option<u64>,
}

impl NodeInfo {
    /// Asks the server at `origin`, in the newest version that it offers.
    ///
    /// # Errors
    /// It offers none, or the document cannot be had or read.
    pub(super) async fn of(transport: &dyn Transport, origin: &Url) -> Result<Self> {
        let index = fetch(transport, origin.join("/.well-known/nodeinfo")?).await?;
        let links = index.get("links").and_then(Value::as_array);
        let offered = links.into_iter().flatten().filter_map(|link| {
            let version = link.get("rel")?.as_str()?.strip_prefix(SCHEMA)?;
            let target = Url::parse(link.get("href")?.as_str()?).ok()?;
            version.starts_with("2.").then_some((version, target))
        });
        let newest = offered.max_by(|one, other| one.0.cmp(other.0));
        let (version, target) = newest.context("the server offers no NodeInfo 2.x")?;
        let document = fetch(transport, target).await?;
        let software = |name: &str| {
            let value = document.get("software").and_then(|known| known.get(name));
            value.and_then(Value::as_str).unwrap_or("?").to_owned()
        };
        let protocols = document.get("protocols").and_then(Value::as_array);
        let named = protocols.into_iter().flatten().filter_map(Value::as_str);
        Ok(Self {
            version: version.to_owned(),
            software: software("name"),
            software_version: software("version"),
            protocols: named.map(str::to_owned).collect(),
            open_registrations: document.get("openRegistrations").and_then(Value::as_bool),
            users: document
                .get("usage")
                .and_then(|usage| usage.get("users")?.get("total")?.as_u64()),
        })
    }
}

async fn fetch(transport: &dyn Transport, url: Url) -> Result<Map<String, Value>> {
    let shown = url.to_string();
    let request = OutboundRequest::get(url, FetchLimits::document());
    let answer = transport
        .execute(request)
        .await
        .with_context(|| shown.clone())?;
    if !answer.status.is_success() {
        bail!("{shown} answers {}", answer.status);
    }
    parse(&answer.body).with_context(|| shown)
}

impl fmt::Display for NodeInfo {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{} {} (NodeInfo {}), speaks {}",
            input::printable(&self.software),
            input::printable(&self.software_version),
            input::printable(&self.version),
            input::printable(&self.protocols.join(", ")),
        )?;
        if let Some(users) = self.users {
            write!(out, ", {users} users")?;
        }
        match self.open_registrations {
            Some(true) => write!(out, ", open for sign-up"),
            Some(false) => write!(out, ", closed for sign-up"),
            None => Ok(()),
        }
    }
}
