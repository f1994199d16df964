//! Why a request had no effect, or an activity was not queued.

use http::StatusCode;
use thiserror::Error;

use crate::federation::HandlerError;
use crate::inbox::{ReceiveError, RequestError};
use crate::store::StoreError;

/// Why a received request had no effect; `E` is the application's own error.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum CompatError<E> {
    /// The target of the request is no path.
    #[error("the request cannot be read")]
    Request(#[from] RequestError),
    /// The request does not pass the checks.
    #[error("the request is refused")]
    Refused(#[from] ReceiveError),
    /// The activity is of no kind that the application reads.
    #[error("the activity is not one that this application reads")]
    NotRead(#[source] serde_json::Error),
    /// The application's type reads another id or actor in it than what is proved.
    #[error("the activity was read as another than the one that is proved")]
    Misread,
    /// The application refused or failed.
    #[error("the application gave the activity no effect")]
    Application(E),
    /// The store failed.
    #[error("the store failed")]
    Store(#[source] StoreError),
}

impl<E> CompatError<E> {
    /// The status to answer with. What the application itself refuses is 500, since its error says
    /// nothing more; it may match [`CompatError::Application`] and know better.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Request(_) | Self::NotRead(_) | Self::Misread => StatusCode::BAD_REQUEST,
            Self::Refused(error) => error.status(),
            Self::Store(error) if error.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Application(_) | Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether the same request may pass later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Request(_) | Self::NotRead(_) | Self::Misread => false,
            Self::Refused(error) => error.is_retryable(),
            Self::Store(error) => error.is_retryable(),
            Self::Application(_) => true,
        }
    }
}

impl<E> From<StoreError> for CompatError<E> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl<E> From<HandlerError> for CompatError<E> {
    fn from(error: HandlerError) -> Self {
        match error {
            HandlerError::Store(error) => Self::Store(error),
            // The record of an activity is made by a handler that does nothing else.
            other => {
                let retryable = other.is_retryable();
                Self::Store(StoreError::new(other, retryable))
            }
        }
    }
}

#[cfg(feature = "axum")]
impl<E> axum::response::IntoResponse for CompatError<E> {
    fn into_response(self) -> axum::response::Response {
        (self.status(), self.to_string()).into_response()
    }
}
