//! Actors, keys and handles of other servers: resolved once, remembered, and never believed
//! without the way back.
//!
//! Each lookup goes memory, then the [`ActorCache`], then the network. Callers that ask for the
//! same actor at the same time share one fetch; failures are remembered too; what one host may be
//! asked is bounded.

mod budget;
mod cache;
mod collection;
mod config;
mod error;
mod fresh;
mod handle;
mod key;
#[cfg(test)]
mod tests;
mod thread;

use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use http::header::{ACCEPT, HeaderValue};
use moka::future::Cache;
use tracing::warn;
use url::Url;

use super::document::{Document, fetch_document};
use super::signer::RequestSigner;
use super::transport::{OutboundRequest, OutboundResponse, Transport};
use crate::clock::{Clock, Timestamp};
use crate::metrics::{self, Source};
use crate::vocab::{Actor, Value};
use budget::Budget;
pub use budget::FetchBudget;
pub use cache::{ActorCache, ActorCacheError, CachedActor, MemoryActorCache};
pub use collection::{CollectionItems, CollectionLimits};
pub use config::DirectoryConfig;
pub use error::DirectoryError;
pub use key::ResolvedKey;
pub use thread::{Conversation, Thread, ThreadLimits};

/// Owners of keys that are remembered at most.
const MAX_KEY_OWNERS: u64 = 10_000;

/// Resolves actors, keys and handles of other servers.
pub struct Directory {
    transport: Arc<dyn Transport>,
    store: Arc<dyn ActorCache>,
    signer: Option<Arc<dyn RequestSigner>>,
    clock: Arc<dyn Clock>,
    config: DirectoryConfig,
    actors: Cache<Url, Entry<Resident>>,
    key_owners: Cache<Url, Entry<Url>>,
    budget: Budget,
}

/// What is remembered in memory about one id: what was found, or why nothing was.
#[derive(Debug)]
struct Entry<T> {
    outcome: Result<Arc<T>, DirectoryError>,
    fetched_at: Timestamp,
    good_until: Timestamp,
}

impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self {
            outcome: self.outcome.clone(),
            ..*self
        }
    }
}

/// An actor with its keys already parsed.
#[derive(Debug)]
struct Resident {
    actor: Arc<Actor>,
    keys: Vec<key::ParsedKey>,
    document_bytes: usize,
}

/// What an entry without a document is counted as, in bytes.
const ENTRY_BYTES: u32 = 1024;

impl Entry<Resident> {
    /// What the entry counts against the memory that the directory may use.
    fn weight(&self) -> u32 {
        let document = self
            .outcome
            .as_ref()
            .map_or(0, |resident| resident.document_bytes);
        u32::try_from(document)
            .unwrap_or(u32::MAX)
            .saturating_add(ENTRY_BYTES)
    }
}

impl Resident {
    fn new(actor: Actor, document_bytes: usize) -> Arc<Self> {
        let actor = Arc::new(actor);
        let keys = key::parse_keys(&actor);
        Arc::new(Self {
            actor,
            keys,
            document_bytes,
        })
    }
}

impl Directory {
    /// A directory that fetches through `transport` and remembers in `store`; with a `signer`,
    /// its GETs are signed.
    pub fn new(
        transport: Arc<dyn Transport>,
        store: Arc<dyn ActorCache>,
        signer: Option<Arc<dyn RequestSigner>>,
        clock: Arc<dyn Clock>,
        config: DirectoryConfig,
    ) -> Self {
        Self {
            transport,
            store,
            signer,
            clock,
            actors: Cache::builder()
                .max_capacity(config.memory_bytes)
                .weigher(|_, entry: &Entry<Resident>| entry.weight())
                .build(),
            key_owners: Cache::new(MAX_KEY_OWNERS),
            budget: Budget::new(config.budget),
            config,
        }
    }

    /// The actor with exactly this id.
    ///
    /// # Errors
    /// [`DirectoryError`] by what went wrong; a document with another id is an error.
    pub async fn actor(&self, id: &Url) -> Result<Arc<Actor>, DirectoryError> {
        let entry = self.resident(id).await;
        entry.outcome.map(|resident| Arc::clone(&resident.actor))
    }

