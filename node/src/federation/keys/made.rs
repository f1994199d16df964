//! A new key: its id, its halves, and the private one sealed.

use federation_core::signature::{Algorithm, PrivateKey};
use url::Url;

use super::LocalKeyError;
use crate::platform::sealing::Keyring;

/// A key as it goes into the database.
#[derive(Clone, Debug)]
pub(super) struct MadeKey {
    pub(super) key_id: String,
    pub(super) algorithm: &'static str,
    pub(super) sealed_private_key: Vec<u8>,
    pub(super) public_key: String,
}

impl MadeKey {
    /// Makes a key; slow for RSA, so not on the threads that serve requests.
    pub(super) fn make(
        actor: &Url,
        algorithm: Algorithm,
        keyring: &Keyring,
    ) -> Result<Self, LocalKeyError> {
        let key = PrivateKey::generate(algorithm)?;
        let mut key_id = actor.clone();
        key_id.set_fragment(Some(fragment(algorithm)));
        let key_id = String::from(key_id);
        // The key id is bound to the sealed bytes: swapping two rows makes neither usable.
        let sealed = keyring.seal(&key.to_der()?, key_id.as_bytes())?;
        Ok(Self {
            public_key: key.public_key().to_pem()?,
            sealed_private_key: sealed,
            algorithm: name(algorithm),
            key_id,
        })
    }
}

/// How an algorithm is called in the database.
pub(super) const fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RsaSha256 => "rsa-sha256",
        Algorithm::Ed25519 => "ed25519",
    }
}

const fn fragment(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::RsaSha256 => "main-key",
        Algorithm::Ed25519 => "ed25519-key",
    }
}
