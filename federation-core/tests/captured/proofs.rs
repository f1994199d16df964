//! Integrity proofs as other servers write them: each verifies, and no altered copy does.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::Path;

use federation_core::proof::{ProofError, ProofPolicy, inspect};
use federation_core::signature::PublicKey;
use federation_core::vocab::{self, Actor, KeyMaterial, Map, Value};

use crate::recording::{captures, requests, that_day};

/// The Ed25519 keys of all actors whose documents were recorded, by their ids.
fn keys() -> HashMap<String, Vec<PublicKey>> {
    let mut keys: HashMap<String, Vec<PublicKey>> = HashMap::new();
    let mut pending = vec![captures()];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                pending.push(path);
            } else if let Some(actor) = recorded_actor(&path) {
                for key in &actor.public_keys {
                    if let KeyMaterial::Multibase(text) = &key.material {
                        let parsed = PublicKey::from_multibase(text).unwrap();
                        keys.entry(key.id.to_string()).or_default().push(parsed);
                    }
                }
            }
        }
    }
    keys
}

fn recorded_actor(path: &Path) -> Option<Actor> {
    let bytes = fs::read(path).ok()?;
    let body = bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    Actor::parse(&bytes[body..]).ok()
}

fn verify(
    document: &Map<String, Value>,
    keys: &HashMap<String, Vec<PublicKey>>,
) -> Result<(), ProofError> {
    let claim = inspect(document, &ProofPolicy::default(), that_day())?;
    let known = keys.get(claim.verification_method().as_str());
    let mut verdict = Err(ProofError::Missing);
    for key in known.into_iter().flatten() {
        verdict = claim.verify(key).map(|_verified| ());
        if verdict.is_ok() {
            break;
        }
    }
    verdict
}

#[test]
fn every_recorded_proof_verifies() {
    let keys = keys();
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (server, _, captured) in requests() {
        let Ok(mut document) = vocab::parse(&captured.body) else {
            continue;
        };
        if !document.contains_key("proof") {
            continue;
        }
        let verdict = verify(&document, &keys);
        assert_eq!(verdict, Ok(()), "{}", captured.file);
        *counts.entry(server).or_default() += 1;
        document.insert("summary".to_owned(), Value::from("added"));
        let altered = verify(&document, &keys);
        assert_eq!(altered, Err(ProofError::Mismatch), "{}", captured.file);
    }
    println!("{counts:?}");
    assert!(counts.contains_key("mitra") && counts.contains_key("fedify"));
}
