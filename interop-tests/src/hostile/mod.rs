//! A server that means harm: it serves what it is told, hangs, drips, or never ends, and sends
//! requests that are signed in every wrong way.

pub mod forge;
pub mod serve;

use std::collections::HashMap;
use std::path::Path;

use anyhow::Context as _;
use anyhow::Result;
use serde_json::Value;
use serde_json::json;

use crate::network::Front;
use crate::network::Network;
use forge::Key;
use serve::Reply;
use serve::Server;

/// The media type of ActivityPub documents.
pub const ACTIVITY_JSON: &str = "application/activity+json";

/// A running hostile server.
#[derive(Debug)]
pub struct Hostile {
    server: Server,
    front: Front,
    key: Key,
}

impl Hostile {
    /// Starts a server that answers 404 everywhere, with one key.
    ///
    /// # Errors
    /// When the address or the key cannot be had.
    pub async fn start(network: &Network, name: &str) -> Result<Self> {
        let server = Server::start().await?;
        let front = network.front(name, server.port()).await?;
        let key = Key::generate(&network.folder(name)?).await?;
        Ok(Self { server, front, key })
    }

    /// Its origin.
    pub fn origin(&self) -> String {
        self.front.origin()
    }

    /// The host part of its handles.
    pub fn authority(&self) -> String {
        self.front.authority()
    }

    /// Its key.
    pub fn key(&self) -> &Key {
        &self.key
    }

    /// The id of its actor `name`.
    pub fn actor(&self, name: &str) -> String {
        format!("{}/users/{name}", self.origin())
    }

    /// Answers requests for `path` with `reply` from now on. With a query, written without
    /// percent-encoding, it answers that query alone.
    pub fn put(&self, path: &str, reply: Reply) {
        self.server.put(path, reply);
    }

    /// How many requests came for `path`.
    pub fn requests(&self, path: &str) -> usize {
        self.server.requests(path)
    }

    /// Serves a well-made actor with its WebFinger document, whose inbox does what `inbox` says.
    pub fn put_actor(&self, name: &str, inbox: Reply) {
        let (id, acct) = (
            self.actor(name),
            format!("acct:{name}@{}", self.authority()),
        );
        let link = json!({ "rel": "self", "type": ACTIVITY_JSON, "href": id });
        let jrd = json!({ "subject": acct, "links": [link] });
        // By its handle, by its id, and by every other query until the next actor is there.
        for query in [
            format!("?resource={acct}"),
            format!("?resource={id}"),
            String::new(),
        ] {
            let path = format!("/.well-known/webfinger{query}");
            self.put(&path, Reply::json("application/jrd+json", &jrd));
        }
        self.put(
            &format!("/users/{name}"),
            Reply::json(ACTIVITY_JSON, &self.actor_document(name)),
        );
        self.put(&format!("/users/{name}/inbox"), inbox);
    }

    /// A well-made actor document.
    pub fn actor_document(&self, name: &str) -> Value {
        let id = self.actor(name);
        json!({
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": id, "type": "Person", "preferredUsername": name, "name": name,
            "inbox": format!("{id}/inbox"), "outbox": format!("{id}/outbox"),
            "publicKey": {
                "id": format!("{id}#main-key"), "owner": id, "publicKeyPem": self.key.public_pem(),
            },
        })
    }

    /// A direct message from `from` to `to`.
    pub fn create(&self, from: &str, to: &str, number: u32, content: &str) -> Value {
        let (id, actor) = (
            format!("{}/notes/{number}", self.origin()),
            self.actor(from),
        );
        json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": format!("{id}/create"), "type": "Create", "actor": actor, "to": [to],
            "object": {
                "id": id, "type": "Note", "attributedTo": actor, "to": [to], "content": content,
                "tag": [{ "type": "Mention", "href": to }],
            },
        })
    }
}

/// The inbox that an actor's document names.
///
/// # Errors
/// When the document cannot be had or names none.
pub async fn inbox_of(http: &reqwest::Client, actor: &str) -> Result<String> {
    let document = http
        .get(actor)
        .header("accept", ACTIVITY_JSON)
        .send()
        .await?;
    let document: Value = document.error_for_status()?.json().await?;
    document["inbox"]
        .as_str()
        .map(str::to_owned)
        .context("the actor has no inbox")
}

/// Replies by path.
type Replies = HashMap<String, Reply>;

fn read_text(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}
