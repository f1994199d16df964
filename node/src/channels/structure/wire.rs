//! The channels of communities as JSON.

use serde::{Deserialize, Serialize};

use crate::base::ids::{ChannelId, CommunityRoleId, UserId};
use crate::base::patch::Patch;
use crate::base::permission::Permissions;
use crate::channels::model::ChannelKind;
use crate::channels::wire::ChannelView;

/// A channel, and what the member may do there.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct SeenChannel {
    /// What everybody sees of it who sees it.
    #[serde(flatten)]
    pub(super) channel: ChannelView,
    /// What the member may do there.
    pub(super) permissions: Permissions,
}

/// The body of `POST /api/v1/communities/{id}/channels`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewChannel {
    /// Its name, 1 to 80 characters.
    pub(super) name: String,
    /// `category`, `text`, `voice` or `announcement`; `text` when absent.
    #[serde(default)]
    pub(super) kind: Option<ChannelKind>,
    /// The category that it is in.
    #[serde(default)]
    pub(super) parent_id: Option<ChannelId>,
    /// What it is about, up to 1000 characters.
    #[serde(default)]
    pub(super) topic: Option<String>,
    /// Whether only those see it who are named in it.
    #[serde(default)]
    pub(super) is_private: bool,
    /// Seconds between two messages of one member, up to 21600; 0 for none.
    #[serde(default)]
    pub(super) slow_mode_seconds: i32,
}

/// The body of `POST /api/v1/channels/{id}/threads`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewThread {
    /// Its name, 1 to 80 characters.
    pub(super) name: String,
}

/// The body of `PATCH /api/v1/channels/{id}`; what is absent stays.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchChannel {
    /// Its name, 1 to 80 characters.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// What it is about, up to 1000 characters; null takes it away.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) topic: Patch<String>,
    /// The category that it is in; null for none.
    #[serde(default)]
    #[schema(value_type = Option<ChannelId>)]
    pub(super) parent_id: Patch<ChannelId>,
    /// Whether only those see it who are named in it.
    #[serde(default)]
    pub(super) is_private: Option<bool>,
    /// Seconds between two messages of one member, up to 21600; 0 for none.
    #[serde(default)]
    pub(super) slow_mode_seconds: Option<i32>,
    /// Whether nothing is to be added to it any more.
    #[serde(default)]
    pub(super) is_archived: Option<bool>,
}

impl PatchChannel {
    /// The name, when nothing else is to be changed.
    pub(super) fn only_name(self) -> Option<String> {
        let others = self.topic.is_given()
            || self.parent_id.is_given()
            || self.is_private.is_some()
            || self.slow_mode_seconds.is_some()
            || self.is_archived.is_some();
        self.name.filter(|_| !others)
    }
}

/// The body of `PUT /api/v1/communities/{id}/channels/order`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ChannelOrder {
    /// Channels in the order in which they are to be shown; the places of others stay.
    pub(super) channels: Vec<ChannelId>,
}

/// What a channel says of permissions.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct OverridesView {
    /// Of roles.
    pub(super) roles: Vec<RoleOverride>,
    /// Of members.
    pub(super) members: Vec<MemberOverride>,
}

/// What a channel says of a role.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct RoleOverride {
    pub(super) role_id: CommunityRoleId,
    /// What it allows.
    pub(super) allow: Permissions,
    /// What it denies.
    pub(super) deny: Permissions,
}

/// What a channel says of a member.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct MemberOverride {
    pub(super) user_id: UserId,
    /// What it allows.
    pub(super) allow: Permissions,
    /// What it denies.
    pub(super) deny: Permissions,
}

/// The body of `PUT …/overrides/…`; what is in neither is inherited.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutOverride {
    /// What it allows.
    #[serde(default)]
    pub(super) allow: Permissions,
    /// What it denies.
    #[serde(default)]
    pub(super) deny: Permissions,
}
