//! All SQL that writes `community_roles`.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{CommunityId, CommunityRoleId};
use crate::base::permission::Permissions;
use crate::communities::model::CommunityRole;
use crate::platform::db::schema::community_roles;

/// The name of everyone's role.
const EVERYONE: &str = "everyone";

/// Makes everyone's role of a new community.
pub(in crate::communities) fn insert_everyone(
    connection: &mut Connection,
    community: CommunityId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    insert_everyone_with(connection, community, Permissions::OF_NEW_EVERYONE, now)
}

/// The same, with what it holds.
pub(in crate::communities) fn insert_everyone_with(
    connection: &mut Connection,
    community: CommunityId,
    permissions: Permissions,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let role = CommunityRole {
        id: CommunityRoleId::new(now),
        community_id: community,
        name: EVERYONE.to_owned(),
        colour: None,
        position: 0,
        permissions,
        is_everyone: true,
        created_at: now.as_millis(),
        updated_at: now.as_millis(),
    };
    insert(connection, &role)
}

/// Adds a role.
pub(super) fn insert(
    connection: &mut Connection,
    role: &CommunityRole,
) -> Result<(), DatabaseError> {
    diesel::insert_into(community_roles::table)
        .values(role.clone())
        .execute(connection)?;
    Ok(())
}

/// A role of a community.
///
/// # Errors
/// The database failed.
pub fn by_id(
    connection: &mut Connection,
    community: CommunityId,
    id: CommunityRoleId,
) -> Result<Option<CommunityRole>, DatabaseError> {
    let row = community_roles::table
        .find(id)
        .filter(community_roles::community_id.eq(community))
        .select(CommunityRole::as_select());
    Ok(row.first(connection).optional()?)
}

/// The roles of a community, the highest first.
///
/// # Errors
/// The database failed.
pub fn list(
    connection: &mut Connection,
    community: CommunityId,
) -> Result<Vec<CommunityRole>, DatabaseError> {
    let rows = community_roles::table
        .filter(community_roles::community_id.eq(community))
        .order((community_roles::position.desc(), community_roles::id))
        .select(CommunityRole::as_select());
    Ok(rows.load(connection)?)
}

/// Makes room for a role at the lowest place above everyone's.
pub(super) fn lift(
    connection: &mut Connection,
    community: CommunityId,
) -> Result<(), DatabaseError> {
    let rows = community_roles::table
        .filter(community_roles::community_id.eq(community))
        .filter(community_roles::is_everyone.eq(false));
    diesel::update(rows)
        .set(community_roles::position.eq(community_roles::position + 1))
        .execute(connection)?;
    Ok(())
}

/// Stores a changed role.
pub(super) fn update(
    connection: &mut Connection,
    role: &CommunityRole,
) -> Result<(), DatabaseError> {
    diesel::update(community_roles::table.find(role.id))
        .set(role.clone())
        .execute(connection)?;
    Ok(())
}

/// Stores the place of a role.
pub(super) fn place(
    connection: &mut Connection,
    id: CommunityRoleId,
    position: i32,
) -> Result<(), DatabaseError> {
    diesel::update(community_roles::table.find(id))
        .set(community_roles::position.eq(position))
        .execute(connection)?;
    Ok(())
}

/// Takes a role away from everybody, and deletes it.
pub(super) fn delete(
    connection: &mut Connection,
    id: CommunityRoleId,
) -> Result<(), DatabaseError> {
    diesel::delete(community_roles::table.find(id)).execute(connection)?;
    Ok(())
}
