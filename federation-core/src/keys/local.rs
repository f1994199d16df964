//! The keys in use: opened and parsed once, read again now and then, since another process may
//! have moved them on.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use moka::future::Cache;
use url::Url;

use super::error::LocalKeyError;
use super::rotation::RotationPolicy;
use super::seal::KeySealer;
use super::store::{KeyChange, KeyStage, KeyStep, LocalKeyStore, StoredKey, published};
use crate::clock::{Clock, Timestamp};
use crate::federation::LocalKeyRing;
use crate::outbox::{KeySource, KeySourceError};
use crate::signature::{Algorithm, PrivateKey, SigningKey};
use crate::vocab::ActorKey;

/// Actors whose keys are held parsed at once; those of others are read again when needed.
const HELD_ACTORS: u64 = 10_000;
/// How long keys that nobody uses stay parsed.
const IDLE: Duration = Duration::from_hours(1);
/// How long what was read counts as fresh. Another process's step is seen after that; stages last
/// far longer.
const FRESH: Duration = Duration::from_mins(1);

/// The signing keys of this server's actors; cheap to clone.
#[derive(Clone)]
pub struct LocalKeys(Arc<Parts>);

struct Parts {
    store: Arc<dyn LocalKeyStore>,
    sealer: Arc<dyn KeySealer>,
    clock: Arc<dyn Clock>,
    policy: RotationPolicy,
    held: Cache<Url, Held>,
}

#[derive(Clone)]
struct Held {
    outcome: Result<ActorKeys, LocalKeyError>,
    read_at: Timestamp,
}

/// The keys of one actor, ready for use.
#[derive(Clone, Debug)]
pub struct ActorKeys {
    rsa: SigningKey,
    ed25519: SigningKey,
    previous_rsa: Option<SigningKey>,
    published: Arc<[ActorKey]>,
}

impl ActorKeys {
    /// The RSA key that signs requests: what every server of the fediverse verifies.
    pub const fn rsa(&self) -> &SigningKey {
        &self.rsa
    }

    /// The Ed25519 key that proves documents (FEP-8b32).
    pub const fn ed25519(&self) -> &SigningKey {
        &self.ed25519
    }

    /// The RSA key that signed until the last switch, while it is still listed.
    pub const fn previous_rsa(&self) -> Option<&SigningKey> {
        self.previous_rsa.as_ref()
    }

    /// What the actor's document lists, the one for `publicKey` first.
    pub fn published(&self) -> &[ActorKey] {
        &self.published
    }
}

impl LocalKeys {
    /// Keys in `store`, sealed by `sealer`.
    pub fn new(
        store: Arc<dyn LocalKeyStore>,
        sealer: Arc<dyn KeySealer>,
        clock: Arc<dyn Clock>,
        policy: RotationPolicy,
    ) -> Self {
        let held = Cache::builder()
            .max_capacity(HELD_ACTORS)
            .time_to_idle(IDLE)
            .build();
        Self(Arc::new(Parts {
            store,
            sealer,
            clock,
            policy,
            held,
        }))
    }

    /// The keys of an actor of this server, made now when it has none.
    ///
    /// Callers that ask for the same actor at once share one answer. Making keys takes a fraction
    /// of a second on a thread of its own.
    ///
    /// # Errors
    /// See [`LocalKeyError`].
    ///
    /// # Security
    /// `actor` must be known to be an actor of this server: every other id would get keys too.
    pub async fn of(&self, actor: &Url) -> Result<ActorKeys, LocalKeyError> {
        let now = self.0.clock.now();
        let stale = |held: &Held| held.outcome.is_err() || now.since(held.read_at) > FRESH;
        let load = Box::pin(async {
            Held {
                outcome: self.load_or_make(actor, now).await,
                read_at: now,
            }
        });
        let entry = self.0.held.entry_by_ref(actor);
        let held = entry.or_insert_with_if(load, stale).await;
        held.into_value().outcome
    }

    async fn load_or_make(&self, actor: &Url, now: Timestamp) -> Result<ActorKeys, LocalKeyError> {
        let known = self.stored(actor).await?;
        if !known.is_empty() {
            return self.ready(actor, &known);
        }
        let first = self.make(actor, KeyStage::Current, now).await?;
        // Another process may be first; then its keys are the ones that count.
        self.insert_first(actor, first, now).await?;
        self.ready(actor, &self.stored(actor).await?)
    }

