//! Another node, as far as this one sees it: it has an actor with a key, takes what is delivered, and
//! can stall.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use federation_core::SystemClock;
use federation_core::clock::Clock as _;
use federation_core::signature::{Algorithm, PrivateKey, Scheme, SigningKey, sign_request};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;

use crate::node::{Node, until};

const ACTIVITY_JSON: &str = "application/activity+json";
const ACTOR: &str = "/users/caller";

/// What comes to a peer.
struct Desk {
    document: String,
    is_stalled: AtomicBool,
    taken: AtomicUsize,
    hanging: AtomicUsize,
}

/// A peer with one actor; it ends when it is dropped.
pub(crate) struct Peer {
    actor: String,
    key: SigningKey,
    desk: Arc<Desk>,
    server: JoinHandle<()>,
}

impl Peer {
    pub(crate) async fn start(address: Ipv4Addr) -> Self {
        let listener = TcpListener::bind((address, 0)).await.unwrap();
        let actor = format!("http://{}{ACTOR}", listener.local_addr().unwrap());
        let key_id = format!("{actor}#main-key");
        // As dear to verify as any, and cheap to sign with: a flood costs its sender little.
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let document = json!({
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": actor, "type": "Person", "preferredUsername": "caller", "name": "caller",
            "inbox": format!("{actor}/inbox"), "outbox": format!("{actor}/outbox"),
            "publicKey": {
                "id": key_id, "owner": actor, "publicKeyPem": key.public_key().to_pem().unwrap(),
            },
        });
        let desk = Arc::new(Desk {
            document: document.to_string(),
            is_stalled: AtomicBool::new(false),
            taken: AtomicUsize::new(0),
            hanging: AtomicUsize::new(0),
        });
        let routes = Router::new().fallback(take).with_state(Arc::clone(&desk));
        let server = tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self {
            key: SigningKey::new(key_id.parse().unwrap(), key),
            actor,
            desk,
            server,
        }
    }

    /// The id of its actor.
    pub(crate) fn actor(&self) -> &str {
        &self.actor
    }

    /// The key of its actor.
    pub(crate) fn key(&self) -> &SigningKey {
        &self.key
    }

    /// From now on it takes connections and requests, and answers nothing.
    pub(crate) fn stall(&self) {
        self.desk.is_stalled.store(true, Ordering::SeqCst);
    }

    /// How many deliveries it has answered.
    pub(crate) fn taken(&self) -> usize {
        self.desk.taken.load(Ordering::SeqCst)
    }

    /// How many requests it has left without an answer.
    pub(crate) fn hanging(&self) -> usize {
        self.desk.hanging.load(Ordering::SeqCst)
    }

    /// Follows a channel, and waits until that is so.
    pub(crate) async fn follow(&self, node: &Node, channel: &str) {
        let before = self.taken();
        let group = node.url(&format!("/channels/{channel}"));
        let follow = json!({
            "@context": "https://www.w3.org/ns/activitystreams",
            "id": format!("{}#follows-{channel}", self.actor), "type": "Follow",
            "actor": self.actor, "object": group,
        });
        let body = follow.to_string();
        let url = inbox(node);
        let headers = sign(&self.key, &url, &body);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let answer = client.post(url).headers(headers).body(body).send().await;
        assert_eq!(answer.unwrap().status(), 202);
        let followers = format!("/channels/{channel}/followers");
        until("follower", async || {
            let shown: Value = node.document(&followers).await;
            (shown["totalItems"] == 1).then_some(())
        })
        .await;
        // What it is told counts as taken, so nothing of it may come later.
        until("answer to the follower", async || {
            (self.taken() > before).then_some(())
        })
        .await;
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Where a node takes activities.
pub(crate) fn inbox(node: &Node) -> Url {
    node.url("/inbox").parse().unwrap()
}

/// The headers of a signed request.
pub(crate) fn sign(key: &SigningKey, url: &Url, body: &str) -> HeaderMap {
    let body = Some(body.as_bytes());
    let now = SystemClock.now();
    let mut headers = sign_request(Scheme::Cavage, key, &Method::POST, url, body, now).unwrap();
    headers.insert(CONTENT_TYPE, ACTIVITY_JSON.parse().unwrap());
    headers
}

async fn take(State(desk): State<Arc<Desk>>, method: Method, uri: Uri, _whole: Bytes) -> Response {
    if desk.is_stalled.load(Ordering::SeqCst) {
        desk.hanging.fetch_add(1, Ordering::SeqCst);
        return std::future::pending().await;
    }
    if method == Method::POST {
        desk.taken.fetch_add(1, Ordering::SeqCst);
        return StatusCode::ACCEPTED.into_response();
    }
    if uri.path() == ACTOR {
        return ([(CONTENT_TYPE, ACTIVITY_JSON)], desk.document.clone()).into_response();
    }
    StatusCode::NOT_FOUND.into_response()
}
