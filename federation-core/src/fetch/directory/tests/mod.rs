//! The directory against a scripted web: what is shared, remembered, bounded, and not believed.

mod actors;
mod collections;
mod handles;
mod identity;
mod keys;
mod threads;

use std::time::Duration;

use http::header::{LOCATION, RETRY_AFTER};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::*;
use crate::fetch::guard::GuardPolicy;
use crate::fetch::{FetchError, GuardError};
use crate::signature::{Algorithm, PrivateKey, SigningKey};
use crate::testing::{ManualClock, ScriptedTransport};

const ALICE: &str = "https://a.example/users/alice";
const MAIN_KEY: &str = "https://a.example/users/alice#main-key";
const BOB: &str = "https://b.example/users/bob";

struct World {
    web: Arc<ScriptedTransport>,
    clock: Arc<ManualClock>,
    store: MemoryActorCache,
    directory: Arc<Directory>,
}

impl World {
    fn new() -> Self {
        Self::with(DirectoryConfig::default(), None)
    }

    fn with(config: DirectoryConfig, signer: Option<Arc<dyn RequestSigner>>) -> Self {
        let web = Arc::new(ScriptedTransport::guarded(GuardPolicy::default()));
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_000)));
        let store = MemoryActorCache::default();
        let transport: Arc<dyn Transport> = web.clone();
        let time: Arc<dyn Clock> = clock.clone();
        let directory = Arc::new(Directory::new(
            transport,
            Arc::new(store.clone()),
            signer,
            time,
            config,
        ));
        Self {
            web,
            clock,
            store,
            directory,
        }
    }

    fn redirect(&self, from: &str, to: &str) {
        let headers = HeaderMap::from_iter([(LOCATION, to.parse().unwrap())]);
        self.web.answer(from, StatusCode::FOUND, headers);
    }
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn pem() -> String {
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    key.public_key().to_pem().unwrap()
}

fn key(id: &str, owner: &str, pem: &str) -> Value {
    json!({"id": id, "owner": owner, "publicKeyPem": pem})
}

fn actor(id: &str, name: &str, key: &Value) -> Value {
    json!({
        "id": id, "type": "Person", "preferredUsername": name, "inbox": format!("{id}/inbox"),
        "publicKey": key,
    })
}

fn alice() -> Value {
    actor(ALICE, "alice", &key(MAIN_KEY, ALICE, &pem()))
}
