//! The handshake on every store, against a scripted web: who gets a session, who keeps it, and
//! what every attack on it comes to.

mod attacks;
mod bounds;
mod client;
mod proofs;
mod rules;
mod strict;
mod uses;
mod vectors;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::*;
use crate::clock::{Clock, Timestamp};
use crate::fetch::{BlockedDomains, Directory, DirectoryConfig, MemoryActorCache};
use crate::inbox::{InboundLimiter, InboundRequest, RateLimits};
use crate::signature::{Algorithm, BodyDigest, PrivateKey, RequestToSign, Scheme, SigningKey};
use crate::store::sql::{SqlHandshakeStore, federation_migrations};
use crate::testing::{ManualClock, ScriptedTransport, on_each_backend};

const START: Timestamp = Timestamp::from_millis(1_795_190_734_000);
const ISSUER: &str = "https://issuer.example";
const HOLDER: &str = "https://holder.example";
const STRANGER: &str = "https://stranger.example";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

/// An issuer with everything it works with.
struct World {
    web: Arc<ScriptedTransport>,
    clock: Arc<ManualClock>,
    blocked: Arc<BlockedDomains>,
    store: Arc<dyn HandshakeStore>,
    sessions: Sessions,
    issuer: Issuer,
}

impl World {
    fn new(store: Arc<dyn HandshakeStore>) -> Self {
        Self::with_terms(store, |_terms| {})
    }

    fn with_terms(store: Arc<dyn HandshakeStore>, change: impl FnOnce(&mut Terms)) -> Self {
        Self::build(store, Arc::new(SystemEntropy), change, None)
    }

    /// With bounds on what comes in.
    fn limited(store: Arc<dyn HandshakeStore>, limits: RateLimits) -> Self {
        let limiter = Some(Arc::new(InboundLimiter::new(limits)));
        Self::build(store, Arc::new(SystemEntropy), |_terms| {}, limiter)
    }

    fn build(
        store: Arc<dyn HandshakeStore>,
        entropy: Arc<dyn Entropy>,
        change: impl FnOnce(&mut Terms),
        limiter: Option<Arc<InboundLimiter>>,
    ) -> Self {
        let web = Arc::new(ScriptedTransport::new());
        let manual = Arc::new(ManualClock::new(START));
        let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&manual);
        let blocked = Arc::new(BlockedDomains::default());
        let directory = Arc::new(Directory::new(
            Arc::<ScriptedTransport>::clone(&web),
            Arc::new(MemoryActorCache::default()),
            None,
            Arc::clone(&clock),
            DirectoryConfig::default(),
        ));
        let policy: Arc<BlockedDomains> = Arc::clone(&blocked);
        let sessions = Sessions::new(Arc::clone(&store), policy, Arc::clone(&clock));
        let mut config = IssuerConfig::new(url(ISSUER), url(ISSUER).join("/actor").unwrap());
        change(&mut config.terms);
        let parts = IssuerParts {
            store: Arc::clone(&store),
            sessions: sessions.clone(),
            keys: Arc::<Directory>::clone(&directory),
            holders: Arc::new(Holders::new(directory, Arc::clone(&clock))),
            blocked: Arc::<BlockedDomains>::clone(&blocked),
            limiter,
            clock,
        };
        Self {
            web,
            clock: manual,
            blocked,
            store,
            sessions,
            issuer: Issuer::with_entropy(config, parts, entropy),
        }
    }

    /// A node whose actor the web shows, and whose server names it.
    fn node(&self, origin: &str) -> Node {
        let node = Node::new(origin);
        node.show_in(&self.web);
        node
    }

    async fn send(&self, request: InboundRequest) -> Answer {
        let response = self.issuer.answer(&request).await;
        let status = response.status();
        assert_eq!(response.headers()["cache-control"], "no-store");
        Answer {
            json: serde_json::from_slice(response.body()).unwrap(),
            headers: response.headers().clone(),
            status,
        }
    }

    async fn call(&self, path: &str, node: &Node, body: &Value) -> Answer {
        let request = Draft::new(path, body).signed(&node.key, self.clock.now());
        self.send(request).await
    }

    /// A challenge for the node itself, or for one of its users.
    async fn challenge(&self, node: &Node, subject: Option<&str>, scopes: &[&str]) -> Answer {
        let body = json!({"subject": subject, "scopes": scopes});
        self.call(CHALLENGE_PATH, node, &body).await
    }

    /// A proof of the challenge as the node makes it.
    fn proof(&self, node: &Node, challenge: &Value) -> InboundRequest {
        Draft::proof(challenge).signed(&node.key, self.clock.now())
    }

    /// A session, by the whole handshake.
    async fn open(&self, node: &Node, subject: Option<&str>, scopes: &[&str]) -> Value {
        let challenge = self.challenge(node, subject, scopes).await.expect(201);
        self.send(self.proof(node, &challenge)).await.expect(201)
    }

    async fn authorise(&self, token: &str, scope: Scope) -> Result<NodeSession, HandshakeError> {
        let now = self.clock.now();
        self.sessions.authorise(token, scope, now).await
    }

    fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }
}

