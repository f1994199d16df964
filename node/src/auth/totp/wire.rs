//! The second factor as JSON.

use serde::{Deserialize, Serialize};

use crate::config::Secret;

/// The body of `POST /api/v1/auth/totp`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Enrol {
    /// The member's password, once more.
    #[schema(value_type = String)]
    pub(super) password: Secret<String>,
}

/// A secret to put into an authenticator app; it is shown once.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub(super) struct Enrolled {
    /// Base32, for typing.
    pub(super) secret: String,
    /// The same for a QR code.
    pub(super) otpauth_uri: String,
}

/// The body of `POST /api/v1/auth/totp/confirm`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Confirm {
    /// The code that the app shows.
    #[schema(value_type = String)]
    pub(super) code: Secret<String>,
}

/// Codes for whoever lost their device; they are shown once.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub(super) struct RecoveryCodes {
    /// Each is good for one sign-in.
    pub(super) recovery_codes: Vec<String>,
}

/// The body of `DELETE /api/v1/auth/totp` and `POST /api/v1/auth/totp/recovery-codes`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Prove {
    /// The member's password, once more.
    #[schema(value_type = String)]
    pub(super) password: Secret<String>,
    /// A code of the app, or a recovery code.
    #[schema(value_type = String)]
    pub(super) code: Secret<String>,
}

/// Whether a member has a second factor.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
#[schema(as = TotpStatus)]
pub(super) struct Status {
    /// Whether signing in asks for a code.
    pub(super) enabled: bool,
    /// Recovery codes that are not used yet.
    pub(super) recovery_codes_left: i64,
}
