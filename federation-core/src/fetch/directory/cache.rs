//! Where actors' documents are remembered across restarts.

use std::fmt;

use futures_util::future::BoxFuture;
use moka::sync::Cache;
use thiserror::Error;
use url::Url;

use crate::clock::Timestamp;
use crate::fetch::error::Cause;

/// Remembers the documents of remote actors, by the actor's id.
pub trait ActorCache: fmt::Debug + Send + Sync + 'static {
    /// What is known about the actor `id`.
    fn load<'a>(
        &'a self,
        id: &'a Url,
    ) -> BoxFuture<'a, Result<Option<CachedActor>, ActorCacheError>>;

    /// Remembers the document of the actor `id`, in place of what was known, a mark that the
    /// actor is gone included.
    fn save<'a>(
        &'a self,
        id: &'a Url,
        document: String,
        fetched_at: Timestamp,
    ) -> BoxFuture<'a, Result<(), ActorCacheError>>;

    /// Remembers that the actor `id` is gone, whether it was known or not.
    fn mark_gone<'a>(
        &'a self,
        id: &'a Url,
        gone_at: Timestamp,
    ) -> BoxFuture<'a, Result<(), ActorCacheError>>;
}

/// What is remembered of one actor.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "stores of embedders build it")]
pub struct CachedActor {
    /// The JSON document as it came; empty when the actor was gone before it was known.
    pub document: String,
    /// When it was fetched.
    pub fetched_at: Timestamp,
    /// When its server said that it is gone.
    pub gone_at: Option<Timestamp>,
}

/// The store behind an [`ActorCache`] failed; trying again may help.
#[derive(Debug, Error)]
#[error("the store of remote actors failed")]
pub struct ActorCacheError(#[source] Cause);

impl ActorCacheError {
    /// Wraps the store's own error.
    pub fn new(cause: impl Into<Cause>) -> Self {
        Self(cause.into())
    }
}

/// An [`ActorCache`] in memory; forgets what was used least when it is full.
#[derive(Clone, Debug)]
pub struct MemoryActorCache(Cache<Url, CachedActor>);

impl MemoryActorCache {
    /// Remembers documents of up to `bytes` bytes in all.
    pub fn new(bytes: u64) -> Self {
        let weight = |id: &Url, cached: &CachedActor| {
            let length = cached.document.len().saturating_add(id.as_str().len());
            u32::try_from(length).unwrap_or(u32::MAX)
        };
        Self(Cache::builder().max_capacity(bytes).weigher(weight).build())
    }
}

impl Default for MemoryActorCache {
    /// Up to 64 MiB of documents.
    fn default() -> Self {
        Self::new(64 * 1024 * 1024)
    }
}

impl ActorCache for MemoryActorCache {
    fn load<'a>(
        &'a self,
        id: &'a Url,
    ) -> BoxFuture<'a, Result<Option<CachedActor>, ActorCacheError>> {
        Box::pin(async move { Ok(self.0.get(id)) })
    }

    fn save<'a>(
        &'a self,
        id: &'a Url,
        document: String,
        fetched_at: Timestamp,
    ) -> BoxFuture<'a, Result<(), ActorCacheError>> {
        let cached = CachedActor {
            document,
            fetched_at,
            gone_at: None,
        };
        self.0.insert(id.clone(), cached);
        Box::pin(async { Ok(()) })
    }

    fn mark_gone<'a>(
        &'a self,
        id: &'a Url,
        gone_at: Timestamp,
    ) -> BoxFuture<'a, Result<(), ActorCacheError>> {
        let mut cached = self.0.get(id).unwrap_or(CachedActor {
            document: String::new(),
            fetched_at: gone_at,
            gone_at: None,
        });
        cached.gone_at = Some(gone_at);
        self.0.insert(id.clone(), cached);
        Box::pin(async { Ok(()) })
    }
}
