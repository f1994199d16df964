//! Why an actor, key or handle could not be resolved.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use thiserror::Error;
use webfinger::{HandleError, ResolveError};

use super::cache::ActorCacheError;
use crate::clock::Timestamp;
use crate::fetch::document::DocumentError;
use crate::fetch::error::FetchError;
use crate::signature::KeyError;
use crate::vocab::VocabError;

/// How long a failure is remembered when its server has not said how long to wait.
const FAILURE_KEPT: Duration = Duration::from_mins(1);

/// How long a failure is remembered at most, whatever its server says.
const MAX_FAILURE_KEPT: Duration = Duration::from_hours(1);

/// Why an actor, key or handle could not be resolved.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum DirectoryError {
    /// The actor's server says that the actor is gone (410).
    #[error("the actor {id} is gone")]
    Gone {
        /// The actor.
        id: String,
    },
    /// The document could not be had.
    #[error("the document could not be fetched")]
    Document(#[source] Arc<DocumentError>),
    /// The document is not an actor, or not a key.
    #[error("the document is not what it should be")]
    Vocab(#[source] Arc<VocabError>),
    /// The document found at an actor's id belongs to another actor.
    #[error("the document of {asked} has the id {found}")]
    IdMismatch {
        /// The id that was asked for.
        asked: String,
        /// The id that the document has.
        found: String,
    },
    /// The document found at a key's id is another key.
    #[error("the key document of {asked} has the id {found}")]
    WrongKeyId {
        /// The key id that was asked for.
        asked: String,
        /// The id that the document has.
        found: String,
    },
    /// The key lies on another origin than the actor it claims as its owner.
    #[error("the key {key_id} lies elsewhere than its owner {owner}")]
    KeyElsewhere {
        /// The key.
        key_id: String,
        /// The claimed owner.
        owner: String,
    },
    /// The claimed owner does not show the key as its own.
    #[error("the actor {owner} does not list the key {key_id}")]
    KeyNotListed {
        /// The key.
        key_id: String,
        /// The claimed owner.
        owner: String,
    },
    /// The collection names an owner for whom its server cannot speak.
    #[error("the collection {id} names {owner} of another server as its owner")]
    ForeignOwner {
        /// The collection.
        id: String,
        /// The claimed owner.
        owner: String,
    },
    /// The key is of a kind or strength that is not accepted.
    #[error("the key {key_id} cannot be used")]
    UnusableKey {
        /// The key.
        key_id: String,
        /// What is wrong with it.
        #[source]
        source: Arc<KeyError>,
    },
    /// Too many fetches from this host, or from all hosts together, for now.
    #[error("too many fetches from {host} for now")]
    OverBudget {
        /// The host.
        host: String,
        /// When the next fetch will be let through.
        retry_after: Duration,
    },
    /// The store of remote actors failed.
    #[error("the store of remote actors failed")]
    Store(#[source] Arc<ActorCacheError>),
    /// The text is not a handle.
    #[error("not a handle")]
    Handle(#[source] Arc<HandleError>),
    /// The `WebFinger` request brought no answer.
    #[error("no answer to the handle lookup")]
    Fetch(#[source] Arc<FetchError>),
    /// The handle leads nowhere, or not back.
    #[error("the handle could not be resolved")]
    WebFinger(#[source] Arc<ResolveError<DirectoryError>>),
}

impl DirectoryError {
    /// Whether asking again later may help.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Document(error) => error.is_retryable(),
            Self::Fetch(error) => error.is_retryable(),
            Self::WebFinger(error) => match error.as_ref() {
                ResolveError::Fetch(error) => error.is_retryable(),
                ResolveError::Status(status) => *status >= 500 || *status == 429,
                _ => false,
            },
            Self::OverBudget { .. } | Self::Store(_) => true,
            _ => false,
        }
    }

    /// How long to wait before asking again, when that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Document(error) => error.retry_after(),
            Self::Fetch(error) => error.retry_after(),
            Self::OverBudget { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }

    /// Whether the actor's own server says that the actor is gone.
    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone { .. })
    }

    /// The HTTP status that the document was refused with.
    pub fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Document(error) => error.status(),
            Self::Gone { .. } => Some(StatusCode::GONE),
            _ => None,
        }
    }

    /// When the server was asked that failed so: never, when the budget kept this one from asking.
    ///
    /// What others have used up of a budget tells nothing about the actor, so it is not remembered.
    pub(super) fn asked_at(&self, now: Timestamp) -> Timestamp {
        if matches!(self, Self::OverBudget { .. }) {
            Timestamp::from_millis(0)
        } else {
            now
        }
    }

    /// How long it is remembered.
    pub(super) fn kept_for(&self) -> Duration {
        let asked = self.retry_after().unwrap_or(FAILURE_KEPT);
        asked.min(MAX_FAILURE_KEPT)
    }

    /// Whether the document there is simply something else than was looked for.
    pub(super) fn is_other_document(&self) -> bool {
        match self {
            Self::Vocab(_) | Self::IdMismatch { .. } => true,
            Self::Document(error) => matches!(
                error.as_ref(),
                DocumentError::ForeignId { .. } | DocumentError::NoId
            ),
            _ => false,
        }
    }
}

impl From<DocumentError> for DirectoryError {
    fn from(error: DocumentError) -> Self {
        Self::Document(Arc::new(error))
    }
}

impl From<VocabError> for DirectoryError {
    fn from(error: VocabError) -> Self {
        Self::Vocab(Arc::new(error))
    }
}

impl From<ActorCacheError> for DirectoryError {
    fn from(error: ActorCacheError) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl From<FetchError> for DirectoryError {
    fn from(error: FetchError) -> Self {
        Self::Fetch(Arc::new(error))
    }
}

impl From<ResolveError<DirectoryError>> for DirectoryError {
    fn from(error: ResolveError<DirectoryError>) -> Self {
        Self::WebFinger(Arc::new(error))
    }
}