    /// The actor that a page for people, or any URL of its server, leads to.
    ///
    /// # Errors
    /// As [`Directory::actor`], except that the actor may have another id than `url`, as long as
    /// its own server confirms it.
    pub async fn actor_at(&self, url: &Url) -> Result<Arc<Actor>, DirectoryError> {
        let document = self.document(url).await?;
        if document.id == *url {
            return self
                .accept(document)
                .await
                .map(|found| Arc::clone(&found.actor));
        }
        self.actor(&document.id).await
    }

    /// The actor, fetched now unless it was fetched less than
    /// [`DirectoryConfig::refresh_interval`] ago.
    ///
    /// # Errors
    /// As [`Directory::actor`].
    pub async fn refresh(&self, id: &Url) -> Result<Arc<Actor>, DirectoryError> {
        let entry = self.refreshed(id).await;
        entry.outcome.map(|resident| Arc::clone(&resident.actor))
    }

    /// Takes `actor` for what its server would answer now, and uses it from now on.
    ///
    /// A document larger than [`DirectoryConfig::limits`] allow is not taken.
    ///
    /// # Security
    /// For documents that the actor itself has proven, such as by a signed `Update`, once each:
    /// whoever could bring one again would bring back older keys.
    pub async fn replace(&self, actor: Actor) {
        let text = actor.to_value().to_string();
        if text.len() > self.config.limits.max_bytes {
            return;
        }
        let (id, now, length) = (actor.id.clone(), self.clock.now(), text.len());
        if let Err(error) = self.store.save(&id, text, now).await {
            warn!(actor.id = %id, error = %error, "cannot remember an actor");
        }
        let entry = self.entry(Ok(Resident::new(actor, length)), now);
        self.actors.insert(id, entry).await;
    }

    /// Forgets what memory holds about the actor, so that the next question goes to the store.
    pub async fn forget(&self, id: &Url) {
        self.actors.invalidate(id).await;
    }

    async fn resident(&self, id: &Url) -> Entry<Resident> {
        let now = self.clock.now();
        let selector = self.actors.entry_by_ref(id);
        let load = Box::pin(self.load(id, false));
        let stale = |entry: &Entry<Resident>| entry.good_until <= now;
        let found = selector.or_insert_with_if(load, stale).await;
        if !found.is_fresh() {
            metrics::looked_up(Source::Memory);
        }
        found.into_value()
    }

    async fn refreshed(&self, id: &Url) -> Entry<Resident> {
        let now = self.clock.now();
        let interval = self.config.refresh_interval;
        let selector = self.actors.entry_by_ref(id);
        let load = Box::pin(self.load(id, true));
        let due = |entry: &Entry<Resident>| entry.fetched_at.plus(interval) <= now;
        selector.or_insert_with_if(load, due).await.into_value()
    }

