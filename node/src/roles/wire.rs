//! Roles as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::model::CustomRole;
use crate::accounts::wire::UserView;
use crate::base::ids::RoleId;
use crate::base::privilege::{Privilege, Privileges};
use crate::base::role::Role;

/// A privilege with the built-in roles that hold it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PrivilegeView {
    name: Privilege,
    /// The built-in roles that hold it, lowest first.
    roles: Vec<Role>,
}

impl PrivilegeView {
    pub(super) fn new(name: Privilege, roles: &[Role]) -> Self {
        let holds = |role: &&Role| Privileges::of_role(**role).contains(name);
        Self {
            name,
            roles: roles.iter().filter(holds).copied().collect(),
        }
    }
}

/// A role as operators see it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct RoleView {
    /// The id; of a built-in role its name.
    id: String,
    name: String,
    description: String,
    /// Whether it is one of the built-in ones, which nobody changes.
    built_in: bool,
    privileges: Vec<Privilege>,
    /// How many people have it; `null` for the built-in ones.
    members: Option<i64>,
    #[schema(value_type = Option<String>, format = DateTime)]
    created_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    updated_at: Option<Timestamp>,
}

impl RoleView {
    pub(super) fn system(role: Role) -> Self {
        Self {
            id: role.as_str().to_owned(),
            name: role.as_str().to_owned(),
            description: String::new(),
            built_in: true,
            privileges: Privileges::of_role(role).iter().collect(),
            members: None,
            created_at: None,
            updated_at: None,
        }
    }

    pub(super) fn custom(role: &CustomRole, members: i64) -> Self {
        Self {
            id: role.id.to_string(),
            name: role.name.clone(),
            description: role.description.clone(),
            built_in: false,
            privileges: role.privileges.iter().collect(),
            members: Some(members),
            created_at: Some(Timestamp::from_millis(role.created_at)),
            updated_at: Some(Timestamp::from_millis(role.updated_at)),
        }
    }
}

/// The body of `POST /api/v1/admin/roles`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRole {
    /// What it is called.
    pub(super) name: String,
    /// What it is for.
    #[serde(default)]
    pub(super) description: String,
    /// What it holds.
    pub(super) privileges: Vec<Privilege>,
}

/// The body of `PATCH /api/v1/admin/roles/{id}`; what is absent stays as it is.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchRole {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) description: Option<String>,
    /// All that it holds afterwards.
    #[serde(default)]
    pub(super) privileges: Option<Vec<Privilege>>,
}

/// The body of `PUT /api/v1/admin/users/{id}/roles`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutRoles {
    /// The built-in role.
    pub(super) role: Role,
    /// All other roles that they have afterwards.
    #[serde(default)]
    pub(super) custom: Vec<RoleId>,
}

/// What a member may do, and why.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct UserRoles {
    pub(super) user: UserView,
    /// The built-in role.
    pub(super) role: Role,
    /// The other roles, without the numbers of their members.
    pub(super) custom: Vec<RoleView>,
    /// Everything that they may do, by all roles together.
    pub(super) privileges: Vec<Privilege>,
}

/// A role as the audit log keeps it.
pub(super) fn recorded(role: &CustomRole) -> Value {
    let privileges: Vec<Privilege> = role.privileges.iter().collect();
    json!({
        "name": role.name,
        "description": role.description,
        "privileges": privileges,
    })
}
