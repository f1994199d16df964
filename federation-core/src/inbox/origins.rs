//! What the inbox asks of the origin of an activity that somebody else brings.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::StatusCode;
use thiserror::Error;
use url::Url;

use crate::fetch::{Cause, Directory, DirectoryError, Document};
use crate::vocab::Actor;

/// Asks servers what they say about ids of theirs.
///
/// # Security
/// An implementation asks the origin of the id itself, through the guarded client, and spends a
/// bounded number of fetches per remote host, whoever asks.
pub trait Origins: fmt::Debug + Send + Sync + 'static {
    /// What the origin of `id` shows under precisely this id, now.
    fn ask<'a>(&'a self, id: &'a Url) -> BoxFuture<'a, Result<OriginAnswer, OriginError>>;

    /// The actor with precisely this id, from memory when it is there.
    fn actor<'a>(&'a self, id: &'a Url) -> BoxFuture<'a, Result<Arc<Actor>, OriginError>>;
}

/// What an origin says about an id of its own.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a document is there, or it was and is no longer"
)]
pub enum OriginAnswer {
    /// The document with this id.
    Shows(Box<Document>),
    /// It is gone (410).
    Gone,
}

/// Why an origin says nothing of use.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OriginError {
    /// It cannot be asked now, and perhaps later.
    #[error("the origin cannot be asked now")]
    Unavailable {
        /// How long to wait, when that is known.
        retry_after: Option<Duration>,
        /// What happened.
        #[source]
        source: Cause,
    },
    /// It shows nothing under that id, or something else.
    #[error("the origin does not show it")]
    NotShown(#[source] Cause),
    /// It shows another activity under that id than the one that came.
    #[error("the origin shows something else under that id")]
    Differs,
    /// Activities of this kind are believed only when they are proven or come from their actor.
    #[error("activities of this kind are not looked up")]
    NotAsked,
}

impl OriginError {
    /// Whether asking again later may help.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// How long to wait before asking again, when that is known.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => *retry_after,
            _ => None,
        }
    }
}

impl From<DirectoryError> for OriginError {
    fn from(fault: DirectoryError) -> Self {
        if fault.is_retryable() {
            Self::Unavailable {
                retry_after: fault.retry_after(),
                source: fault.into(),
            }
        } else {
            Self::NotShown(fault.into())
        }
    }
}

impl Origins for Directory {
    fn ask<'a>(&'a self, id: &'a Url) -> BoxFuture<'a, Result<OriginAnswer, OriginError>> {
        Box::pin(async move {
            match self.document(id).await {
                Ok(document) if document.id == *id => Ok(OriginAnswer::Shows(Box::new(document))),
                Ok(_other) => Err(OriginError::Differs),
                Err(fault) if fault.status() == Some(StatusCode::GONE) => Ok(OriginAnswer::Gone),
                Err(fault) => Err(fault.into()),
            }
        })
    }

    fn actor<'a>(&'a self, id: &'a Url) -> BoxFuture<'a, Result<Arc<Actor>, OriginError>> {
        Box::pin(async move { Ok(Self::actor(self, id).await?) })
    }
}