    /// From the store when it is fresh there and no fetch is forced, else from the network.
    async fn load(&self, id: &Url, force: bool) -> Entry<Resident> {
        let now = self.clock.now();
        let stored = match self.store.load(id).await {
            Ok(stored) => stored,
            Err(error) => return self.entry(Err(error.into()), now),
        };
        if let Some(stored) = &stored {
            let last = stored.gone_at.unwrap_or(stored.fetched_at);
            let too_soon = last.plus(self.config.refresh_interval) > now;
            let fresh = last.plus(self.config.fresh_for) > now;
            if too_soon || (fresh && !force) {
                metrics::looked_up(Source::Store);
                if stored.gone_at.is_some() {
                    return self.entry(Err(gone(id)), last);
                }
                if let Some(actor) = read_stored(id, stored) {
                    return self.entry(Ok(actor), last);
                }
            }
        }
        metrics::looked_up(Source::Network);
        let fetched = match self.document(id).await {
            Ok(document) if document.id == *id => self.accept(document).await,
            Ok(document) => Err(DirectoryError::IdMismatch {
                asked: id.to_string(),
                found: document.id.to_string(),
            }),
            Err(error) => Err(error),
        };
        match fetched {
            Err(error) if error.status() == Some(StatusCode::GONE) => {
                if let Err(error) = self.store.mark_gone(id, now).await {
                    warn!(actor.id = %id, error = %error, "cannot remember that an actor is gone");
                }
                self.entry(Err(gone(id)), now)
            }
            Err(error) if error.is_retryable() => {
                let usable = stored.filter(|stored| {
                    let kept_until = stored.fetched_at.plus(self.config.stale_for);
                    stored.gone_at.is_none() && kept_until > now
                });
                match usable.and_then(|stored| read_stored(id, &stored)) {
                    Some(actor) => Entry {
                        outcome: Ok(actor),
                        fetched_at: error.asked_at(now),
                        good_until: now.plus(error.kept_for()),
                    },
                    None => self.entry(Err(error), now),
                }
            }
            outcome => self.entry(outcome, now),
        }
    }

    fn entry<T>(&self, outcome: Result<Arc<T>, DirectoryError>, fetched_at: Timestamp) -> Entry<T> {
        let kept = match &outcome {
            Ok(_) | Err(DirectoryError::Gone { .. }) => self.config.fresh_for,
            Err(error) => error.kept_for(),
        };
        let fetched_at = match &outcome {
            Ok(_) => fetched_at,
            Err(error) => error.asked_at(fetched_at),
        };
        Entry {
            outcome,
            fetched_at,
            good_until: fetched_at.plus(kept),
        }
    }

    /// The document at `url`, whatever it is, fetched now and not remembered.
    ///
    /// # Errors
    /// [`DirectoryError`] by what went wrong.
    ///
    /// # Security
    /// As [`fetch_document`], within the budget of its host.
    pub async fn document(&self, url: &Url) -> Result<Document, DirectoryError> {
        let _permit = self.budget.admit(url, self.clock.now()).await?;
        let signer = self.signer.as_ref();
        let fetching = fetch_document(
            self.transport.as_ref(),
            signer,
            self.clock.as_ref(),
            self.config.limits,
            url,
        );
        Ok(fetching.await?)
    }

    /// One unsigned GET within the budget of its host, whatever its status.
    pub(crate) async fn exchange(
        &self,
        url: &Url,
        accept: &'static str,
        max_bytes: usize,
    ) -> Result<OutboundResponse, DirectoryError> {
        let _permit = self.budget.admit(url, self.clock.now()).await?;
        let limits = self.config.limits.with_max_bytes(max_bytes);
        let mut request = OutboundRequest::get(url.clone(), limits);
        let accept = HeaderValue::from_static(accept);
        request.headers.insert(ACCEPT, accept);
        Ok(self.transport.execute(request).await?)
    }

    /// Reads a confirmed document as an actor and remembers it.
    async fn accept(&self, document: Document) -> Result<Arc<Resident>, DirectoryError> {
        // The strict reader has read the bytes as UTF-8 before, so nothing is replaced.
        let text = String::from_utf8_lossy(&document.bytes).into_owned();
        let document_bytes = text.len();
        let actor = Actor::from_value(Value::Object(document.map))?;
        let id = actor.id.clone();
        let now = self.clock.now();
        if let Err(error) = self.store.save(&id, text, now).await {
            warn!(actor.id = %id, error = %error, "cannot remember an actor");
        }
        Ok(Resident::new(actor, document_bytes))
    }
}

impl fmt::Debug for Directory {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Directory")
            .field("transport", &self.transport)
            .field("store", &self.store)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn gone(id: &Url) -> DirectoryError {
    DirectoryError::Gone { id: id.to_string() }
}

fn read_stored(id: &Url, stored: &CachedActor) -> Option<Arc<Resident>> {
    let actor = Actor::parse(stored.document.as_bytes()).ok()?;
    (actor.id == *id).then(|| Resident::new(actor, stored.document.len()))
}
