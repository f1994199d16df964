//! Why limits or blocks cannot be changed.

use federation_core::store::sql::DatabaseError;

use crate::platform::http::error::ApiError;
use crate::platform::limits::changes::MOST_BLOCKS;

/// Why limits or blocks cannot be changed.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// A value of the limits is out of bounds.
    #[error("{0}")]
    InvalidLimits(String),
    /// The text is neither an address nor a network.
    #[error("Write an address such as 203.0.113.9, or a network such as 203.0.113.0/24.")]
    InvalidNetwork,
    /// The reason is too long or holds control characters.
    #[error("A reason takes 1 to 500 characters and no control characters.")]
    InvalidReason,
    /// The block would be over before it begins.
    #[error("A block ends in the future, or never.")]
    InvalidExpiry,
    /// The block would shut out the caller, this machine, or a proxy.
    #[error("That holds {0}. Send force = true to block it all the same.")]
    OwnAddress(&'static str),
    /// There are as many blocks as there may be.
    #[error("There are {MOST_BLOCKS} blocks; remove some, or block larger networks.")]
    TooMany,
    /// The network has a block already.
    #[error("That network is blocked already.")]
    Blocked,
    /// There is no such block.
    #[error("There is no such block.")]
    NotFound,
    /// The question reads too much at once.
    #[error("Ask for at most {0} days at once, from before to.")]
    InvalidRange(u32),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<diesel::result::Error> for AdminError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<AdminError> for ApiError {
    fn from(error: AdminError) -> Self {
        let detail = error.to_string();
        match error {
            AdminError::InvalidLimits(_) => Self::invalid("invalid_limits", detail),
            AdminError::InvalidNetwork => Self::invalid("invalid_network", detail),
            AdminError::InvalidReason => Self::invalid("invalid_reason", detail),
            AdminError::InvalidExpiry => Self::invalid("invalid_expiry", detail),
            AdminError::OwnAddress(_) => Self::conflict("own_address", detail),
            AdminError::TooMany => Self::conflict("too_many_blocks", detail),
            AdminError::Blocked => Self::conflict("already_blocked", detail),
            AdminError::InvalidRange(_) => Self::invalid("invalid_range", detail),
            AdminError::NotFound => Self::not_found(),
            AdminError::Database(error) => error.into(),
        }
    }
}
