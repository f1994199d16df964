//! All SQL that writes `roles`, `role_privileges` and `user_roles`.

use std::collections::HashMap;

use diesel::dsl::count_star;
use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::error::RoleError;
use super::model::CustomRole;
use crate::accounts::authority;
use crate::base::ids::{RoleId, UserId};
use crate::base::privilege::Privileges;
use crate::base::role::Role;
use crate::platform::db::schema::{role_privileges, roles, user_roles, users};

type Row = (RoleId, String, String, i64, i64);

const COLUMNS: (
    roles::id,
    roles::name,
    roles::description,
    roles::created_at,
    roles::updated_at,
) = (
    roles::id,
    roles::name,
    roles::description,
    roles::created_at,
    roles::updated_at,
);

fn with_privileges(
    connection: &mut Connection,
    rows: Vec<Row>,
) -> Result<Vec<CustomRole>, DatabaseError> {
    let ids: Vec<RoleId> = rows.iter().map(|(id, ..)| *id).collect();
    let held: Vec<(RoleId, String)> = role_privileges::table
        .filter(role_privileges::role_id.eq_any(&ids))
        .select((role_privileges::role_id, role_privileges::privilege))
        .load(connection)?;
    let mut by_role: HashMap<RoleId, Vec<String>> = HashMap::new();
    for (role, privilege) in held {
        by_role.entry(role).or_default().push(privilege);
    }
    let role = |(id, name, description, created_at, updated_at): Row| CustomRole {
        id,
        name,
        description,
        privileges: by_role
            .get(&id)
            .map_or(Privileges::NONE, |texts| authority::read(texts)),
        created_at,
        updated_at,
    };
    Ok(rows.into_iter().map(role).collect())
}

/// All roles that operators made, in the order in which they were made.
pub(super) fn all(connection: &mut Connection) -> Result<Vec<CustomRole>, DatabaseError> {
    let rows = roles::table.order(roles::id).select(COLUMNS);
    let rows = rows.load(connection)?;
    with_privileges(connection, rows)
}

/// These roles, as far as they are there.
pub(super) fn by_ids(
    connection: &mut Connection,
    ids: &[RoleId],
) -> Result<Vec<CustomRole>, DatabaseError> {
    let rows = roles::table.filter(roles::id.eq_any(ids)).order(roles::id);
    let rows = rows.select(COLUMNS).load(connection)?;
    with_privileges(connection, rows)
}

/// The role of this id.
pub(super) fn by_id(
    connection: &mut Connection,
    id: RoleId,
) -> Result<Option<CustomRole>, DatabaseError> {
    Ok(by_ids(connection, &[id])?.pop())
}

/// The roles that were given to a person, the built-in one aside.
pub(super) fn of_user(
    connection: &mut Connection,
    user: UserId,
) -> Result<Vec<CustomRole>, DatabaseError> {
    let ids: Vec<RoleId> = user_roles::table
        .filter(user_roles::user_id.eq(user))
        .select(user_roles::role_id)
        .load(connection)?;
    by_ids(connection, &ids)
}

/// How many people have each role.
pub(super) fn holders(connection: &mut Connection) -> Result<HashMap<RoleId, i64>, DatabaseError> {
    let rows: Vec<(RoleId, i64)> = user_roles::table
        .group_by(user_roles::role_id)
        .select((user_roles::role_id, count_star()))
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// How many people have a role, by their built-in roles.
pub(super) fn people_with(
    connection: &mut Connection,
    role: RoleId,
) -> Result<Vec<(Role, i64)>, DatabaseError> {
    let rows = user_roles::table
        .inner_join(users::table)
        .filter(user_roles::role_id.eq(role))
        .group_by(users::role)
        .select((users::role, count_star()));
    Ok(rows.load(connection)?)
}

/// How many roles there are.
pub(super) fn count(connection: &mut Connection) -> Result<i64, DatabaseError> {
    Ok(roles::table.count().get_result(connection)?)
}

/// Adds a role.
pub(super) fn insert(connection: &mut Connection, role: &CustomRole) -> Result<(), RoleError> {
    let row = (
        roles::id.eq(role.id),
        roles::name.eq(&role.name),
        roles::name_key.eq(role.name.to_lowercase()),
        roles::description.eq(&role.description),
        roles::created_at.eq(role.created_at),
        roles::updated_at.eq(role.updated_at),
    );
    let inserted = diesel::insert_into(roles::table)
        .values(row)
        .execute(connection);
    unique(inserted)?;
    set_privileges(connection, role.id, role.privileges)
}

/// Stores what a role has become.
pub(super) fn update(connection: &mut Connection, role: &CustomRole) -> Result<(), RoleError> {
    let updated = diesel::update(roles::table.find(role.id))
        .set((
            roles::name.eq(&role.name),
            roles::name_key.eq(role.name.to_lowercase()),
            roles::description.eq(&role.description),
            roles::updated_at.eq(role.updated_at),
        ))
        .execute(connection);
    unique(updated)?;
    let old = role_privileges::table.filter(role_privileges::role_id.eq(role.id));
    diesel::delete(old).execute(connection)?;
    set_privileges(connection, role.id, role.privileges)
}

/// Tells a name that is taken from other faults.
fn unique(outcome: QueryResult<usize>) -> Result<(), RoleError> {
    match outcome.map_err(DatabaseError::from) {
        Ok(_rows) => Ok(()),
        Err(error) if error.is_duplicate() => Err(RoleError::NameTaken),
        Err(error) => Err(error.into()),
    }
}

fn set_privileges(
    connection: &mut Connection,
    role: RoleId,
    privileges: Privileges,
) -> Result<(), RoleError> {
    for privilege in privileges.iter() {
        diesel::insert_into(role_privileges::table)
            .values((
                role_privileges::role_id.eq(role),
                role_privileges::privilege.eq(privilege.as_str()),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// Deletes a role, which nobody has any more afterwards.
pub(super) fn delete(connection: &mut Connection, id: RoleId) -> Result<(), DatabaseError> {
    diesel::delete(user_roles::table.filter(user_roles::role_id.eq(id))).execute(connection)?;
    let held = role_privileges::table.filter(role_privileges::role_id.eq(id));
    diesel::delete(held).execute(connection)?;
    diesel::delete(roles::table.find(id)).execute(connection)?;
    Ok(())
}

/// Gives a person these roles, and takes all others away.
pub(super) fn give(
    connection: &mut Connection,
    user: UserId,
    given: &[RoleId],
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let others = user_roles::table
        .filter(user_roles::user_id.eq(user))
        .filter(user_roles::role_id.ne_all(given));
    diesel::delete(others).execute(connection)?;
    for role in given {
        let row = (
            user_roles::user_id.eq(user),
            user_roles::role_id.eq(*role),
            user_roles::created_at.eq(now.as_millis()),
        );
        each_backend!(connection, c => diesel::insert_into(user_roles::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))?;
    }
    Ok(())
}
