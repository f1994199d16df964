//! `folkmoot federation lookup`: who is behind a handle or URL, with keys, inbox and server.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context as _, Error, Result};
use clap::Args;
use federation_core::discovery::{NodeInfo, NodeInfoError, node_info};
use federation_core::vocab::Actor;
use serde::Serialize;
use url::Url;

use super::input;
use super::key::KeyReading;
use super::reach::{Reach, with_way_out};
use crate::config::Config;

/// Whom to look up.
#[derive(Debug, Args)]
pub(in crate::cli) struct LookupArgs {
    /// A handle such as @alice@example.org, or the URL of an actor or profile page
    #[arg(value_name = "HANDLE_OR_URL")]
    subject: String,
}

/// Resolves the handle or URL.
///
/// # Errors
/// It leads nowhere, or not back; a server without `NodeInfo` is none.
pub(super) async fn run(args: &LookupArgs, config: &Config) -> Result<Finding> {
    let reach = Reach::new(config)?;
    let actor = find(&reach, &args.subject)
        .await
        .with_context(|| format!("cannot look up {}", input::printable(&args.subject)))
        .map_err(with_way_out)?;
    let node = node_info(&reach.directory, &actor.id).await;
    Ok(Finding::new(&actor, node))
}

async fn find(reach: &Reach, subject: &str) -> Result<Arc<Actor>> {
    if let Ok(url) = Url::parse(subject)
        && matches!(url.scheme(), "http" | "https")
    {
        return Ok(reach.directory.actor_at(&url).await?);
    }
    Ok(reach.directory.resolve_handle(subject).await?)
}

/// Who was found.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    actor: Url,
    #[serde(rename = "type")]
    kind: String,
    username: Option<String>,
    name: Option<String>,
    inbox: Url,
    shared_inbox: Option<Url>,
    outbox: Option<Url>,
    followers: Option<Url>,
    manually_approves_followers: Option<bool>,
    moved_to: Option<Url>,
    keys: Vec<KeyReading>,
    nodeinfo: Option<NodeInfo>,
    /// Why there is no `nodeinfo`.
    #[serde(skip_serializing_if = "Option::is_none")]
    nodeinfo_fault: Option<String>,
}

impl Finding {
    fn new(actor: &Actor, node: Result<NodeInfo, NodeInfoError>) -> Self {
        let (nodeinfo, fault) = match node {
            Ok(node) => (Some(node), None),
            Err(fault) => (None, Some(format!("{:#}", Error::from(fault)))),
        };
        Self {
            actor: actor.id.clone(),
            kind: actor.kind.to_string(),
            username: actor.preferred_username.clone(),
            name: actor.name.clone(),
            inbox: actor.inbox.clone(),
            shared_inbox: actor.shared_inbox.clone(),
            outbox: actor.outbox.clone(),
            followers: actor.followers.clone(),
            manually_approves_followers: actor.manually_approves_followers,
            moved_to: actor.moved_to.clone(),
            keys: actor.public_keys.iter().map(KeyReading::of).collect(),
            nodeinfo,
            nodeinfo_fault: fault,
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} {}", input::printable(&self.kind), self.actor)?;
        for (label, text) in [("username", &self.username), ("name", &self.name)] {
            if let Some(text) = text {
                writeln!(out, "{label:<13} {}", input::printable(text))?;
            }
        }
        writeln!(out, "{:<13} {}", "inbox", self.inbox)?;
        for (label, url) in [
            ("shared inbox", &self.shared_inbox),
            ("outbox", &self.outbox),
            ("followers", &self.followers),
            ("moved to", &self.moved_to),
        ] {
            if let Some(url) = url {
                writeln!(out, "{label:<13} {url}")?;
            }
        }
        if self.keys.is_empty() {
            writeln!(out, "no key: nothing that this actor signs can be verified")?;
        }
        for key in &self.keys {
            writeln!(out, "{key}")?;
        }
        match (&self.nodeinfo, &self.nodeinfo_fault) {
            (Some(node), _) => {
                let (name, version) = (&node.software.name, &node.software.version);
                let software = input::printable(&format!("{name} {version}"));
                let schema = input::printable(&node.version);
                write!(out, "{:<13} {software} (NodeInfo {schema})", "server")?;
                match node.users().total {
                    Some(total) => write!(out, ", accounts: {total}"),
                    None => Ok(()),
                }
            }
            (None, fault) => {
                let fault = fault.as_deref().unwrap_or_default();
                write!(out, "{:<13} unknown: {}", "server", input::printable(fault))
            }
        }
    }
}
