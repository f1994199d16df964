//! The port to where keys are kept, and what is kept of each.

use std::fmt;

use futures_util::future::BoxFuture;
use url::Url;

use crate::clock::Timestamp;
use crate::signature::{Algorithm, KeyError, PublicKey, SigningKey};
use crate::store::StoreError;
use crate::vocab::ActorKey;

/// How far a key has come. An actor has at most one key of each algorithm in each of the first
/// three stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyStage {
    /// Listed in the actor's document, so that others learn it before it signs.
    Next,
    /// Signs.
    Current,
    /// Still listed: what it signed is on its way, and some peers know no other yet.
    Previous,
    /// No longer listed; its private half is erased.
    Retired,
}

impl KeyStage {
    /// The word that is stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Next => "next",
            Self::Current => "current",
            Self::Previous => "previous",
            Self::Retired => "retired",
        }
    }

    /// Reads the word; `None` for any other.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Next, Self::Current, Self::Previous, Self::Retired]
            .into_iter()
            .find(|stage| stage.as_str() == word)
    }
}

/// A key as it is kept.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredKey {
    /// The id under which the public half is listed; never used for another key.
    pub key_id: Url,
    /// Whose it is.
    pub actor: Url,
    /// Its algorithm.
    pub algorithm: Algorithm,
    /// The private half, sealed; empty once the key is retired.
    pub sealed: Vec<u8>,
    /// The public half as PEM.
    pub public_key: String,
    /// How far it has come.
    pub stage: KeyStage,
    /// Since when it is there.
    pub stage_since: Timestamp,
    /// When it was made.
    pub created_at: Timestamp,
}

impl fmt::Debug for StoredKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StoredKey")
            .field("key_id", &self.key_id.as_str())
            .field("stage", &self.stage)
            .field("stage_since", &self.stage_since)
            .finish_non_exhaustive()
    }
}

/// The keys of an actor's document: the current RSA key as `publicKey`, then as `Multikey` the
/// current Ed25519 key and whatever comes before or after.
///
/// # Errors
/// A stored public key cannot be read.
pub fn published(keys: &[StoredKey]) -> Result<Vec<ActorKey>, KeyError> {
    let rank = |key: &StoredKey| match (key.stage, key.algorithm) {
        (KeyStage::Current, Algorithm::RsaSha256) => Some(0),
        (KeyStage::Current, Algorithm::Ed25519) => Some(1),
        (KeyStage::Next, _) => Some(2),
        (KeyStage::Previous, _) => Some(3),
        (KeyStage::Retired, _) => None,
    };
    let mut listed: Vec<(i32, &StoredKey)> = keys
        .iter()
        .filter_map(|key| Some((rank(key)?, key)))
        .collect();
    listed.sort_by_key(|(rank, key)| (*rank, key.key_id.as_str()));
    listed
        .into_iter()
        .map(|(rank, key)| {
            let (id, owner) = (key.key_id.clone(), key.actor.clone());
            if rank == 0 {
                return Ok(ActorKey::pem(id, owner, key.public_key.clone()));
            }
            let multibase = PublicKey::from_pem(&key.public_key)?.to_multibase()?;
            Ok(ActorKey::multibase(id, owner, multibase))
        })
        .collect()
}

/// A step of an actor's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyStep {
    /// The actor gets its first keys, as [`KeyStage::Current`]. Void when it has any.
    First,
    /// New keys come in as [`KeyStage::Next`]. Void while a rotation is under way.
    Publish,
    /// The next keys become current, the current ones previous. Void when there is nothing next.
    Switch,
    /// The previous keys are retired. Void when there are none.
    Retire,
}

/// A step to take, with what follows from it.
#[derive(Clone)]
pub struct KeyChange {
    /// Whose keys.
    pub actor: Url,
    /// The step.
    pub step: KeyStep,
    /// Keys to insert: for [`KeyStep::First`] and [`KeyStep::Publish`].
    pub inserted: Vec<StoredKey>,
    /// The keys that the actor's document lists after the step.
    pub published: Vec<ActorKey>,
    /// The Ed25519 key that is current after the step, to prove the new document with.
    pub prover: SigningKey,
    /// When it is taken.
    pub at: Timestamp,
}

impl fmt::Debug for KeyChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("KeyChange")
            .field("actor", &self.actor.as_str())
            .field("step", &self.step)
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// Where the keys of local actors are kept.
pub trait LocalKeyStore: fmt::Debug + Send + Sync + 'static {
    /// All keys of an actor that are not retired, newest first.
    fn of_actor<'a>(&'a self, actor: &'a Url) -> BoxFuture<'a, Result<Vec<StoredKey>, StoreError>>;

    /// Takes a step as one change; whether it was taken, and not void.
    fn change(&self, change: KeyChange) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Actors with a key in `stage` since `since` or longer, at most `limit`.
    fn due(
        &self,
        stage: KeyStage,
        since: Timestamp,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Url>, StoreError>>;
}
