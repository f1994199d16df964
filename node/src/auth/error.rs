//! Why somebody cannot sign up, sign in or stay signed in.

use std::time::Duration;

use federation_core::store::sql::DatabaseError;
use openssl::error::ErrorStack;

use crate::accounts::error::AccountError;
use crate::platform::http::error::ApiError;
use crate::platform::sealing::SealError;

/// Why somebody cannot sign up, sign in or stay signed in.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Nobody may open an account over the network.
    #[error("This node takes no new accounts.")]
    RegistrationClosed,
    /// An account needs an invitation, and none that is good was given.
    #[error("That invitation is missing, used or expired.")]
    InvalidInvite,
    /// The password is too short or too long.
    #[error("A password has 8 to 1024 characters.")]
    InvalidPassword,
    /// No such account, or not its password: which of them is not told.
    #[error("The user name or the password is wrong.")]
    WrongCredentials,
    /// The account may not act.
    #[error("This account is suspended.")]
    Suspended,
    /// The refresh token is unknown, expired, used or revoked.
    #[error("The refresh token is no longer good; sign in again.")]
    InvalidRefreshToken,
    /// The access token is malformed, forged or of another origin.
    #[error("The access token is not valid.")]
    InvalidToken,
    /// The access token has expired.
    #[error("The access token has expired; refresh it.")]
    TokenExpired,
    /// The session of the token has ended.
    #[error("This session has ended; sign in again.")]
    SessionEnded,
    /// There is no such session of this member.
    #[error("There is no such session.")]
    NoSuchSession,
    /// Too many passwords wait to be hashed.
    #[error("Too many people sign in at this moment; try again.")]
    Busy,
    /// The name or e-mail address is refused.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A key of access tokens cannot be opened.
    #[error("a key of access tokens: {0}; restore the file `keyring` of the data directory")]
    Sealed(#[from] SealError),
    /// OpenSSL failed.
    #[error("cryptography failed")]
    Crypto(#[from] ErrorStack),
    /// A token cannot be made.
    #[error("an access token cannot be signed")]
    Signing(#[source] jsonwebtoken::errors::Error),
    /// A password cannot be hashed.
    #[error("a password cannot be hashed")]
    Hashing(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl From<diesel::result::Error> for AuthError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let detail = error.to_string();
        match error {
            AuthError::RegistrationClosed => Self::forbidden("registration_closed", detail),
            AuthError::InvalidInvite => Self::forbidden("invalid_invite", detail),
            AuthError::InvalidPassword => Self::invalid("invalid_password", detail),
            AuthError::WrongCredentials => Self::unauthorized("wrong_credentials", detail),
            AuthError::Suspended => Self::forbidden("suspended", detail),
            AuthError::InvalidRefreshToken => Self::unauthorized("invalid_refresh_token", detail),
            AuthError::InvalidToken => Self::unauthorized("invalid_token", detail),
            AuthError::TokenExpired => Self::unauthorized("token_expired", detail),
            AuthError::SessionEnded => Self::unauthorized("session_ended", detail),
            AuthError::NoSuchSession => Self::not_found(),
            AuthError::Busy => Self::unavailable(detail, Duration::from_secs(2)),
            AuthError::Account(error) => error.into(),
            AuthError::Database(error) => error.into(),
            AuthError::Sealed(_)
            | AuthError::Crypto(_)
            | AuthError::Signing(_)
            | AuthError::Hashing(_) => Self::internal(error),
        }
    }
}
