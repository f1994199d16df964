//! Why roles cannot be made, changed or given.

use federation_core::store::sql::DatabaseError;

use crate::accounts::error::AccountError;
use crate::platform::http::error::ApiError;

/// Why roles cannot be made, changed or given.
#[derive(Debug, thiserror::Error)]
pub(super) enum RoleError {
    /// There is no such role.
    #[error("There is no such role.")]
    NotFound,
    /// The role is one of the built-in ones.
    #[error("The built-in roles owner, admin, moderator and user cannot be changed.")]
    BuiltIn,
    /// The name has no letters or too many.
    #[error("A role has a name of 1 to 40 characters, without control characters.")]
    InvalidName,
    /// The description is too long.
    #[error("The description of a role has at most 400 characters.")]
    InvalidDescription,
    /// Another role has that name.
    #[error("Another role has that name.")]
    NameTaken,
    /// One of the roles to be given is not there.
    #[error("One of these roles does not exist.")]
    UnknownRole,
    /// There are as many as there may be.
    #[error("There are too many roles: at most {0}.")]
    TooMany(usize),
    /// Who acts may not, or the person cannot be acted on.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<diesel::result::Error> for RoleError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<RoleError> for ApiError {
    fn from(error: RoleError) -> Self {
        let detail = error.to_string();
        match error {
            RoleError::NotFound => Self::not_found(),
            RoleError::BuiltIn => Self::forbidden("role_built_in", detail),
            RoleError::InvalidName => Self::invalid("invalid_role_name", detail),
            RoleError::InvalidDescription => Self::invalid("invalid_text", detail),
            RoleError::NameTaken => Self::conflict("role_name_taken", detail),
            RoleError::UnknownRole => Self::invalid("unknown_role", detail),
            RoleError::TooMany(_) => Self::conflict("too_many_roles", detail),
            RoleError::Account(error) => error.into(),
            RoleError::Database(error) => error.into(),
        }
    }
}
