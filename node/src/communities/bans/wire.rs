//! Bans as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::Ban;
use crate::accounts::model::User;
use crate::accounts::wire::UserView;
use crate::base::ids::UserId;
use crate::config::Origin;

/// A ban.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct BanView {
    /// Who may not come back.
    user: UserView,
    /// Why.
    reason: String,
    /// Who said so.
    banned_by: UserId,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Until when; `null` for good.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl BanView {
    pub(super) fn new(ban: &Ban, user: &User, origin: &Origin) -> Self {
        Self {
            user: UserView::new(user, origin),
            reason: ban.reason.clone(),
            banned_by: ban.banned_by,
            created_at: Timestamp::from_millis(ban.created_at),
            expires_at: ban.expires_at.map(Timestamp::from_millis),
        }
    }
}

/// The body of `PUT …/bans/{user}`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBan {
    /// Why, up to 500 characters.
    #[serde(default)]
    pub(super) reason: String,
    /// For how many seconds, up to ten years; for good when absent.
    #[serde(default)]
    pub(super) seconds: Option<u64>,
}
