//! What can go wrong with policies, and how a client is told.

use federation_core::store::sql::DatabaseError;

use crate::platform::http::error::ApiError;

/// Why a policy is refused.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// There is no such policy.
    #[error("There is nothing here.")]
    NotFound,
    /// The text is no domain.
    #[error("That is not a domain.")]
    InvalidDomain,
    /// It is the domain of this node, or one above it.
    #[error("That is this node.")]
    OwnDomain,
    /// A comment is too long.
    #[error("Comments have at most 500 characters on one line.")]
    InvalidComment,
    /// The list is not one.
    #[error("{0}")]
    InvalidList(&'static str),
    /// There are as many policies as there may be.
    #[error("There are too many policies: at most 100,000.")]
    TooMany,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<PolicyError> for ApiError {
    fn from(error: PolicyError) -> Self {
        let detail = error.to_string();
        match error {
            PolicyError::NotFound => Self::not_found(),
            PolicyError::InvalidDomain => Self::invalid("invalid_domain", detail),
            PolicyError::OwnDomain => Self::conflict("own_domain", detail),
            PolicyError::InvalidComment => Self::invalid("invalid_comment", detail),
            PolicyError::InvalidList(_) => Self::invalid("invalid_list", detail),
            PolicyError::TooMany => Self::conflict("too_many", detail),
            PolicyError::Database(error) => error.into(),
        }
    }
}
