//! Roles of communities as JSON.

use serde::{Deserialize, Serialize};

use crate::base::ids::{CommunityId, CommunityRoleId};
use crate::base::patch::Patch;
use crate::base::permission::Permissions;
use crate::communities::model::CommunityRole;

/// A role of a community.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct CommunityRoleView {
    pub(super) id: CommunityRoleId,
    /// Of which community.
    pub(super) community_id: CommunityId,
    /// Its name.
    pub(super) name: String,
    /// `#rrggbb`, or `null` for none.
    pub(super) colour: Option<String>,
    /// Higher ones are above lower ones; 0 is everyone's.
    pub(super) position: i32,
    /// What it holds.
    pub(super) permissions: Permissions,
    /// Whether every member has it.
    pub(super) is_everyone: bool,
}

impl From<&CommunityRole> for CommunityRoleView {
    fn from(role: &CommunityRole) -> Self {
        Self {
            id: role.id,
            community_id: role.community_id,
            name: role.name.clone(),
            colour: role.colour.clone(),
            position: role.position,
            permissions: role.permissions,
            is_everyone: role.is_everyone,
        }
    }
}

/// The body of `POST …/roles`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewCommunityRole {
    /// Its name, 1 to 80 characters.
    pub(super) name: String,
    /// `#rrggbb`.
    #[serde(default)]
    pub(super) colour: Option<String>,
    /// What it holds; nothing when absent.
    #[serde(default)]
    pub(super) permissions: Permissions,
}

/// The body of `PATCH …/roles/{role}`; what is absent stays.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchCommunityRole {
    /// Its name, 1 to 80 characters.
    #[serde(default)]
    pub(super) name: Option<String>,
    /// `#rrggbb`; null takes it away.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) colour: Patch<String>,
    /// What it holds.
    #[serde(default)]
    pub(super) permissions: Option<Permissions>,
}

/// The body of `PUT …/roles/order`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RoleOrder {
    /// Every role but everyone's, the highest first.
    pub(super) roles: Vec<CommunityRoleId>,
}
