//! The keys of an actor as operators see them: usable, or why not.

use std::fmt;

use federation_core::signature::{KeyError, PublicKey};
use federation_core::vocab::{ActorKey, KeyMaterial};
use serde::Serialize;
use url::Url;

/// One key of an actor.
#[derive(Debug, Serialize)]
pub(super) struct KeyReading {
    id: Url,
    owner: Url,
    /// The algorithm, when the key can be used.
    algorithm: Option<String>,
    /// Why it cannot be used.
    fault: Option<String>,
}

impl KeyReading {
    pub(super) fn of(key: &ActorKey) -> Self {
        let parsed = public_key(key);
        Self {
            id: key.id.clone(),
            owner: key.owner.clone(),
            algorithm: parsed.as_ref().ok().map(|key| key.algorithm().to_string()),
            fault: parsed.err().map(|fault| fault.to_string()),
        }
    }
}

impl fmt::Display for KeyReading {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "key {} of {}: ", self.id, self.owner)?;
        match (&self.algorithm, &self.fault) {
            (Some(algorithm), _) => write!(out, "usable, {algorithm}"),
            (None, fault) => write!(out, "refused, {}", fault.as_deref().unwrap_or_default()),
        }
    }
}

fn public_key(key: &ActorKey) -> Result<PublicKey, KeyError> {
    match &key.material {
        KeyMaterial::Multibase(text) => PublicKey::from_multibase(text),
        other => PublicKey::from_pem(other.as_str()),
    }
}
