//! Why a message cannot be queued.

use federation_core::store::sql::DatabaseError;

use crate::platform::sealing::SealError;

/// Why a message cannot be queued.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The message cannot be sealed.
    #[error("a message cannot be sealed")]
    Sealed(#[from] SealError),
}

impl From<diesel::result::Error> for MailError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}
