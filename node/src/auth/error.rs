//! Why somebody cannot sign up, sign in or stay signed in.

use std::time::Duration;

use federation_core::store::sql::DatabaseError;
use http::StatusCode;
use openssl::error::ErrorStack;
use webauthn_rs::prelude::WebauthnError;

use crate::accounts::error::AccountError;
use crate::platform::http::error::ApiError;
use crate::platform::mail::MailError;
use crate::platform::sealing::SealError;

/// The code of a refusal that a client answers by asking its member for a code.
pub const OTP_REQUIRED: &str = "otp_required";

/// Why somebody cannot sign up, sign in or stay signed in.
#[derive(Debug, thiserror::Error)]
pub enum AuthError {
    /// Nobody may open an account over the network.
    #[error("This node takes no new accounts.")]
    RegistrationClosed,
    /// Nobody owns this node yet, and whoever comes by another issuer does not come to.
    #[error("This node has no owner yet: open the first account by setup or with a password.")]
    NoOwner,
    /// An account needs an invitation, and none that is good was given.
    #[error("That invitation is missing, used or expired.")]
    InvalidInvite,
    /// The password is too short or too long.
    #[error("A password has 8 to 1024 characters.")]
    InvalidPassword,
    /// No such account, or not its password: which of them is not told.
    #[error("The user name or the password is wrong.")]
    WrongCredentials,
    /// The password was right, and the account asks for a code beside it.
    #[error("This account asks for a code of its authenticator app, or a recovery code.")]
    OtpRequired,
    /// The code is wrong, too old or was used before.
    #[error("That code is wrong or was used before.")]
    WrongOtp,
    /// A member who is signed in gave a wrong password.
    #[error("That is not your password.")]
    WrongPassword,
    /// A member who is signed in gave a wrong code.
    #[error("That code is wrong or was used before.")]
    WrongCode,
    /// The member signs in elsewhere and has no password here.
    #[error("This account has no password; set one by a reset.")]
    NoPassword,
    /// The member has a second factor already.
    #[error("The second factor is in use already; take it away first.")]
    TotpEnabled,
    /// The member has no second factor.
    #[error("The second factor is not set up.")]
    TotpNotEnabled,
    /// Too many passwords or codes were tried.
    #[error("Too many tries failed; wait before the next one.")]
    SlowDown(Duration),
    /// The code from a mail is unknown, used or expired.
    #[error("That code is unknown, was used before, or has expired; ask for a new one.")]
    InvalidMailCode,
    /// This node sends no mail.
    #[error("This node sends no mail.")]
    MailOff,
    /// The member gave no address.
    #[error("Your account has no e-mail address.")]
    NoEmail,
    /// No browser makes passkeys for the address of this node.
    #[error("This node has no passkeys: they need an https address with a name, or localhost.")]
    PasskeysUnavailable,
    /// The answer to a challenge is not that of a passkey known here, or came too late or twice.
    #[error("That passkey was not accepted; begin again.")]
    PasskeyRefused,
    /// What is to become a passkey is none, or came too late or twice.
    #[error("That is not an answer to your challenge; begin again.")]
    InvalidPasskey,
    /// The name of a passkey is empty or too long.
    #[error("The name of a passkey has 1 to 60 characters and no control characters.")]
    InvalidPasskeyName,
    /// The member has as many passkeys as they may.
    #[error("You have as many passkeys as you may; take one away first.")]
    TooManyPasskeys,
    /// The passkey is known already.
    #[error("That passkey is known already.")]
    PasskeyTaken,
    /// There is no such passkey of this member.
    #[error("There is no such passkey.")]
    NoSuchPasskey,
    /// The library of passkeys failed.
    #[error("passkeys failed")]
    Passkey(#[source] WebauthnError),
    /// An invitation would be good for too much or too long.
    #[error("An invitation is good for 1 to 1000 accounts, and for a minute to 90 days.")]
    InvalidInviteTerms,
    /// The member has too many invitations that are good.
    #[error("You have 100 invitations that are good; take some back first.")]
    TooManyInvites,
    /// The terms of use were not agreed to.
    #[error("Agree to the present terms of use: send their version as accept_terms.")]
    TermsNotAccepted,
    /// The account may not act.
    #[error("This account is suspended.")]
    Suspended,
    /// The refresh token is unknown, expired, used or revoked.
    #[error("The refresh token is no longer good; sign in again.")]
    InvalidRefreshToken,
    /// The refresh token was used before, and not a moment ago: its session has been ended.
    #[error("The refresh token is no longer good; sign in again.")]
    RefreshReused,
    /// Another request used the refresh token a moment ago and got the next pair.
    #[error("Another request has just used this refresh token; take the pair that it got.")]
    RefreshRaced,
    /// The access token is malformed, forged or of another origin.
    #[error("The access token is not valid.")]
    InvalidToken,
    /// The access token has expired.
    #[error("The access token has expired; refresh it.")]
    TokenExpired,
    /// The session of the token has ended.
    #[error("This session has ended; sign in again.")]
    SessionEnded,
    /// The name of a device is too long or holds control characters.
    #[error("The name of a device has 1 to 64 characters and no control characters.")]
    InvalidDeviceName,
    /// More scopes were asked for than were given.
    #[error("Those scopes are more than were given.")]
    ScopeTooWide,
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
    /// The table of keys is empty although one was just made.
    #[error("there is no key to sign access tokens with")]
    NoTokenKey,
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

impl From<MailError> for AuthError {
    fn from(error: MailError) -> Self {
        match error {
            MailError::Database(error) => Self::Database(error),
            MailError::Sealed(error) => Self::Sealed(error),
        }
    }
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let detail = error.to_string();
        match error {
            AuthError::RegistrationClosed => Self::forbidden("registration_closed", detail),
            AuthError::NoOwner => Self::forbidden("no_owner", detail),
            AuthError::InvalidInvite => Self::forbidden("invalid_invite", detail),
            AuthError::InvalidPassword => Self::invalid("invalid_password", detail),
            AuthError::WrongCredentials => Self::unauthorized("wrong_credentials", detail),
            AuthError::OtpRequired => Self::unauthorized(OTP_REQUIRED, detail),
            AuthError::WrongOtp => Self::unauthorized("wrong_otp", detail),
            AuthError::WrongPassword => Self::forbidden("wrong_password", detail),
            AuthError::WrongCode => Self::forbidden("wrong_code", detail),
            AuthError::NoPassword => Self::conflict("no_password", detail),
            AuthError::TotpEnabled => Self::conflict("totp_enabled", detail),
            AuthError::TotpNotEnabled => Self::conflict("totp_not_enabled", detail),
            AuthError::SlowDown(wait) => Self::too_many_requests(detail, wait),
            AuthError::InvalidMailCode => Self::forbidden("invalid_code", detail),
            AuthError::MailOff => Self::conflict("mail_off", detail),
            AuthError::NoEmail => Self::conflict("no_email", detail),
            AuthError::PasskeysUnavailable => {
                Self::new(StatusCode::NOT_IMPLEMENTED, "passkeys_unavailable", detail)
            }
            AuthError::PasskeyRefused => Self::unauthorized("passkey_refused", detail),
            AuthError::InvalidPasskey => Self::invalid("invalid_passkey", detail),
            AuthError::InvalidPasskeyName => Self::invalid("invalid_passkey_name", detail),
            AuthError::TooManyPasskeys => Self::conflict("too_many_passkeys", detail),
            AuthError::PasskeyTaken => Self::conflict("passkey_taken", detail),
            AuthError::InvalidInviteTerms => Self::invalid("invalid_invite_terms", detail),
            AuthError::TooManyInvites => Self::conflict("too_many_invites", detail),
            AuthError::TermsNotAccepted => Self::invalid("terms_not_accepted", detail),
            AuthError::Suspended => Self::forbidden("suspended", detail),
            AuthError::InvalidRefreshToken | AuthError::RefreshReused => {
                Self::unauthorized("invalid_refresh_token", detail)
            }
            AuthError::RefreshRaced => {
                Self::conflict("refresh_raced", detail).after(Duration::from_secs(1))
            }
            AuthError::InvalidDeviceName => Self::invalid("invalid_device_name", detail),
            AuthError::InvalidToken => Self::unauthorized("invalid_token", detail),
            AuthError::TokenExpired => Self::unauthorized("token_expired", detail),
            AuthError::SessionEnded => Self::unauthorized("session_ended", detail),
            AuthError::ScopeTooWide => Self::invalid("invalid_scope", detail),
            AuthError::NoSuchSession | AuthError::NoSuchPasskey => Self::not_found(),
            AuthError::Busy => Self::unavailable(detail, Duration::from_secs(2)),
            AuthError::Account(error) => error.into(),
            AuthError::Database(error) => error.into(),
            AuthError::Sealed(_)
            | AuthError::NoTokenKey
            | AuthError::Crypto(_)
            | AuthError::Passkey(_)
            | AuthError::Signing(_)
            | AuthError::Hashing(_) => Self::internal(error),
        }
    }
}
