//! What operators do with roles: one use case, one function, one transaction.

use federation_core::store::sql::Connection;
use serde_json::json;

use super::error::RoleError;
use super::model::{self, CustomRole, MAX_PER_USER, MAX_ROLES, Named, SYSTEM};
use super::store;
use super::wire::{NewRole, PatchRole, PutRoles, RoleView, UserRoles, recorded};
use crate::accounts;
use crate::accounts::acting::Acting;
use crate::accounts::authority::{self, Authority};
use crate::accounts::error::AccountError;
use crate::accounts::model::User;
use crate::accounts::wire::UserView;
use crate::auth::Auth;
use crate::base::ids::{RoleId, UserId};
use crate::base::privilege::{Privilege, Privileges};
use crate::base::role::Role;
use crate::platform::audit;
use crate::platform::ctx::Ctx;

/// What everything here takes.
const NEEDED: Privilege = Privilege::ManageServerPrivileges;

/// All roles: the built-in ones first.
pub(super) async fn list(ctx: &Ctx) -> Result<Vec<RoleView>, RoleError> {
    ctx.db()
        .read(|connection| {
            let holders = store::holders(connection)?;
            let system = SYSTEM.into_iter().map(RoleView::system);
            let custom = store::all(connection)?;
            let custom = custom
                .iter()
                .map(|role| RoleView::custom(role, holders.get(&role.id).copied().unwrap_or(0)));
            Ok(system.chain(custom).collect())
        })
        .await
}

/// One role.
pub(super) async fn show(ctx: &Ctx, named: Named) -> Result<RoleView, RoleError> {
    let id = match named {
        Named::System(role) => return Ok(RoleView::system(role)),
        Named::Custom(id) => id,
    };
    ctx.db()
        .read(move |connection| {
            let role = store::by_id(connection, id)?.ok_or(RoleError::NotFound)?;
            let people = store::people_with(connection, id)?;
            let members = people.iter().map(|(_, count)| count).sum();
            Ok(RoleView::custom(&role, members))
        })
        .await
}

/// Makes a role that holds no more than the one who makes it; run in a transaction.
pub(super) fn create(
    ctx: &Ctx,
    connection: &mut Connection,
    by: Acting,
    new: &NewRole,
) -> Result<RoleView, RoleError> {
    let now = ctx.now();
    let authority = Authority::of(connection, by.id, NEEDED)?;
    let role = CustomRole {
        id: RoleId::new(now),
        name: model::name(&new.name)?,
        description: model::description(&new.description)?,
        privileges: new.privileges.iter().copied().collect(),
        created_at: now.as_millis(),
        updated_at: now.as_millis(),
    };
    authority.holds(role.privileges)?;
    if store::count(connection)? >= MAX_ROLES {
        return Err(RoleError::TooMany(usize::try_from(MAX_ROLES).unwrap_or(0)));
    }
    store::insert(connection, &role)?;
    let entry = by.entry("role.create").on("role", &role.id);
    let entry = entry.change(None, Some(recorded(&role)));
    audit::record(connection, &entry, now)?;
    Ok(RoleView::custom(&role, 0))
}

/// Changes a role; who has it has the new privileges at once.
pub(super) async fn change(
    ctx: &Ctx,
    auth: &Auth,
    by: Acting,
    named: Named,
    patch: PatchRole,
) -> Result<RoleView, RoleError> {
    let id = custom(named)?;
    let now = ctx.now();
    let changed = ctx
        .db()
        .write(move |connection| {
            let authority = Authority::of(connection, by.id, NEEDED)?;
            let old = store::by_id(connection, id)?.ok_or(RoleError::NotFound)?;
            let mut role = old.clone();
            if let Some(name) = &patch.name {
                role.name = model::name(name)?;
            }
            if let Some(description) = &patch.description {
                role.description = model::description(description)?;
            }
            if let Some(privileges) = &patch.privileges {
                role.privileges = privileges.iter().copied().collect();
            }
            role.updated_at = now.as_millis();
            let people = reachable(connection, &authority, &old)?;
            authority.holds(role.privileges)?;
            store::update(connection, &role)?;
            let entry = by.entry("role.update").on("role", &id);
            let entry = entry.change(Some(recorded(&old)), Some(recorded(&role)));
            audit::record(connection, &entry, now)?;
            Ok::<_, RoleError>(RoleView::custom(&role, people))
        })
        .await?;
    auth.gate.roles_changed();
    Ok(changed)
}

