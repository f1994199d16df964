//! What the inbox asks of the directory: who owns a key, and whether an actor is gone.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::StatusCode;
use thiserror::Error;
use url::Url;

use crate::fetch::{Cause, Directory, DirectoryError, ResolvedKey};
use crate::signature::PublicKey;
use crate::vocab::Actor;

/// A key and the actor that both is named by it and lists it.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "directories of embedders build it"
)]
pub struct OwnedKey {
    /// The owner.
    pub owner: Arc<Actor>,
    /// The key.
    pub key: PublicKey,
}

/// Finds keys for signatures.
///
/// # Security
/// An implementation gives a key only when key and actor name each other on one origin, and spends
/// a bounded number of fetches per remote host, whoever asks.
pub trait KeyDirectory: fmt::Debug + Send + Sync + 'static {
    /// The key with this id, from memory when it is there.
    fn key<'a>(&'a self, key_id: &'a Url) -> BoxFuture<'a, Result<OwnedKey, KeyLookupError>>;

    /// The key with this id when it is known without asking anybody; nothing is fetched.
    ///
    /// Without an answer, the source of the request pays for a fetch before
    /// [`KeyDirectory::key`] is asked.
    fn known_key<'a>(&'a self, _key_id: &'a Url) -> BoxFuture<'a, Option<OwnedKey>> {
        Box::pin(async { None })
    }

    /// The key with this id as its owner shows it now, for a signature that did not verify.
    fn refresh_key<'a>(
        &'a self,
        key_id: &'a Url,
    ) -> BoxFuture<'a, Result<OwnedKey, KeyLookupError>>;

    /// Whether the actor's own server answers 410 for precisely this id.
    fn is_gone<'a>(&'a self, actor: &'a Url) -> BoxFuture<'a, bool>;
}

/// Why a key could not be had.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum KeyLookupError {
    /// The server of the key answers 410: the actor is gone.
    #[error("the actor of the key is gone")]
    Gone,
    /// The key cannot be fetched now, and perhaps later.
    #[error("the key cannot be fetched now")]
    Unavailable {
        /// How long to wait, when that is known.
        retry_after: Option<Duration>,
        /// What happened.
        #[source]
        source: Cause,
    },
    /// There is no such key, or it is not linked both ways with an actor, or too weak.
    #[error("the key cannot be used")]
    Unusable(#[source] Cause),
}

impl KeyLookupError {
    /// Whether the same key may be had later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }
}

impl KeyDirectory for Directory {
    fn key<'a>(&'a self, key_id: &'a Url) -> BoxFuture<'a, Result<OwnedKey, KeyLookupError>> {
        Box::pin(async move { owned(Self::key(self, key_id).await) })
    }

    fn known_key<'a>(&'a self, key_id: &'a Url) -> BoxFuture<'a, Option<OwnedKey>> {
        Box::pin(async move {
            let known = Self::known_key(self, key_id).await?;
            owned(Ok(known)).ok()
        })
    }

    fn refresh_key<'a>(
        &'a self,
        key_id: &'a Url,
    ) -> BoxFuture<'a, Result<OwnedKey, KeyLookupError>> {
        Box::pin(async move { owned(Self::refresh_key(self, key_id).await) })
    }

    fn is_gone<'a>(&'a self, actor: &'a Url) -> BoxFuture<'a, bool> {
        Box::pin(async move {
            let found = self.actor(actor).await;
            found.is_err_and(|fault| fault.is_gone())
        })
    }
}

fn owned(found: Result<Arc<ResolvedKey>, DirectoryError>) -> Result<OwnedKey, KeyLookupError> {
    match found {
        Ok(resolved) => Ok(OwnedKey {
            owner: Arc::clone(&resolved.owner),
            key: resolved.key.clone(),
        }),
        Err(fault) if fault.status() == Some(StatusCode::GONE) => Err(KeyLookupError::Gone),
        Err(fault) if fault.is_retryable() => Err(KeyLookupError::Unavailable {
            retry_after: fault.retry_after(),
            source: fault.into(),
        }),
        Err(fault) => Err(KeyLookupError::Unusable(fault.into())),
    }
}