    async fn insert_first(
        &self,
        actor: &Url,
        first: Vec<StoredKey>,
        now: Timestamp,
    ) -> Result<(), LocalKeyError> {
        let change = KeyChange {
            actor: actor.clone(),
            step: KeyStep::First,
            published: published(&first)?,
            prover: self.open(current(actor, &first, Algorithm::Ed25519)?)?,
            inserted: first,
            at: now,
        };
        self.0.store.change(change).await?;
        Ok(())
    }

    fn ready(&self, actor: &Url, keys: &[StoredKey]) -> Result<ActorKeys, LocalKeyError> {
        let previous_rsa = keys
            .iter()
            .find(|key| key.stage == KeyStage::Previous && key.algorithm == Algorithm::RsaSha256);
        Ok(ActorKeys {
            rsa: self.open(current(actor, keys, Algorithm::RsaSha256)?)?,
            ed25519: self.open(current(actor, keys, Algorithm::Ed25519)?)?,
            previous_rsa: previous_rsa.map(|key| self.open(key)).transpose()?,
            published: published(keys)?.into(),
        })
    }

    pub(super) fn open(&self, key: &StoredKey) -> Result<SigningKey, LocalKeyError> {
        let plain = self.0.sealer.open(&key.sealed, key.key_id.as_str())?;
        let private = PrivateKey::from_der(key.algorithm, &plain)?;
        Ok(SigningKey::new(key.key_id.clone(), private))
    }

    pub(super) async fn stored(&self, actor: &Url) -> Result<Vec<StoredKey>, LocalKeyError> {
        Ok(self.0.store.of_actor(actor).await?)
    }

    pub(super) async fn forget(&self, actor: &Url) {
        self.0.held.invalidate(actor).await;
    }

    pub(super) fn policy(&self) -> &RotationPolicy {
        &self.0.policy
    }

    pub(super) fn store(&self) -> &dyn LocalKeyStore {
        self.0.store.as_ref()
    }

    pub(super) fn sealer(&self) -> Arc<dyn KeySealer> {
        Arc::clone(&self.0.sealer)
    }
}

/// The key of an algorithm that signs.
pub(super) fn current<'a>(
    actor: &Url,
    keys: &'a [StoredKey],
    algorithm: Algorithm,
) -> Result<&'a StoredKey, LocalKeyError> {
    keys.iter()
        .find(|key| key.stage == KeyStage::Current && key.algorithm == algorithm)
        .ok_or_else(|| LocalKeyError::Incomplete {
            actor: actor.clone(),
        })
}

impl KeySource for LocalKeys {
    fn signing_key<'a>(
        &'a self,
        actor_id: &'a Url,
    ) -> BoxFuture<'a, Result<SigningKey, KeySourceError>> {
        Box::pin(async move {
            let keys = self.of(actor_id).await;
            keys.map(|keys| keys.rsa).map_err(no_key)
        })
    }

    fn previous_key<'a>(
        &'a self,
        actor_id: &'a Url,
    ) -> BoxFuture<'a, Result<Option<SigningKey>, KeySourceError>> {
        Box::pin(async move {
            let keys = self.of(actor_id).await;
            keys.map(|keys| keys.previous_rsa).map_err(no_key)
        })
    }
}

impl LocalKeyRing for LocalKeys {
    fn published<'a>(
        &'a self,
        actor: &'a Url,
    ) -> BoxFuture<'a, Result<Vec<ActorKey>, KeySourceError>> {
        Box::pin(async move {
            let keys = self.of(actor).await;
            keys.map(|keys| keys.published.to_vec()).map_err(no_key)
        })
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "used as a function of map_err"
)]
fn no_key(error: LocalKeyError) -> KeySourceError {
    KeySourceError {
        retryable: error.is_retryable(),
        reason: error.to_string(),
    }
}

impl fmt::Debug for LocalKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("LocalKeys")
            .field("store", &self.0.store)
            .field("held", &self.0.held.entry_count())
            .finish_non_exhaustive()
    }
}
