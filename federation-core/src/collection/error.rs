//! Why a request for a collection is not answered with one.

use std::fmt;

use http::StatusCode;
use thiserror::Error;

/// Why a request for a collection is not answered with one. `E` is the error of the source.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ServeError<E: fmt::Display> {
    /// The query names no place in a collection.
    #[error("the query names no place in the collection")]
    BadCursor,
    /// There is no such collection or page, or not for this viewer: the two look the same.
    #[error("no such collection")]
    NotFound,
    /// The source failed.
    #[error("the collection cannot be read: {0}")]
    Source(E),
}

impl<E: fmt::Display> ServeError<E> {
    /// The status that says so.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::BadCursor => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Source(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Whether the same request may succeed later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Source(_))
    }
}
