//! Presence as JSON.

use serde::{Deserialize, Serialize};

use crate::accounts::online::Shown;
use crate::accounts::presence::Presence;
use crate::accounts::profile::Status;
use crate::base::ids::UserId;

/// Whether a member is there: an event, and an entry of `ready`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct PresenceView {
    /// Who.
    pub user_id: UserId,
    /// Whether they are there; members see their own choice.
    pub status: Presence,
    /// What they are up to; absent when they say nothing or are offline.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_status: Option<Status>,
}

impl PresenceView {
    /// Shows to others whether somebody is there.
    pub fn new(user_id: UserId, shown: Shown) -> Self {
        Self {
            user_id,
            status: shown.status,
            custom_status: shown.custom_status,
        }
    }
}

/// Who is there of those whom a member shares a conversation or a community with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OnlineView {
    /// How many.
    pub count: usize,
    /// The first of them.
    pub members: Vec<PresenceView>,
}

/// What a member chooses, by request or by frame.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPresence {
    /// `online`, `idle`, `dnd` or `invisible`.
    pub status: String,
}
