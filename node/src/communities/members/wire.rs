//! Members of communities as JSON.

use std::str::FromStr;

use federation_core::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::accounts::model::User;
use crate::accounts::wire::UserView;
use crate::base::ids::{CommunityId, CommunityRoleId, InvalidId, UserId};
use crate::base::patch::Patch;
use crate::config::Origin;

/// A member of a community.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CommunityMemberView {
    /// Of which community.
    pub community_id: CommunityId,
    /// Who.
    pub user: UserView,
    /// What they are called there, if they chose something.
    pub nickname: Option<String>,
    /// Their roles, everyone's left out.
    pub roles: Vec<CommunityRoleId>,
    /// Since when they are in it.
    #[schema(value_type = String, format = DateTime)]
    pub joined_at: Timestamp,
    /// Until when they are silenced.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub timed_out_until: Option<Timestamp>,
}

impl CommunityMemberView {
    /// Shows a member; `joined_at` and `timed_out_until` are milliseconds since the Unix epoch.
    pub(super) fn new(
        community: CommunityId,
        user: &User,
        nickname: Option<String>,
        roles: Vec<CommunityRoleId>,
        (joined_at, timed_out_until): (i64, Option<i64>),
        origin: &Origin,
    ) -> Self {
        Self {
            community_id: community,
            user: UserView::new(user, origin),
            nickname,
            roles,
            joined_at: Timestamp::from_millis(joined_at),
            timed_out_until: timed_out_until.map(Timestamp::from_millis),
        }
    }
}

/// The body of `PATCH …/members/{user}`; what is absent stays, null takes away.
#[derive(Clone, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchMember {
    /// What they are called, 1 to 80 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) nickname: Patch<String>,
    /// For how many seconds from now they are silenced, up to 28 days.
    #[serde(default)]
    #[schema(value_type = Option<u64>)]
    pub(super) time_out_seconds: Patch<u64>,
}

/// A member in an address: an id, or `@me`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// Whoever asks.
    Me,
    /// This one.
    Id(UserId),
}

impl Who {
    /// Who it is, when `me` asks.
    pub fn id(self, me: UserId) -> UserId {
        match self {
            Self::Me => me,
            Self::Id(id) => id,
        }
    }
}

impl FromStr for Who {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text == "@me" {
            return Ok(Self::Me);
        }
        text.parse().map(Self::Id)
    }
}

impl<'de> Deserialize<'de> for Who {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
