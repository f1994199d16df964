//! The signing keys of this node's actors: made at first need, sealed at rest, parsed once.
//!
//! The delivery worker signs with them, the directory signs its fetches with those of the node's
//! own actor, and the actor documents show their public halves.

mod made;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use federation_core::Clock;
use federation_core::signature::{Algorithm, KeyError, PrivateKey, SigningKey};
use federation_core::store::sql::{Database, DatabaseError};
use moka::future::Cache;
use url::Url;

use self::made::MadeKey;
use self::store::StoredKey;
use crate::platform::sealing::{Keyring, SealError};

/// Actors whose keys are held parsed at once; those of others are read again when needed.
const CACHED_ACTORS: u64 = 10_000;
/// How long keys that nobody uses stay parsed.
const IDLE: Duration = Duration::from_hours(1);

/// The signing keys of this node's actors; cheap to clone.
#[derive(Clone)]
pub struct LocalKeys(Arc<Parts>);

struct Parts {
    db: Database,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    parsed: Cache<Url, ActorKeys>,
}

/// The keys of one actor, parsed.
#[derive(Clone, Debug)]
pub struct ActorKeys {
    /// RSA with 2048 bits: what every server of the fediverse verifies.
    pub rsa: SigningKey,
    /// Ed25519, shown as a `Multikey` (FEP-521a).
    pub ed25519: SigningKey,
}

/// Why an actor has no keys.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LocalKeyError {
    /// OpenSSL could not make or read a key.
    #[error("a signing key could not be made or read")]
    Key(#[source] KeyError),
    /// A stored key cannot be opened with the key ring of this node.
    #[error("a stored signing key cannot be opened; restore the key ring from a backup")]
    Sealed(#[source] Arc<SealError>),
    /// The database failed.
    #[error(transparent)]
    Database(Arc<DatabaseError>),
    /// A stored key is of an unknown kind, or one of the two is missing.
    #[error("the stored signing keys of {actor} are not whole")]
    Incomplete {
        /// Whose keys.
        actor: Url,
    },
    /// The thread that made the key ended before it was done.
    #[error("the key was not made because the server is stopping")]
    Stopped,
}

impl LocalKeys {
    /// Keys kept in `db`, sealed by `keyring`.
    pub fn new(db: Database, keyring: Arc<Keyring>, clock: Arc<dyn Clock>) -> Self {
        let parsed = Cache::builder()
            .max_capacity(CACHED_ACTORS)
            .time_to_idle(IDLE)
            .build();
        Self(Arc::new(Parts {
            db,
            keyring,
            clock,
            parsed,
        }))
    }

    /// The keys of an actor of this node, made now when it has none.
    ///
    /// Callers that ask for the same actor at once share one answer. Making a key takes a fraction
    /// of a second on a thread of its own.
    ///
    /// # Errors
    /// See [`LocalKeyError`].
    ///
    /// # Security
    /// `actor` must be known to be an actor of this node: every other id would get keys too.
    pub async fn of(&self, actor: &Url) -> Result<ActorKeys, LocalKeyError> {
        let parts = Arc::clone(&self.0);
        let id = actor.clone();
        self.0
            .parsed
            .try_get_with_by_ref(actor, async move { parts.load_or_make(&id).await })
            .await
            .map_err(|error| LocalKeyError::clone(&error))
    }
}

impl Parts {
    async fn load_or_make(&self, actor: &Url) -> Result<ActorKeys, LocalKeyError> {
        let id = actor.to_string();
        let stored = self
            .db
            .read(move |connection| store::of_actor(connection, &id))
            .await?;
        if !stored.is_empty() {
            return self.open(actor, &stored);
        }
        let made = self.make(actor).await?;
        let (now, id) = (self.clock.now(), actor.to_string());
        let kept = self
            .db
            .write(move |connection| {
                for key in &made {
                    store::insert_if_absent(connection, &id, key, now)?;
                }
                // Another process may have been first; then its keys are the ones that count.
                store::of_actor(connection, &id)
            })
            .await?;
        self.open(actor, &kept)
    }

    async fn make(&self, actor: &Url) -> Result<Vec<MadeKey>, LocalKeyError> {
        let (actor, keyring) = (actor.clone(), Arc::clone(&self.keyring));
        tokio::task::spawn_blocking(move || {
            [Algorithm::RsaSha256, Algorithm::Ed25519]
                .into_iter()
                .map(|algorithm| MadeKey::make(&actor, algorithm, &keyring))
                .collect()
        })
        .await
        .map_err(|_stopped| LocalKeyError::Stopped)?
    }

    fn open(&self, actor: &Url, stored: &[StoredKey]) -> Result<ActorKeys, LocalKeyError> {
        let find = |algorithm: Algorithm| {
            let name = made::name(algorithm);
            let incomplete = || LocalKeyError::Incomplete {
                actor: actor.clone(),
            };
            let row = stored.iter().find(|row| row.algorithm == name);
            let row = row.ok_or_else(incomplete)?;
            let key_id = Url::parse(&row.key_id).map_err(|_not_a_url| incomplete())?;
            let plain = self
                .keyring
                .open_sealed(&row.private_key, row.key_id.as_bytes())?;
            let key = PrivateKey::from_der(algorithm, &plain)?;
            Ok::<_, LocalKeyError>(SigningKey::new(key_id, key))
        };
        Ok(ActorKeys {
            rsa: find(Algorithm::RsaSha256)?,
            ed25519: find(Algorithm::Ed25519)?,
        })
    }
}

impl fmt::Debug for LocalKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LocalKeys")
            .field("parsed", &self.0.parsed.entry_count())
            .finish_non_exhaustive()
    }
}

impl From<KeyError> for LocalKeyError {
    fn from(error: KeyError) -> Self {
        Self::Key(error)
    }
}

impl From<SealError> for LocalKeyError {
    fn from(error: SealError) -> Self {
        Self::Sealed(Arc::new(error))
    }
}

impl From<DatabaseError> for LocalKeyError {
    fn from(error: DatabaseError) -> Self {
        Self::Database(Arc::new(error))
    }
}
