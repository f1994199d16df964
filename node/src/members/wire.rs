//! Accounts as operators see them, as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::Standing;
use crate::accounts::model::User;
use crate::accounts::wire::UserView;
use crate::config::{Origin, Secret};

/// A person as operators see them.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct MemberView {
    #[serde(flatten)]
    user: UserView,
    state: Standing,
    /// For those alone who may change accounts.
    email: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    suspended_at: Option<Timestamp>,
    /// Why they may not act.
    suspension_reason: Option<String>,
    #[schema(value_type = Option<String>, format = DateTime)]
    deleted_at: Option<Timestamp>,
}

impl MemberView {
    pub(super) fn new(user: &User, with_email: bool, origin: &Origin) -> Self {
        Self {
            user: UserView::new(user, origin),
            state: Standing::of(user),
            email: user.email.clone().filter(|_| with_email),
            suspended_at: user.suspended_at.map(Timestamp::from_millis),
            suspension_reason: user.suspension_reason.clone(),
            deleted_at: user.deleted_at.map(Timestamp::from_millis),
        }
    }
}

/// The body of `POST /api/v1/admin/users`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewMember {
    /// The name of the account.
    pub(super) username: String,
    /// The e-mail address, if any.
    #[serde(default)]
    pub(super) email: Option<String>,
    /// Its password; without one a password is made up and answered, once.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) password: Option<Secret<String>>,
}

/// The answer to `POST /api/v1/admin/users`.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub(super) struct Opened {
    #[serde(flatten)]
    pub(super) user: MemberView,
    /// The password that was made up, to be handed over; `null` when one was given.
    pub(super) password: Option<String>,
}

impl std::fmt::Debug for Opened {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Opened")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// The body of `POST /api/v1/admin/users/{id}/suspend`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Suspension {
    /// Why, for other operators; the member does not see it.
    pub(super) reason: String,
}

/// The answer to `POST /api/v1/admin/users/{id}/reset-sessions`.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Ended {
    /// How many sign-ins ended.
    pub(super) ended: usize,
}

/// The answer to `POST /api/v1/admin/users/{id}/reset-password`.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub(super) struct Code {
    /// Good once, for an hour.
    pub(super) token: String,
}

impl std::fmt::Debug for Code {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Code([redacted])")
    }
}
