//! The servers that send: their actors, their keys and their signed requests.

use std::sync::LazyLock;

use bytes::Bytes;
use federation_core::signature::{
    Algorithm, BodyDigest, PrivateKey, Scheme, SigningKey, sign_request,
};
use federation_core::{Clock as _, SystemClock, Timestamp};
use http::{HeaderMap, Method};
use serde_json::json;
use url::Url;

use super::cost::{Cost, Meter};

/// When everything happens: the start of the run, since one of the inboxes asks the real clock.
pub(super) static NOW: LazyLock<Timestamp> = LazyLock::new(|| SystemClock.now());

/// Keys that the actors share; making one for each would take longer than everything else.
const KEYS: usize = 4;

/// A request as a server reads it from the wire.
#[derive(Clone, Debug)]
pub(super) struct Posted {
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

pub(super) struct World {
    keys: Vec<(PrivateKey, String)>,
}

impl World {
    pub(super) fn new() -> Self {
        let make = |_| {
            let key = PrivateKey::generate(Algorithm::RsaSha256).unwrap();
            let pem = key.public_key().to_pem().unwrap();
            (key, pem)
        };
        Self {
            keys: (0..KEYS).map(make).collect(),
        }
    }

    pub(super) fn actor(number: usize) -> Url {
        let id = format!("https://peer{number}.example/users/alice");
        Url::parse(&id).unwrap()
    }

    pub(super) fn pem(&self, number: usize) -> &str {
        &self.keys[number % KEYS].1
    }

    /// The document of an actor, as long as those of the fediverse are.
    pub(super) fn document(&self, number: usize) -> String {
        let id = Self::actor(number);
        json!({
            "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
            "id": id, "type": "Person", "preferredUsername": "alice", "name": "Alice",
            "summary": "x".repeat(300), "inbox": format!("{id}/inbox"),
            "outbox": format!("{id}/outbox"), "followers": format!("{id}/followers"),
            "publicKey": {
                "id": format!("{id}#main-key"), "owner": id, "publicKeyPem": self.pem(number),
            },
        })
        .to_string()
    }

    /// Signed posts to `https://here.example/inbox`, each of a note of its own.
    pub(super) fn posts(&self, run: &str, count: usize, peers: usize) -> Vec<Posted> {
        let inbox = Url::parse("https://here.example/inbox").unwrap();
        let make = |number: usize| {
            let peer = number % peers;
            let id = Self::actor(peer);
            let note = format!("{id}/statuses/{run}-{number}");
            let body = json!({
                "@context": "https://www.w3.org/ns/activitystreams",
                "id": format!("{note}/activity"), "type": "Create", "actor": id,
                "published": "2026-11-20T16:31:53Z",
                "to": ["https://www.w3.org/ns/activitystreams#Public"],
                "cc": [format!("{id}/followers")],
                "object": {
                    "id": note, "type": "Note", "attributedTo": id,
                    "published": "2026-11-20T16:31:53Z", "url": note,
                    "to": ["https://www.w3.org/ns/activitystreams#Public"],
                    "cc": [format!("{id}/followers")],
                    "content": format!("<p>{}</p>", "words of a note ".repeat(12)),
                },
            })
            .to_string();
            let key = self.keys[peer % KEYS].0.clone();
            let key = SigningKey::new(format!("{id}#main-key").parse().unwrap(), key);
            let bytes = Some(body.as_bytes());
            let headers =
                sign_request(Scheme::Cavage, &key, &Method::POST, &inbox, bytes, *NOW).unwrap();
            Posted {
                headers,
                body: Bytes::from(body),
            }
        };
        (0..count).map(make).collect()
    }

    /// One RSA-2048 verification and the SHA-256 of one body, and nothing else.
    pub(super) fn floor(&self, count: usize) -> Cost {
        let message = "x".repeat(240);
        let (key, _) = &self.keys[0];
        let signature = key.sign(message.as_bytes()).unwrap();
        let public = key.public_key();
        let body = self.posts("floor", 1, 1).remove(0).body;
        // Long enough for a clock that ticks a hundred times a second.
        let count = count * 8;
        let meter = Meter::start();
        for _ in 0..count {
            public.verify(message.as_bytes(), &signature).unwrap();
            std::hint::black_box(BodyDigest::of(&body));
        }
        meter.stop(count)
    }
}
