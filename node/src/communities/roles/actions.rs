//! What can be done with roles: one use case, one function, one transaction.

use federation_core::store::sql::Connection;
use serde_json::json;

use super::store;
use super::wire::{CommunityRoleView, NewCommunityRole, PatchCommunityRole};
use crate::accounts::acting::Acting;
use crate::base::ids::{CommunityId, CommunityRoleId, UserId};
use crate::base::permission::Permission;
use crate::communities::acts;
use crate::communities::authority::Authority;
use crate::communities::error::CommunityError;
use crate::communities::known::Known;
use crate::communities::model::{self, CommunityRole, MAX_ROLES, Rank};
use crate::communities::tell::{self, Gone, Of};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// The roles of a community, the highest first.
pub(super) async fn list(
    ctx: &Ctx,
    me: UserId,
    id: CommunityId,
) -> Result<Vec<CommunityRoleView>, CommunityError> {
    let now = ctx.now();
    ctx.db()
        .read(move |connection| {
            Authority::inside(connection, id, me, now)?;
            let roles = store::list(connection, id)?;
            Ok(roles.iter().map(CommunityRoleView::from).collect())
        })
        .await
}

/// Makes a role at the lowest place above everyone's; to be run in a transaction.
pub(super) fn create(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    me: &Acting,
    id: CommunityId,
    new: &NewCommunityRole,
) -> Result<CommunityRoleView, CommunityError> {
    let now = ctx.now();
    let authority = Authority::inside(connection, id, me.id, now)?;
    authority.needs(Permission::ManageRoles)?;
    // Somebody without any role would be lifted over by the role they make.
    authority.above(Rank::Role(0))?;
    authority.holds(new.permissions)?;
    let roles = store::list(connection, id)?;
    if i64::try_from(roles.len()).unwrap_or(i64::MAX) >= MAX_ROLES {
        let (what, most) = ("roles", MAX_ROLES);
        return Err(CommunityError::TooMany { what, most });
    }
    let role = CommunityRole {
        id: CommunityRoleId::new(now),
        community_id: id,
        name: model::name(&new.name)?,
        colour: new.colour.as_deref().map(model::colour).transpose()?,
        position: 1,
        permissions: new.permissions,
        is_everyone: false,
        created_at: now.as_millis(),
        updated_at: now.as_millis(),
    };
    store::lift(connection, id)?;
    store::insert(connection, &role)?;
    let entry = me
        .entry("community_role.create")
        .on("community_role", &role.id);
    let entry = entry.change(None, Some(json!(CommunityRoleView::from(&role))));
    acts::record(connection, id, &entry, now)?;
    let view = CommunityRoleView::from(&role);
    tell::members(ctx, connection, log, id, "role.created", &view)?;
    Ok(view)
}

/// Changes a role.
pub(super) async fn update(
    ctx: &Ctx,
    known: &Known,
    me: Acting,
    (id, role): (CommunityId, CommunityRoleId),
    patch: PatchCommunityRole,
) -> Result<CommunityRoleView, CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let authority = Authority::inside(connection, id, me.id, now)?;
        authority.needs(Permission::ManageRoles)?;
        let before = store::by_id(connection, id, role)?.ok_or(CommunityError::NotFound)?;
        authority.above(Rank::Role(before.position))?;
        let mut after = before.clone();
        if before.is_everyone && (patch.name.is_some() || patch.colour.is_given()) {
            return Err(CommunityError::RoleOfEveryone);
        }
        if let Some(name) = &patch.name {
            after.name = model::name(name)?;
        }
        let colour = |text: &String| model::colour(text);
        after.colour = patch.colour.over(after.colour, colour)?;
        if let Some(permissions) = patch.permissions {
            authority.holds(permissions.difference(before.permissions))?;
            after.permissions = permissions;
        }
        if after == before {
            return Ok(CommunityRoleView::from(&after));
        }
        after.updated_at = now.as_millis();
        store::update(connection, &after)?;
        let view = CommunityRoleView::from(&after);
        let entry = me
            .entry("community_role.update")
            .on("community_role", &role);
        let old = json!(CommunityRoleView::from(&before));
        let entry = entry.change(Some(old), Some(json!(view)));
        acts::record(connection, id, &entry, now)?;
        if before.permissions == after.permissions {
            tell::members(&held, connection, &log, id, "role.updated", &view)?;
        } else {
            tell::renew_members(&held, connection, &log, id, "role.updated", &view)?;
        }
        Ok(view)
    };
    let view = ctx.db().write(write).await?;
    known.changed(id);
    Ok(view)
}

/// Deletes a role, which takes it from everybody.
pub(super) async fn delete(
    ctx: &Ctx,
    known: &Known,
    me: Acting,
    (id, role): (CommunityId, CommunityRoleId),
) -> Result<(), CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let authority = Authority::inside(connection, id, me.id, now)?;
        authority.needs(Permission::ManageRoles)?;
        let before = store::by_id(connection, id, role)?.ok_or(CommunityError::NotFound)?;
        if before.is_everyone {
            return Err(CommunityError::RoleOfEveryone);
        }
        authority.above(Rank::Role(before.position))?;
        authority.holds(before.permissions)?;
        store::delete(connection, role)?;
        let entry = me
            .entry("community_role.delete")
            .on("community_role", &role);
        let entry = entry.change(Some(json!(CommunityRoleView::from(&before))), None);
        acts::record(connection, id, &entry, now)?;
        let gone = Gone {
            community_id: id,
            id: role,
        };
        tell::renew_members(&held, connection, &log, id, "role.deleted", &gone)?;
        Ok(())
    };
    ctx.db().write(write).await?;
    known.changed(id);
    Ok(())
}

/// Puts the roles in another order; only those below one's own move.
pub(super) async fn order(
    ctx: &Ctx,
    known: &Known,
    me: Acting,
    id: CommunityId,
    wanted: Vec<CommunityRoleId>,
) -> Result<Vec<CommunityRoleView>, CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let authority = Authority::inside(connection, id, me.id, now)?;
        authority.needs(Permission::ManageRoles)?;
        let roles = store::list(connection, id)?;
        let present: Vec<&CommunityRole> = roles.iter().filter(|role| !role.is_everyone).collect();
        let mut position = i32::try_from(present.len()).unwrap_or(i32::MAX);
        let mut named = wanted.clone();
        named.sort_unstable();
        named.dedup();
        if named.len() != wanted.len() || wanted.len() != present.len() {
            return Err(CommunityError::InvalidOrder);
        }
        for role in &wanted {
            let known = present.iter().find(|known| known.id == *role);
            let known = known.ok_or(CommunityError::InvalidOrder)?;
            if known.position != position {
                authority.above(Rank::Role(known.position.max(position)))?;
                store::place(connection, *role, position)?;
            }
            position = position.saturating_sub(1);
        }
        let old: Vec<CommunityRoleId> = present.iter().map(|role| role.id).collect();
        if old != wanted {
            let entry = me.entry("community_role.order").on("community", &id);
            let entry = entry.change(Some(json!(old)), Some(json!(wanted)));
            acts::record(connection, id, &entry, now)?;
            let (op, of) = ("community.permissions_changed", Of { community_id: id });
            tell::renew_members(&held, connection, &log, id, op, &of)?;
        }
        let roles = store::list(connection, id)?;
        Ok(roles.iter().map(CommunityRoleView::from).collect())
    };
    let roles = ctx.db().write(write).await?;
    known.changed(id);
    Ok(roles)
}
