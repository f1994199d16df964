//! Keys: from the id in a signature to a key and the actor that really owns it.

use std::sync::Arc;

use url::Url;

use super::error::DirectoryError;
use super::{Directory, Entry, Resident};
use crate::fetch::document::fetch_unconfirmed;
use crate::signature::{KeyError, PublicKey};
use crate::vocab::{Actor, ActorKey, KeyDocument, KeyMaterial, same_origin};

/// A key, linked both ways with its owner: the key names the actor, the actor lists the key.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ResolvedKey {
    /// The id that the actor lists the key under.
    pub key_id: Url,
    /// Whose it is.
    pub owner: Arc<Actor>,
    /// The key, ready for use.
    pub key: PublicKey,
}

/// A key of an actor, as far as it can be used.
#[derive(Debug)]
pub(super) struct ParsedKey {
    id: Url,
    outcome: Result<Arc<ResolvedKey>, Arc<KeyError>>,
}

/// Parses the keys that name the actor as their owner.
pub(super) fn parse_keys(actor: &Arc<Actor>) -> Vec<ParsedKey> {
    let own = actor.public_keys.iter().filter(|key| key.owner == actor.id);
    own.map(|key| ParsedKey {
        id: key.id.clone(),
        outcome: parse(key, actor).map(Arc::new).map_err(Arc::new),
    })
    .collect()
}

fn parse(key: &ActorKey, owner: &Arc<Actor>) -> Result<ResolvedKey, KeyError> {
    let parsed = match &key.material {
        KeyMaterial::Pem(pem) => PublicKey::from_pem(pem)?,
        KeyMaterial::Multibase(text) => PublicKey::from_multibase(text)?,
    };
    Ok(ResolvedKey {
        key_id: key.id.clone(),
        owner: Arc::clone(owner),
        key: parsed,
    })
}

impl Resident {
    /// The key listed under this id. A signature may also name the actor itself in place of its
    /// only key, as older servers do.
    fn key(&self, key_id: &Url) -> Option<&ParsedKey> {
        let listed = self.keys.iter().find(|key| key.id == *key_id);
        listed.or(match self.keys.as_slice() {
            [only] if self.actor.id == *key_id => Some(only),
            _ => None,
        })
    }

    /// The key listed under this id, when it can be used.
    pub(super) fn resolved(&self, key_id: &Url) -> Option<Arc<ResolvedKey>> {
        let parsed = self.key(key_id)?;
        parsed.outcome.as_ref().ok().map(Arc::clone)
    }
}

impl Directory {
    /// The key that a signature names, with the actor that owns it.
    ///
    /// # Errors
    /// [`DirectoryError`] by what went wrong.
    ///
    /// # Security
    /// A key document proves nothing by itself: the actor that it names has to be on the same
    /// origin and to list the key under the same id, and the key has to name that actor as owner.
    /// An actor that does not list the key is fetched again, at most once per
    /// [`DirectoryConfig::refresh_interval`](super::DirectoryConfig::refresh_interval).
    pub async fn key(&self, key_id: &Url) -> Result<Arc<ResolvedKey>, DirectoryError> {
        let owner = self.owner_of(key_id).await?;
        let resident = self.resident(&owner).await.outcome?;
        if resident.key(key_id).is_some() {
            return pick(&resident, key_id);
        }
        pick(self.refreshed(&owner).await.outcome?.as_ref(), key_id)
    }

    /// The key after fetching its owner again, for a signature that did not verify: the owner may
    /// have changed keys. Fetches at most once per
    /// [`DirectoryConfig::refresh_interval`](super::DirectoryConfig::refresh_interval), and gives
    /// the known key in between.
    ///
    /// # Errors
    /// As [`Directory::key`].
    pub async fn refresh_key(&self, key_id: &Url) -> Result<Arc<ResolvedKey>, DirectoryError> {
        let owner = self.owner_of(key_id).await?;
        pick(self.refreshed(&owner).await.outcome?.as_ref(), key_id)
    }

    /// The actor that owns the key by its own account; on the same origin, nothing more is known.
    async fn owner_of(&self, key_id: &Url) -> Result<Url, DirectoryError> {
        if key_id.fragment().is_some() {
            let mut actor = key_id.clone();
            actor.set_fragment(None);
            match self.resident(&actor).await.outcome {
                Ok(_) => return Ok(actor),
                Err(error) if error.is_other_document() => {}
                Err(error) => return Err(error),
            }
        }
        let now = self.clock.now();
        let selector = self.key_owners.entry_by_ref(key_id);
        let load = Box::pin(self.load_owner(key_id));
        let stale = |entry: &Entry<Url>| entry.good_until <= now;
        let entry = selector.or_insert_with_if(load, stale).await.into_value();
        entry.outcome.map(|owner| Url::clone(&owner))
    }

    async fn load_owner(&self, key_id: &Url) -> Entry<Url> {
        let outcome = self.fetch_owner(key_id).await;
        self.entry(outcome.map(Arc::new), self.clock.now())
    }

    async fn fetch_owner(&self, key_id: &Url) -> Result<Url, DirectoryError> {
        let _permit = self.budget.admit(key_id, self.clock.now()).await?;
        let fetching = fetch_unconfirmed(
            self.transport.as_ref(),
            self.signer.as_ref(),
            self.clock.as_ref(),
            self.config.limits,
            key_id,
        );
        let (found_at, _, map) = fetching.await?;
        let owner = match KeyDocument::from_map(&map)? {
            KeyDocument::Actor(id) => id,
            KeyDocument::Key(key) if key.id == *key_id => key.owner,
            KeyDocument::Key(key) => {
                return Err(DirectoryError::WrongKeyId {
                    asked: key_id.to_string(),
                    found: key.id.to_string(),
                });
            }
        };
        if same_origin(&owner, key_id) && same_origin(&found_at, key_id) {
            return Ok(owner);
        }
        Err(DirectoryError::KeyElsewhere {
            key_id: key_id.to_string(),
            owner: owner.to_string(),
        })
    }
}

fn pick(resident: &Resident, key_id: &Url) -> Result<Arc<ResolvedKey>, DirectoryError> {
    match resident.key(key_id) {
        Some(ParsedKey {
            outcome: Ok(key), ..
        }) => Ok(Arc::clone(key)),
        Some(ParsedKey {
            outcome: Err(source),
            ..
        }) => Err(DirectoryError::UnusableKey {
            key_id: key_id.to_string(),
            source: Arc::clone(source),
        }),
        None => Err(DirectoryError::KeyNotListed {
            key_id: key_id.to_string(),
            owner: resident.actor.id.to_string(),
        }),
    }
}
