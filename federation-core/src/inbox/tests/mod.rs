//! The inbox against a scripted web: who gets in, who does not, and what is fetched meanwhile.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};
use url::Url;

use crate::clock::{Clock, Timestamp};
use crate::fetch::guard::GuardPolicy;
use crate::fetch::{
    BlockedDomains, Directory, DirectoryConfig, DomainPolicy, MemoryActorCache, Transport,
};
use crate::inbox::{InboundRequest, Inbox, InboxConfig, KeyDirectory, ReceiveError, Verified};
use crate::signature::{Algorithm, PrivateKey, Scheme, SigningKey, sign_request};
use crate::testing::{ManualClock, ScriptedTransport};

mod announced;
mod authentication;
mod authority;
mod forwarded;
mod gone;
mod limits;
mod order;
mod synchronization;

const HERE: &str = "https://here.example";
const BOB: &str = "https://there.example/users/bob";
const CAROL: &str = "https://there.example/users/carol";
const MALLORY: &str = "https://evil.example/users/mallory";

static BOBS: LazyLock<SigningKey> = LazyLock::new(|| signing_key(BOB));
static CAROLS: LazyLock<SigningKey> = LazyLock::new(|| signing_key(CAROL));
static MALLORYS: LazyLock<SigningKey> = LazyLock::new(|| signing_key(MALLORY));

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn key_id(actor: &str) -> String {
    format!("{actor}#main-key")
}

fn signing_key(actor: &str) -> SigningKey {
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    SigningKey::new(url(&key_id(actor)), key)
}

/// The document of an actor who shows this key.
fn person(actor: &str, key: &SigningKey) -> Value {
    json!({
        "id": actor, "type": "Person", "inbox": format!("{actor}/inbox"),
        "publicKey": {
            "id": key.key_id().as_str(), "owner": actor,
            "publicKeyPem": key.key().public_key().to_pem().unwrap(),
        },
    })
}

struct World {
    web: Arc<ScriptedTransport>,
    clock: Arc<ManualClock>,
    blocked: Arc<BlockedDomains>,
    inbox: Inbox,
}

impl World {
    /// Bob, carol and mallory exist; nobody is blocked.
    fn new() -> Self {
        let web = Arc::new(ScriptedTransport::guarded(GuardPolicy::default()));
        for (actor, key) in [(BOB, &*BOBS), (CAROL, &*CAROLS), (MALLORY, &*MALLORYS)] {
            web.serve(actor, &person(actor, key));
        }
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_000)));
        let blocked = Arc::new(BlockedDomains::default());
        let transport: Arc<dyn Transport> = web.clone();
        let time: Arc<dyn Clock> = clock.clone();
        let directory = Directory::new(
            transport,
            Arc::new(MemoryActorCache::default()),
            None,
            Arc::clone(&time),
            DirectoryConfig::default(),
        );
        let policy: Arc<dyn DomainPolicy> = blocked.clone();
        let config = InboxConfig::new(url(HERE));
        let directory = Arc::new(directory);
        let keys: Arc<dyn KeyDirectory> = directory.clone();
        let inbox = Inbox::new(config, keys, policy, time).asking(directory);
        Self {
            web,
            clock,
            blocked,
            inbox,
        }
    }

    fn sign(&self, key: &SigningKey, body: &[u8]) -> InboundRequest {
        let target = url(HERE).join("/inbox").unwrap();
        let now = self.clock.now();
        let headers =
            sign_request(Scheme::Cavage, key, &Method::POST, &target, Some(body), now).unwrap();
        let body = Bytes::copy_from_slice(body);
        InboundRequest::new(Method::POST, &url(HERE), "/inbox", headers, body).unwrap()
    }

    /// Signs the activity with the key and receives it.
    async fn send(&self, key: &SigningKey, activity: &Value) -> Result<Verified, ReceiveError> {
        let body = serde_json::to_vec(activity).unwrap();
        self.inbox.authenticate(self.sign(key, &body)).await
    }

    /// Receives the activity from bob.
    async fn send_as_bob(&self, activity: &Value) -> Result<Verified, ReceiveError> {
        self.send(&BOBS, activity).await
    }

    fn fetches(&self) -> usize {
        self.web.requests().len()
    }
}

/// The same document with an integrity proof of this key.
fn proven(document: &Value, key: &SigningKey, world: &World) -> Value {
    let mut document = document.clone();
    let map = document.as_object_mut().unwrap();
    crate::proof::sign(map, key, world.clock.now()).unwrap();
    document
}

/// An activity of an actor, with an id of its own on the actor's server.
fn activity(kind: &str, actor: &str, object: impl Into<Value>) -> Value {
    let object = object.into();
    json!({"id": format!("{actor}/activities/1"), "type": kind, "actor": actor, "object": object})
}

fn note(id: &str, author: &str) -> Value {
    json!({"id": id, "type": "Note", "attributedTo": author, "content": "hi"})
}
