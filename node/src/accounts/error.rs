//! Why an account cannot be read or changed.

use federation_core::store::sql::DatabaseError;

use crate::base::privilege::Privilege;
use crate::platform::http::error::ApiError;

/// Why an account cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    /// The user name has letters or a length that handles cannot have.
    #[error("A user name has 1 to 30 letters a-z, digits, or _ in between.")]
    InvalidUsername,
    /// Somebody of this node has that name.
    #[error("That user name is taken.")]
    UsernameTaken,
    /// The name stands for a role or a mechanism.
    #[error("That user name is reserved.")]
    UsernameReserved,
    /// A profile text is too long or holds control characters.
    #[error("{field} takes at most {limit} characters and no control characters.")]
    InvalidText {
        /// The field of the request.
        field: &'static str,
        /// Characters at most.
        limit: usize,
    },
    /// A value of the profile breaks its rule.
    #[error("{field} is refused: {rule}.")]
    InvalidProfile {
        /// The field of the request.
        field: &'static str,
        /// What it keeps to.
        rule: &'static str,
    },
    /// The text is no presence that members choose.
    #[error("Choose online, idle, dnd or invisible.")]
    InvalidPresence,
    /// The text is not an e-mail address.
    #[error("That is not an e-mail address.")]
    InvalidEmail,
    /// Nobody would own the node.
    #[error("This is the only owner; give the role to another account first.")]
    LastOwner,
    /// The member lacks the privilege.
    #[error("This takes the privilege {0}.")]
    NotAllowed(Privilege),
    /// The person has a role as high as the one who acts, or a higher one.
    #[error("Nobody acts on people of the same or a higher role.")]
    OutOfReach,
    /// What is given or taken is more than the one who acts holds.
    #[error("Nobody gives or takes privileges that they do not hold.")]
    NotHeld,
    /// The account is of another node.
    #[error("That account is of another node; only that node can change it.")]
    NotOfThisNode,
    /// There is no such person.
    #[error("There is no such user.")]
    NotFound,
    /// The text is neither a name, nor a handle, nor the id of an actor.
    #[error("Write a name, a handle such as @name@example.org, or the address of an account.")]
    InvalidHandle,
    /// The other node could not tell who that is.
    #[error("the person could not be looked up")]
    Lookup(ApiError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<diesel::result::Error> for AccountError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<AccountError> for ApiError {
    fn from(error: AccountError) -> Self {
        let detail = error.to_string();
        match error {
            AccountError::InvalidUsername => Self::invalid("invalid_username", detail),
            AccountError::UsernameReserved => Self::invalid("username_reserved", detail),
            AccountError::UsernameTaken => Self::conflict("username_taken", detail),
            AccountError::LastOwner => Self::conflict("last_owner", detail),
            AccountError::InvalidText { .. } => Self::invalid("invalid_text", detail),
            AccountError::InvalidProfile { .. } => Self::invalid("invalid_profile", detail),
            AccountError::NotAllowed(_) => Self::forbidden("forbidden", detail),
            AccountError::OutOfReach => Self::forbidden("role_too_high", detail),
            AccountError::NotHeld => Self::forbidden("privilege_not_held", detail),
            AccountError::NotOfThisNode => Self::forbidden("remote_account", detail),
            AccountError::InvalidPresence => Self::invalid("invalid_presence", detail),
            AccountError::InvalidEmail => Self::invalid("invalid_email", detail),
            AccountError::InvalidHandle => Self::invalid("invalid_handle", detail),
            AccountError::Lookup(error) => error,
            AccountError::NotFound => Self::not_found(),
            AccountError::Database(error) => error.into(),
        }
    }
}
