//! Sign-in as JSON.

use std::time::Duration;

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::Session;
use crate::accounts::wire::UserView;
use crate::base::ids::{ApplicationId, SessionId};
use crate::base::scope::{Scope, Scopes};
use crate::config::Secret;

/// The body of `POST /api/v1/auth/signup`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Signup {
    /// The name of the new account.
    pub username: String,
    /// Its password.
    #[schema(value_type = String)]
    pub password: Secret<String>,
    /// The e-mail address, if any.
    #[serde(default)]
    pub email: Option<String>,
    /// The code of an invitation, where accounts take one.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub invite: Option<Secret<String>>,
    /// The version of the terms of use that the member agrees to, where there are some.
    #[serde(default)]
    pub accept_terms: Option<String>,
}

/// The body of `POST /api/v1/auth/login`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The name of the account.
    pub username: String,
    /// Its password.
    #[schema(value_type = String)]
    pub password: Secret<String>,
    /// A one-time code or a recovery code, for accounts with a second factor.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub otp: Option<Secret<String>>,
}

/// The body of `POST /api/v1/auth/refresh` and `logout`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefreshToken {
    /// The newest refresh token of the session.
    #[schema(value_type = String)]
    pub refresh_token: Secret<String>,
}

/// The body of `PATCH /api/v1/auth/sessions/{id}`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeviceChange {
    /// What the member calls the device; null takes the name away.
    pub name: Option<String>,
}

/// What signing up, signing in and refreshing answer.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub struct SignedIn {
    /// The member.
    pub user: UserView,
    /// The token for `Authorization: Bearer`.
    pub access_token: String,
    /// The token that gets the next pair, once.
    pub refresh_token: String,
    /// Always `Bearer`.
    pub token_type: &'static str,
    /// Seconds until the access token expires.
    pub expires_in: u64,
}

impl SignedIn {
    /// The answer with a new pair of tokens.
    pub fn new(
        user: UserView,
        access_token: String,
        refresh_token: String,
        lifetime: Duration,
    ) -> Self {
        Self {
            user,
            access_token,
            refresh_token,
            token_type: "Bearer",
            expires_in: lifetime.as_secs(),
        }
    }
}

impl std::fmt::Debug for SignedIn {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("SignedIn")
            .field("user", &self.user.id)
            .finish_non_exhaustive()
    }
}

/// A session as its member sees it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct SessionView {
    id: SessionId,
    /// Whether the request came by this session.
    current: bool,
    /// What the member calls the device.
    name: Option<String>,
    /// `sign_in`, `application`, `personal_token` or `external`.
    kind: String,
    application_id: Option<ApplicationId>,
    scopes: Vec<Scope>,
    /// What the client called itself; the name of an application or token.
    user_agent: String,
    /// The network it was last used from, a /24 or /48.
    network: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

impl SessionView {
    /// Shows a session.
    pub fn new(session: Session, current: SessionId) -> Self {
        let scopes: Scopes = session.scopes.parse().unwrap_or_default();
        Self {
            id: session.id,
            current: session.id == current,
            name: session.device_name,
            kind: session.kind,
            application_id: session.application_id,
            scopes: scopes.iter().collect(),
            user_agent: session.user_agent,
            network: session.last_network,
            created_at: Timestamp::from_millis(session.created_at),
            last_used_at: Timestamp::from_millis(session.last_used_at),
            expires_at: Timestamp::from_millis(session.expires_at),
        }
    }
}
