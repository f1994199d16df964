//! Invitations as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::Invite;
use crate::base::ids::{InviteId, UserId};

/// The body of `POST /api/v1/auth/invites`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewInvite {
    /// Accounts that it is good for, 1 to 1000; one when absent.
    #[serde(default)]
    pub(super) uses: Option<i32>,
    /// Seconds for which it is good, a minute to 90 days; a week when absent.
    #[serde(default)]
    pub(super) expires_in: Option<u64>,
}

/// An invitation as those see it who may invite.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct InviteView {
    id: InviteId,
    /// Who invites; `null` for the operator at the command line.
    created_by: Option<UserId>,
    /// Accounts that it is good for.
    max_uses: i32,
    /// Accounts that were opened by it.
    uses: i32,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    expires_at: Timestamp,
}

/// A new invitation with its code, which is shown once.
#[derive(Clone, Serialize, utoipa::ToSchema)]
pub(super) struct Invited {
    /// What everybody sees of it who may invite.
    #[serde(flatten)]
    pub(super) invite: InviteView,
    /// What the new member gives as `invite`.
    pub(super) code: String,
}

impl From<Invite> for InviteView {
    fn from(invite: Invite) -> Self {
        Self {
            id: invite.id,
            created_by: invite.created_by,
            max_uses: invite.max_uses,
            uses: invite.uses,
            created_at: Timestamp::from_millis(invite.created_at),
            expires_at: Timestamp::from_millis(invite.expires_at),
        }
    }
}
