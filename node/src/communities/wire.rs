//! Communities as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::{Community, Visibility};
use crate::base::ids::{CommunityId, CommunityRoleId, UserId};
use crate::base::permission::Permissions;

/// A community as those see it who may know of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CommunityView {
    /// The id.
    pub id: CommunityId,
    /// The last part of its address.
    pub slug: String,
    /// Its name.
    pub name: String,
    /// What it is about.
    pub description: String,
    /// Who finds it and who may join.
    pub visibility: Visibility,
    /// Whose it is; `null` when the owners of the node hold it.
    pub owner_id: Option<UserId>,
    /// Whether every account of this node belongs to it.
    pub is_default: bool,
    /// The id of its actor.
    pub actor: String,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl From<&Community> for CommunityView {
    fn from(community: &Community) -> Self {
        Self {
            id: community.id,
            slug: community.slug.clone(),
            name: community.name.clone(),
            description: community.description.clone(),
            visibility: community.visibility,
            owner_id: community.owner_id,
            is_default: community.is_default,
            actor: community.actor_uri.clone(),
            created_at: Timestamp::from_millis(community.created_at),
        }
    }
}

/// A community, and how the member stands in it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct MyCommunity {
    /// What everybody sees of it.
    #[serde(flatten)]
    pub(super) community: CommunityView,
    /// Whether the member is in it.
    pub(super) is_member: bool,
    /// The roles of the member, everyone's included.
    pub(super) roles: Vec<CommunityRoleId>,
    /// What the member may do in the community as a whole.
    pub(super) permissions: Permissions,
    /// How many members it has.
    pub(super) member_count: i64,
}

/// The query of `GET /api/v1/communities`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// `public` for those that anybody may join, instead of one's own.
    pub(super) scope: Option<Listed>,
    pub(super) before: Option<CommunityId>,
    pub(super) after: Option<CommunityId>,
    pub(super) limit: Option<u32>,
}

/// Which communities to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Listed {
    Joined,
    Public,
}

/// The body of `POST /api/v1/communities`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCommunity {
    /// The last part of its address: 2 to 32 of `a-z`, `0-9` and `-`. It cannot be changed.
    pub(super) slug: String,
    /// Its name, 1 to 80 characters.
    pub(super) name: String,
    /// What it is about, up to 1000 characters.
    #[serde(default)]
    pub(super) description: String,
    /// Who finds it and who may join; `private` when absent.
    #[serde(default)]
    pub(super) visibility: Option<Visibility>,
}

/// The body of `PATCH /api/v1/communities/{id}`; what is absent stays.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchCommunity {
    /// Its name, 1 to 80 characters.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// What it is about, up to 1000 characters.
    #[serde(default)]
    pub(super) description: Option<String>,
    /// Who finds it and who may join.
    #[serde(default)]
    pub(super) visibility: Option<Visibility>,
    /// A member to whom the owner hands it over.
    #[serde(default)]
    pub(super) owner_id: Option<UserId>,
}

/// The body of `POST /api/v1/communities/join`.
#[derive(Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct JoinByInvite {
    /// The code of an invitation.
    pub(super) invite: String,
}
