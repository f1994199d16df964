//! Passwords and addresses as JSON.

use serde::{Deserialize, Serialize};

use crate::config::Secret;

/// The body of `POST /api/v1/auth/password`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChangePassword {
    /// The present password.
    #[schema(value_type = String)]
    pub(super) old: Secret<String>,
    /// The next one.
    #[schema(value_type = String)]
    pub(super) new: Secret<String>,
}

/// The body of `POST /api/v1/auth/password/reset`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestReset {
    /// The name of the account, or its e-mail address.
    pub(super) username_or_email: String,
}

/// The body of `POST /api/v1/auth/password/reset/confirm`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmReset {
    /// The code from the mail.
    #[schema(value_type = String)]
    pub(super) token: Secret<String>,
    /// The next password.
    #[schema(value_type = String)]
    pub(super) new_password: Secret<String>,
}

/// The body of `POST /api/v1/auth/email/confirm`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmEmail {
    /// The code from the mail.
    #[schema(value_type = String)]
    pub(super) token: Secret<String>,
}

/// The e-mail address of a member.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct EmailView {
    /// The address; `null` when there is none.
    pub(super) email: Option<String>,
    /// Whether a code that was sent there came back.
    pub(super) confirmed: bool,
}
