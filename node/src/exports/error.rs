//! Why an archive was not finished; its reader sees the connection cut.

use federation_core::store::sql::DatabaseError;

use crate::platform::http::error::ApiError;

/// Why an archive was not finished.
#[derive(Debug, thiserror::Error)]
pub(super) enum ExportError {
    /// Nobody reads any more.
    #[error("the reader hung up")]
    HungUp,
    /// Nobody read for too long.
    #[error("the reader took nothing for too long")]
    Stalled,
    /// The whole took too long.
    #[error("it took too long")]
    TooLong,
    /// The sign-in that asked for it has ended.
    #[error("the sign-in has ended")]
    SignedOut,
    /// The server stops.
    #[error("the server stops")]
    Stopped,
    /// There is no document of the actor.
    #[error("the actor cannot be shown: {0}")]
    Actor(#[from] ApiError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A record cannot be written as JSON.
    #[error("a record cannot be written: {0}")]
    Record(#[from] serde_json::Error),
    /// An entry of the archive cannot be written.
    #[error("an entry cannot be written: {0}")]
    Entry(#[from] std::io::Error),
}

impl ExportError {
    /// Whether the server is at fault.
    pub(super) const fn is_fault(&self) -> bool {
        match self {
            Self::HungUp | Self::Stalled | Self::TooLong | Self::SignedOut | Self::Stopped => false,
            Self::Actor(_) | Self::Database(_) | Self::Record(_) | Self::Entry(_) => true,
        }
    }
}

impl From<diesel::result::Error> for ExportError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}
