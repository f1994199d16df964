//! Invitations into communities as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::Invite;
use crate::base::ids::{CommunityId, CommunityInviteId, UserId};

/// The body of `POST …/invites`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCommunityInvite {
    /// People that it is good for, 1 to 1000; any number when absent.
    #[serde(default)]
    pub(super) max_uses: Option<i32>,
    /// Seconds for which it is good, a minute to a year; until it is taken back when absent.
    #[serde(default)]
    pub(super) expires_in: Option<u64>,
}

/// An invitation without its code.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct CommunityInviteView {
    id: CommunityInviteId,
    community_id: CommunityId,
    /// Who invites.
    created_by: UserId,
    /// People that it is good for; `null` for any number.
    max_uses: Option<i32>,
    /// People who came by it.
    uses: i32,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// Until when it is good; `null` until it is taken back.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

/// A new invitation with its code, which is shown once.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub(super) struct CommunityInvited {
    /// What is shown of it later.
    #[serde(flatten)]
    pub(super) invite: CommunityInviteView,
    /// What whoever joins gives as `invite`.
    pub(super) code: String,
}

impl From<&Invite> for CommunityInviteView {
    fn from(invite: &Invite) -> Self {
        Self {
            id: invite.id,
            community_id: invite.community_id,
            created_by: invite.created_by,
            max_uses: invite.max_uses,
            uses: invite.uses,
            created_at: Timestamp::from_millis(invite.created_at),
            expires_at: invite.expires_at.map(Timestamp::from_millis),
        }
    }
}