/// What the issuer answered.
#[derive(Debug)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    json: Value,
}

impl Answer {
    #[track_caller]
    fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.json);
        assert_eq!(self.headers["content-type"], "application/json");
        self.json
    }

    #[track_caller]
    fn expect_problem(&self, status: u16, code: &str) {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.json);
        assert_eq!(self.json["code"], code, "{:#}", self.json);
        assert_eq!(self.json["status"], status, "{:#}", self.json);
        assert_eq!(self.headers["content-type"], "application/problem+json");
    }
}

/// Another node.
struct Node {
    origin: String,
    actor: Url,
    key: SigningKey,
}

impl Node {
    fn new(origin: &str) -> Self {
        let actor = url(&format!("{origin}/actor"));
        Self {
            origin: origin.to_owned(),
            key: key_of(&actor),
            actor,
        }
    }

    fn show_in(&self, web: &ScriptedTransport) {
        let actor = document(&self.actor, "Application", &self.key);
        web.serve(self.actor.as_str(), &actor);
        self.name_in(web, self.actor.as_str());
        self.show_user(web, "alice");
    }

    /// Has the server name this actor as its own.
    fn name_in(&self, web: &ScriptedTransport, actor: &str) {
        let rel = "https://www.w3.org/ns/activitystreams#Application";
        let index = json!({"links": [{"rel": rel, "href": actor}]});
        let at = format!("{}/.well-known/nodeinfo", self.origin);
        web.serve_as(&at, "application/json", index.to_string());
    }

    fn show_user(&self, web: &ScriptedTransport, name: &str) -> SigningKey {
        let user = url(&self.user(name));
        let key = key_of(&user);
        web.serve(user.as_str(), &document(&user, "Person", &key));
        key
    }

    fn user(&self, name: &str) -> String {
        format!("{}/users/{name}", self.origin)
    }
}

fn key_of(actor: &Url) -> SigningKey {
    let mut id = actor.clone();
    id.set_fragment(Some("main-key"));
    SigningKey::new(id, PrivateKey::generate(Algorithm::Ed25519).unwrap())
}

fn document(actor: &Url, kind: &str, key: &SigningKey) -> Value {
    json!({
        "id": actor.as_str(), "type": kind, "inbox": format!("{actor}/inbox"),
        "publicKey": {
            "id": key.key_id().as_str(), "owner": actor.as_str(),
            "publicKeyPem": key.key().public_key().to_pem().unwrap(),
        },
    })
}

/// A call that is put together, and can be damaged.
#[derive(Clone)]
struct Draft {
    origin: String,
    path: String,
    body: String,
    nonce: Option<String>,
    tag: Option<String>,
}

impl Draft {
    fn new(path: &str, body: &Value) -> Self {
        Self {
            origin: ISSUER.to_owned(),
            path: path.to_owned(),
            body: body.to_string(),
            nonce: None,
            tag: None,
        }
    }

    /// The proof of a challenge.
    fn proof(challenge: &Value) -> Self {
        let body = json!({"challenge_id": challenge["challenge_id"]});
        let mut draft = Self::new(VERIFY_PATH, &body);
        draft.nonce = challenge["nonce"].as_str().map(str::to_owned);
        draft.tag = Some(PROOF_TAG.to_owned());
        draft
    }

    fn headers(&self, scheme: Scheme, key: &SigningKey, now: Timestamp) -> HeaderMap {
        let target = url(&format!("{}{}", self.origin, self.path));
        let digest = BodyDigest::of(self.body.as_bytes());
        let mut request = RequestToSign::new(&Method::POST, &target, now).digest(digest);
        if let Some(nonce) = &self.nonce {
            request = request.nonce(nonce);
        }
        if let Some(tag) = &self.tag {
            request = request.tag(tag);
        }
        let mut headers = request.sign(scheme, key).unwrap();
        let json = HeaderValue::from_static("application/json");
        headers.insert(CONTENT_TYPE, json);
        headers
    }

    fn signed(&self, key: &SigningKey, now: Timestamp) -> InboundRequest {
        self.with(self.headers(Scheme::Rfc9421, key, now))
    }

    /// As it arrives at the issuer, with these headers.
    fn with(&self, headers: HeaderMap) -> InboundRequest {
        let body = Bytes::from(self.body.clone());
        InboundRequest::new(Method::POST, &url(ISSUER), &self.path, headers, body).unwrap()
    }
}

/// Runs `body` on a store in memory, on SQLite and on PostgreSQL.
fn on_each_store(body: impl AsyncFn(Arc<dyn HandshakeStore>) + Sync) {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
        .block_on(body(Arc::new(MemoryHandshakeStore::new())));
    on_each_backend(async |test| {
        let database = test.open(federation_migrations()).await;
        body(Arc::new(SqlHandshakeStore::new(database.clone()))).await;
        database.close().await;
    });
}
