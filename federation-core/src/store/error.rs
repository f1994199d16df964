//! The one failure every store can have, whatever it is built on.

use std::error::Error;

use thiserror::Error as ThisError;

/// A store could not do what was asked; nothing of it has happened.
#[derive(Debug, ThisError)]
#[error("{source}")]
pub struct StoreError {
    retryable: bool,
    source: Box<dyn Error + Send + Sync>,
}

impl StoreError {
    /// Wraps the cause; `retryable` says whether the same call may succeed later.
    pub fn new(source: impl Into<Box<dyn Error + Send + Sync>>, retryable: bool) -> Self {
        Self {
            retryable,
            source: source.into(),
        }
    }

    /// Whether the same call may succeed later without anything else changing.
    pub fn is_retryable(&self) -> bool {
        self.retryable
    }
}

#[cfg(feature = "diesel")]
impl From<super::sql::DatabaseError> for StoreError {
    fn from(error: super::sql::DatabaseError) -> Self {
        let retryable = error.is_retryable();
        Self::new(error, retryable)
    }
}
