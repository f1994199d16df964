//! Why somebody cannot be followed.

use federation_core::store::sql::DatabaseError;

use crate::accounts::error::AccountError;
use crate::platform::http::error::ApiError;

/// Why somebody cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum FollowError {
    /// The person cannot be found.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// Nobody follows themselves.
    #[error("You cannot follow yourself.")]
    Oneself,
    /// One of the two blocked the other.
    #[error(transparent)]
    Refused(#[from] ApiError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<diesel::result::Error> for FollowError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<FollowError> for ApiError {
    fn from(error: FollowError) -> Self {
        let detail = error.to_string();
        match error {
            FollowError::Account(error) => error.into(),
            FollowError::Oneself => Self::invalid("cannot_follow_oneself", detail),
            FollowError::Refused(error) => error,
            FollowError::Database(error) => error.into(),
        }
    }
}
