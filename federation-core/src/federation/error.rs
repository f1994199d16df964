//! What a handler can fail with, what the sender is told then, and why a federation is not built.

use std::time::Duration;

use http::StatusCode;
use thiserror::Error;

use super::queue::QueueError;
use crate::inbox::InboxAnswer;
use crate::outbox::KeySourceError;
use crate::store::StoreError;

/// How long a sender waits when nothing better is known.
const RETRY_AFTER: Duration = Duration::from_mins(1);

/// Why a handler gives an activity no effect; nothing of it is kept then, its record neither.
///
/// An activity that is of no interest is no failure: the handler returns `Ok(())`.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HandlerError {
    /// The sender may not do this, and never will: answered with 403.
    #[error("refused: {detail}")]
    Refused {
        /// A stable word for what is wrong.
        code: &'static str,
        /// What is wrong, for people; it is told to the sender.
        detail: String,
    },
    /// Not now, but perhaps later: answered with 503.
    #[error("not now: {detail}")]
    Later {
        /// What is missing, for people; it is told to the sender.
        detail: String,
        /// How long the sender should wait.
        retry_after: Duration,
    },
    /// The store failed: answered with 503 when it may work later, else with 500.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// What the handler queued cannot be sent: answered with 500, since the fault lies here.
    #[error("an answer cannot be queued")]
    Queue(#[from] QueueError),
}

impl HandlerError {
    /// The sender may not do this.
    pub fn refused(code: &'static str, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self::Refused { code, detail }
    }

    /// Not now; the sender shall come again after a while.
    pub fn later(detail: impl Into<String>, retry_after: Duration) -> Self {
        Self::Later {
            detail: detail.into(),
            retry_after,
        }
    }

    /// Whether the same activity may pass later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Later { .. } => true,
            Self::Store(error) => error.is_retryable(),
            Self::Refused { .. } | Self::Queue(_) => false,
        }
    }

    /// What the sender is told: nothing about this server's inside.
    pub(super) fn answer(&self) -> InboxAnswer {
        match self {
            Self::Refused { code, detail } => {
                InboxAnswer::refused(StatusCode::FORBIDDEN, code, detail)
            }
            Self::Later {
                detail,
                retry_after,
            } => InboxAnswer::refused(StatusCode::SERVICE_UNAVAILABLE, "later", detail)
                .retry_after(*retry_after),
            Self::Store(error) if error.is_retryable() => InboxAnswer::refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "store_busy",
                "the server is busy",
            )
            .retry_after(RETRY_AFTER),
            Self::Store(_) | Self::Queue(_) => InboxAnswer::refused(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "the server failed",
            ),
        }
    }
}

#[cfg(feature = "diesel")]
impl From<crate::store::sql::DatabaseError> for HandlerError {
    fn from(error: crate::store::sql::DatabaseError) -> Self {
        Self::Store(error.into())
    }
}

#[cfg(feature = "diesel")]
impl From<diesel::result::Error> for HandlerError {
    fn from(error: diesel::result::Error) -> Self {
        crate::store::sql::DatabaseError::from(error).into()
    }
}

/// Why a federation could not be put together.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The origin is no `https` origin, and plain HTTP was not asked for.
    #[error("{origin} is not an https:// origin; for tests on one machine see `on_loopback`")]
    Origin {
        /// What was given.
        origin: String,
    },
    /// No way out was given.
    #[error("a federation needs a transport")]
    NoTransport,
    /// Nothing handles what arrives.
    #[error("a federation needs a handler")]
    NoHandler,
    /// There are no keys to sign with.
    #[error("a federation needs the keys of its actors")]
    NoKeys,
    /// The keys of the server's own actor could not be had.
    #[error("the server's own keys cannot be had")]
    Keys(#[from] KeySourceError),
    /// The store could not be prepared.
    #[error("the store cannot be prepared")]
    Store(#[from] StoreError),
    /// The client for outgoing requests could not be set up.
    #[cfg(feature = "client")]
    #[error("the client cannot be set up")]
    Client(#[from] crate::fetch::client::ClientError),
}