/// Deletes a role; who had it loses its privileges at once.
pub(super) async fn delete(
    ctx: &Ctx,
    auth: &Auth,
    by: Acting,
    named: Named,
) -> Result<(), RoleError> {
    let id = custom(named)?;
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            let authority = Authority::of(connection, by.id, NEEDED)?;
            let old = store::by_id(connection, id)?.ok_or(RoleError::NotFound)?;
            reachable(connection, &authority, &old)?;
            store::delete(connection, id)?;
            let entry = by.entry("role.delete").on("role", &id);
            audit::record(connection, &entry.change(Some(recorded(&old)), None), now)?;
            Ok::<_, RoleError>(())
        })
        .await?;
    auth.gate.roles_changed();
    Ok(())
}

/// How many people have a role, all of whom, as well as what it holds, are within reach.
fn reachable(
    connection: &mut Connection,
    authority: &Authority,
    role: &CustomRole,
) -> Result<i64, RoleError> {
    authority.holds(role.privileges)?;
    let people = store::people_with(connection, role.id)?;
    for (built_in, _) in &people {
        authority.over_role(*built_in)?;
    }
    Ok(people.iter().map(|(_, count)| count).sum())
}

fn custom(named: Named) -> Result<RoleId, RoleError> {
    match named {
        Named::Custom(id) => Ok(id),
        Named::System(_) => Err(RoleError::BuiltIn),
    }
}

/// What a member may do, and by which roles.
pub(super) async fn of_user(ctx: &Ctx, id: UserId) -> Result<UserRoles, RoleError> {
    let held = ctx.clone();
    ctx.db()
        .read(move |connection| {
            let user = member(connection, id)?;
            view(&held, connection, &user)
        })
        .await
}

/// Gives a member these roles and no others.
pub(super) async fn give(
    ctx: &Ctx,
    auth: &Auth,
    by: Acting,
    id: UserId,
    wanted: PutRoles,
) -> Result<UserRoles, RoleError> {
    if wanted.custom.len() > MAX_PER_USER {
        return Err(RoleError::TooMany(MAX_PER_USER));
    }
    let (held, now) = (ctx.clone(), ctx.now());
    let given = ctx
        .db()
        .write(move |connection| {
            let authority = Authority::of(connection, by.id, NEEDED)?;
            let user = member(connection, id)?;
            authority.over(&user)?;
            let before = store::of_user(connection, id)?;
            let after = store::by_ids(connection, &wanted.custom)?;
            if !wanted
                .custom
                .iter()
                .all(|id| after.iter().any(|role| role.id == *id))
            {
                return Err(RoleError::UnknownRole);
            }
            if wanted.role != user.role {
                authority.appoints(wanted.role)?;
            }
            authority.holds(difference(&before, &after))?;
            accounts::store::set_role(connection, id, wanted.role, now)?;
            let ids: Vec<RoleId> = after.iter().map(|role| role.id).collect();
            store::give(connection, id, &ids, now)?;
            let entry = by.entry("user.roles").on("user", &id);
            let told = |role: Role, custom: &[CustomRole]| {
                let names: Vec<&str> = custom.iter().map(|role| role.name.as_str()).collect();
                Some(json!({"role": role, "custom": names}))
            };
            let entry = entry.change(told(user.role, &before), told(wanted.role, &after));
            audit::record(connection, &entry, now)?;
            let user = member(connection, id)?;
            view(&held, connection, &user)
        })
        .await?;
    auth.gate.roles_changed();
    Ok(given)
}

/// Everything that roles hold which are in one of the lists alone.
fn difference(before: &[CustomRole], after: &[CustomRole]) -> Privileges {
    let only = |these: &[CustomRole], those: &[CustomRole]| {
        let missing = |role: &&CustomRole| !those.iter().any(|other| other.id == role.id);
        these
            .iter()
            .filter(missing)
            .fold(Privileges::NONE, |sum, role| sum.union(role.privileges))
    };
    only(before, after).union(only(after, before))
}

/// An account of this node that is still there.
fn member(connection: &mut Connection, id: UserId) -> Result<User, RoleError> {
    let user = accounts::store::by_id(connection, id)?;
    let user = user
        .filter(|user| user.deleted_at.is_none())
        .ok_or(AccountError::NotFound)?;
    if !user.is_local() {
        return Err(AccountError::NotOfThisNode.into());
    }
    Ok(user)
}

fn view(ctx: &Ctx, connection: &mut Connection, user: &User) -> Result<UserRoles, RoleError> {
    let custom = store::of_user(connection, user.id)?;
    let privileges = authority::effective(connection, user.id, user.role)?;
    Ok(UserRoles {
        user: UserView::new(user, ctx.origin()),
        role: user.role,
        custom: custom
            .iter()
            .map(|role| RoleView::custom(role, 0))
            .collect(),
        privileges: privileges.iter().collect(),
    })
}
