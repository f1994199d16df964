//! A new key: its id, its halves, and the private one sealed.

use openssl::sha::sha256;
use url::Url;

use super::error::LocalKeyError;
use super::seal::KeySealer;
use super::store::{KeyStage, StoredKey};
use crate::clock::Timestamp;
use crate::signature::{Algorithm, PrivateKey};

/// Makes both keys of an actor; slow for RSA, so not on the threads that serve requests.
pub(super) fn make_pair(
    actor: &Url,
    stage: KeyStage,
    sealer: &dyn KeySealer,
    now: Timestamp,
) -> Result<Vec<StoredKey>, LocalKeyError> {
    [Algorithm::RsaSha256, Algorithm::Ed25519]
        .into_iter()
        .map(|algorithm| {
            let key = PrivateKey::generate(algorithm)?;
            let public_key = key.public_key().to_pem()?;
            let mut key_id = actor.clone();
            key_id.set_fragment(Some(&match stage {
                KeyStage::Next => successor(algorithm, &public_key),
                _ => first(algorithm).to_owned(),
            }));
            Ok(StoredKey {
                sealed: sealer.seal(&key.to_der()?, key_id.as_str())?,
                key_id,
                actor: actor.clone(),
                algorithm,
                public_key,
                stage,
                stage_since: now,
                created_at: now,
            })
        })
        .collect()
}

/// The names of an actor's first keys, which some servers expect.
const fn first(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RsaSha256 => "main-key",
        Algorithm::Ed25519 => "ed25519-key",
    }
}

/// A name that only this key can have: 48 bits of its hash.
fn successor(algorithm: Algorithm, public_key: &str) -> String {
    let hash = sha256(public_key.as_bytes());
    let number = hash
        .iter()
        .take(6)
        .fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    format!("{}-{number:012x}", first(algorithm))
}
