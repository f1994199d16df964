//! Proofs against the published vectors, and what is refused.

mod attacks;
mod rules;
mod vectors;

use serde_json::{Map, Value, json};
use url::Url;

use super::*;
use crate::clock::Timestamp;
use crate::signature::{Algorithm, PrivateKey, SigningKey, multibase};

/// The key pair of the published vectors.
const SECRET: &str = "z3u2en7t5LR2WtQH5PfFqMqwVHBeXouLzo6haApm8XHqvjxq";

fn published_key() -> PrivateKey {
    let bytes = multibase::decode(SECRET).unwrap();
    PrivateKey::from_der(Algorithm::Ed25519, &bytes[2..]).unwrap()
}

fn alices_key() -> SigningKey {
    let id = Url::parse("https://server.example/users/alice#ed25519-key").unwrap();
    SigningKey::new(id, published_key())
}

fn now() -> Timestamp {
    Timestamp::parse_rfc3339("2023-02-24T23:36:38Z").unwrap()
}

fn like() -> Map<String, Value> {
    let value = json!({
        "@context": ["https://www.w3.org/ns/activitystreams", CONTEXT],
        "id": "https://server.example/likes/1",
        "type": "Like",
        "actor": "https://server.example/users/alice",
        "object": "https://here.example/notes/1",
    });
    value.as_object().unwrap().clone()
}

fn proven() -> Map<String, Value> {
    let mut document = like();
    sign(&mut document, &alices_key(), now()).unwrap();
    document
}

/// All checks, with the key of the vectors.
fn check(document: &Map<String, Value>) -> Result<VerifiedProof, ProofError> {
    inspect(document, &ProofPolicy::default(), now())?.verify(&published_key().public_key())
}

/// The verdict on a document whose proof has one property changed; `None` removes it.
fn with_proof(property: &str, value: Option<Value>) -> Result<VerifiedProof, ProofError> {
    let mut document = proven();
    let proof = document[PROPERTY].as_object_mut().unwrap();
    match value {
        Some(value) => proof.insert(property.to_owned(), value),
        None => proof.remove(property),
    };
    check(&document)
}
