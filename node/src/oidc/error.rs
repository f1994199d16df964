//! Why somebody does not get in by the issuer.

use std::time::Duration;

use federation_core::store::sql::DatabaseError;
use http::StatusCode;
use openssl::error::ErrorStack;

use crate::accounts::error::AccountError;
use crate::auth::error::AuthError;
use crate::platform::http::error::ApiError;
use crate::platform::sealing::SealError;

/// Why somebody does not get in by the issuer.
#[derive(Debug, thiserror::Error)]
pub(super) enum OidcError {
    /// No issuer is set.
    #[error("This node knows no other issuer to sign in by.")]
    Disabled,
    /// The issuer cannot be reached, or says what cannot be used.
    #[error("The issuer cannot be reached now; try again.")]
    Unavailable(&'static str),
    /// The sign-in was not begun by this client, is too old, or came back before.
    #[error("This sign-in is out of date or was not begun here; start again.")]
    InvalidState,
    /// Where the member should come back to cannot be used.
    #[error("The redirect URI is an absolute URL without a fragment.")]
    InvalidRedirect,
    /// The issuer did not take the code.
    #[error("The issuer did not accept this sign-in; start again.")]
    Refused,
    /// The token is forged, expired or not for this node.
    #[error("The token of the issuer is not valid here.")]
    InvalidToken,
    /// The session of the token was ended here.
    #[error("This session has ended; sign in again.")]
    SessionEnded,
    /// Nobody here is linked to who came.
    #[error("Nobody here is linked to this person; sign in another way and link the account.")]
    Unknown,
    /// Somebody here is linked to who came.
    #[error("This person of the issuer is linked to an account already.")]
    AlreadyLinked,
    /// Without it the member could not sign in any more.
    #[error("Without this link you could not sign in any more; set a password first.")]
    LastSignIn,
    /// There is no such link of this member.
    #[error("There is no such link.")]
    NoSuchLink,
    /// An account cannot be opened.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A session cannot be opened.
    #[error(transparent)]
    Auth(#[from] AuthError),
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// OpenSSL failed.
    #[error("cryptography failed")]
    Crypto(#[from] ErrorStack),
    /// The key ring failed.
    #[error(transparent)]
    Sealed(#[from] SealError),
}

impl OidcError {
    /// Whether another request may have got between, so that a second try finds its way.
    pub(super) fn is_race(&self) -> bool {
        use AccountError::UsernameTaken;
        matches!(
            self,
            Self::AlreadyLinked
                | Self::Account(UsernameTaken)
                | Self::Auth(AuthError::Account(UsernameTaken))
        )
    }
}

impl From<diesel::result::Error> for OidcError {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

impl From<OidcError> for ApiError {
    fn from(error: OidcError) -> Self {
        let detail = error.to_string();
        match error {
            OidcError::Disabled => Self::new(StatusCode::NOT_FOUND, "oidc_disabled", detail),
            OidcError::Unavailable(cause) => {
                let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "oidc_unavailable", detail);
                error.after(Duration::from_secs(30)).caused_by(cause)
            }
            OidcError::InvalidState => Self::bad_request("invalid_state", detail),
            OidcError::InvalidRedirect => Self::bad_request("invalid_redirect_uri", detail),
            OidcError::Refused => Self::unauthorized("oidc_refused", detail),
            OidcError::InvalidToken => Self::unauthorized("invalid_token", detail),
            OidcError::SessionEnded => Self::unauthorized("session_ended", detail),
            OidcError::Unknown => Self::forbidden("external_account_unknown", detail),
            OidcError::AlreadyLinked => Self::conflict("external_account_linked", detail),
            OidcError::LastSignIn => Self::conflict("last_sign_in", detail),
            OidcError::NoSuchLink => Self::not_found(),
            OidcError::Account(error) => error.into(),
            OidcError::Auth(error) => error.into(),
            OidcError::Database(error) => error.into(),
            OidcError::Crypto(_) | OidcError::Sealed(_) => Self::internal(error),
        }
    }
}
