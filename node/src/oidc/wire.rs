//! Signing in by the issuer as JSON.

use std::fmt;

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::Identity;
use crate::base::ids::ExternalIdentityId;
use crate::config::Secret;

/// The query of `GET /api/v1/auth/oidc/start`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    /// Where the issuer sends the member back to; it must be registered there.
    pub(super) redirect_uri: String,
}

/// The body of `POST /api/v1/auth/oidc/links`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct StartLink {
    /// Where the issuer sends the member back to; it must be registered there.
    pub(super) redirect_uri: String,
    /// The member's password, once more; not needed by who has none.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) password: Option<Secret<String>>,
}

/// What begins a sign-in.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub(super) struct Started {
    /// Where to send the member.
    pub(super) authorization_url: String,
    /// What comes back with the member.
    pub(super) state: String,
    /// To be kept by the client and sent to the end: it ties the two halves together.
    pub(super) binding: String,
    /// Seconds in which the member must come back.
    pub(super) expires_in: u64,
}

/// The body of `POST /api/v1/auth/oidc/finish` and of `POST /api/v1/auth/oidc/links/finish`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Finish {
    /// As it came back.
    #[schema(value_type = String)]
    pub(super) state: Secret<String>,
    /// As it came back.
    #[schema(value_type = String)]
    pub(super) code: Secret<String>,
    /// What the client kept.
    #[schema(value_type = String)]
    pub(super) binding: Secret<String>,
    /// As it came back, when it did (RFC 9207).
    #[serde(default)]
    pub(super) iss: Option<String>,
    /// A one-time code or a recovery code, for members with a second factor on this node.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) otp: Option<Secret<String>>,
    /// The version of the terms of use that a new member agrees to, where there are some.
    #[serde(default)]
    pub(super) accept_terms: Option<String>,
}

/// A link as its member sees it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct LinkView {
    id: ExternalIdentityId,
    issuer: String,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    last_used_at: Timestamp,
}

impl From<Identity> for LinkView {
    fn from(identity: Identity) -> Self {
        Self {
            id: identity.id,
            issuer: identity.issuer,
            created_at: Timestamp::from_millis(identity.created_at),
            last_used_at: Timestamp::from_millis(identity.last_used_at),
        }
    }
}

impl fmt::Debug for Started {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Started").finish_non_exhaustive()
    }
}
