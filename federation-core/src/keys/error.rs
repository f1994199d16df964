//! Why an actor has no keys.

use std::sync::Arc;

use thiserror::Error;
use url::Url;

use super::seal::SealFault;
use crate::signature::KeyError;
use crate::store::StoreError;

/// Why an actor has no keys, or why they were not moved on.
#[derive(Clone, Debug, Error)]
#[non_exhaustive]
pub enum LocalKeyError {
    /// OpenSSL could not make or read a key.
    #[error("a signing key could not be made or read")]
    Key(#[from] KeyError),
    /// A stored key cannot be opened.
    #[error("a stored signing key cannot be opened; restore what sealed it from a backup")]
    Sealed(#[source] Arc<SealFault>),
    /// The store failed.
    #[error("the signing keys cannot be read or written")]
    Store(#[source] Arc<StoreError>),
    /// One of an actor's two current keys is missing.
    #[error("the stored signing keys of {actor} are not whole")]
    Incomplete {
        /// Whose keys.
        actor: Url,
    },
    /// The thread that made the key ended before it was done.
    #[error("the key was not made because the server is stopping")]
    Stopped,
}

impl LocalKeyError {
    /// Whether the same call may succeed later. What sealed a key can come back from a backup; a
    /// row that is not whole stays so.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Store(error) => error.is_retryable(),
            Self::Sealed(_) | Self::Stopped => true,
            Self::Key(error) => matches!(error, KeyError::Generation { .. }),
            Self::Incomplete { .. } => false,
        }
    }
}

impl From<SealFault> for LocalKeyError {
    fn from(fault: SealFault) -> Self {
        Self::Sealed(Arc::new(fault))
    }
}

impl From<StoreError> for LocalKeyError {
    fn from(error: StoreError) -> Self {
        Self::Store(Arc::new(error))
    }
}
