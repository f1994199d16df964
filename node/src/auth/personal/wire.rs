//! Personal access tokens as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::Listed;
use crate::base::ids::PersonalTokenId;
use crate::base::scope::Scope;

/// The body of `POST /api/v1/auth/tokens`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewToken {
    /// What the member calls it: 1 to 80 characters.
    pub name: String,
    /// What it may do.
    pub scopes: Vec<Scope>,
    /// Days until it ends: 1 to 365.
    pub expires_in_days: u32,
}

/// A personal access token as its member sees it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct TokenView {
    id: PersonalTokenId,
    name: String,
    scopes: Vec<Scope>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it was last used, to the minute; null before.
    #[schema(value_type = Option<String>, format = DateTime)]
    last_used_at: Option<Timestamp>,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// What making a token answers: the only time that the token itself is shown.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub(super) struct MadeToken {
    #[serde(flatten)]
    view: TokenView,
    /// The token for `Authorization: Bearer`.
    token: String,
}

impl MadeToken {
    /// Shows a new token with its secret.
    pub(super) fn new(view: TokenView, token: String) -> Self {
        Self { view, token }
    }
}

impl std::fmt::Debug for MadeToken {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("MadeToken")
            .field("id", &self.view.id)
            .finish_non_exhaustive()
    }
}

impl TokenView {
    /// Shows a token; none whose row does not read.
    pub(super) fn new(listed: Listed) -> Option<Self> {
        let scopes: crate::base::scope::Scopes = listed.scopes.parse().ok()?;
        let used = listed.last_used_at > listed.created_at;
        Some(Self {
            id: crate::auth::clients::personal(listed.id)?,
            name: listed.name,
            scopes: scopes.iter().collect(),
            created_at: Timestamp::from_millis(listed.created_at),
            last_used_at: used.then_some(Timestamp::from_millis(listed.last_used_at)),
            expires_at: Timestamp::from_millis(listed.expires_at),
        })
    }
}
