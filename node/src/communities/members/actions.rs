//! What can be done with members: one use case, one function, one transaction.

use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::Connection;
use serde_json::json;

use super::store;
use super::wire::{CommunityMemberView, PatchMember};
use crate::accounts;
use crate::accounts::acting::Acting;
use crate::base::ids::{CommunityId, CommunityRoleId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::permission::Permission;
use crate::communities::acts;
use crate::communities::authority::Authority;
use crate::communities::bans;
use crate::communities::error::CommunityError;
use crate::communities::invites;
use crate::communities::known::Known;
use crate::communities::model::{self, Community, Rank};
use crate::communities::roles;
use crate::communities::standing::{self, Stands};
use crate::communities::tell::{self, Left, Of};
use crate::communities::wire::CommunityView;
use crate::groups;
use crate::notifications;
use crate::notifications::model::NotificationKind;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// How long somebody is silenced at most.
const LONGEST_TIME_OUT: Duration = Duration::from_hours(28 * 24);

/// Lets somebody into a community, unless they are in it or banned; to be run in a transaction.
pub(in crate::communities) fn admit(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    community: &Community,
    user: UserId,
) -> Result<CommunityView, CommunityError> {
    let now = ctx.now();
    let view = CommunityView::from(community);
    if bans::store::is_banned(connection, community.id, user, now)? {
        return Err(CommunityError::Banned);
    }
    let stands = standing::of(connection, community, user, now)?;
    if stands.standing.is_member {
        return Ok(view);
    }
    store::has_room(connection, user)?;
    store::join(connection, community.id, user, now)?;
    let stands = standing::of(connection, community, user, now)?;
    let member = shown(ctx, connection, community.id, &stands)?;
    tell::members(ctx, connection, log, community.id, "member.joined", &member)?;
    tell::renew_one(ctx, connection, log, user, "community.joined", &view)?;
    Ok(view)
}

/// Puts somebody out of a community and tells of it; to be run in a transaction.
pub(in crate::communities) fn expel(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    community: CommunityId,
    user: UserId,
    reason: &'static str,
) -> Result<(), CommunityError> {
    store::leave(connection, community, user, ctx.now())?;
    // Nobody comes back by an invitation of their own.
    invites::store::drop_of(connection, community, user)?;
    groups::federate::left(ctx, connection, (community, user), reason)?;
    let left = Left {
        community_id: community,
        user_id: user,
        reason,
    };
    // Their own sockets first: what follows in the log is judged without them (I9).
    tell::renew_one(ctx, connection, log, user, "community.left", &left)?;
    tell::members(ctx, connection, log, community, "member.left", &left)?;
    Ok(())
}

fn shown(
    ctx: &Ctx,
    connection: &mut Connection,
    community: CommunityId,
    stands: &Stands,
) -> Result<CommunityMemberView, CommunityError> {
    let user = accounts::store::by_id(connection, stands.user)?;
    let user = user.ok_or(CommunityError::NotFound)?;
    let everyone = stands.everyone;
    let roles = stands.roles.iter().copied();
    let roles = roles.filter(|role| Some(*role) != everyone).collect();
    Ok(CommunityMemberView::new(
        community,
        &user,
        stands.nickname.clone(),
        roles,
        (stands.joined_at.unwrap_or(0), stands.timed_out_until),
        ctx.origin(),
    ))
}

/// The members of a community.
pub(super) async fn list(
    ctx: &Ctx,
    me: UserId,
    id: CommunityId,
    query: PageQuery<UserId>,
) -> Result<Page<CommunityMemberView, UserId>, CommunityError> {
    let (held, now) = (ctx.clone(), ctx.now());
    ctx.db()
        .read(move |connection| {
            let authority = Authority::inside(connection, id, me, now)?;
            let page = store::page(connection, &authority.community, &query)?;
            let ids: Vec<UserId> = page.items.iter().map(|(user, ..)| user.id).collect();
            let mut roles = store::roles_of(connection, id, &ids)?;
            let silenced = |until: i64| (until > now.as_millis()).then_some(until);
            Ok(page.map(|(user, nickname, joined_at, until)| {
                let roles = roles.remove(&user.id).unwrap_or_default();
                let joined_at = joined_at.unwrap_or(user.created_at);
                let times = (joined_at, until.and_then(silenced));
                CommunityMemberView::new(id, &user, nickname, roles, times, held.origin())
            }))
        })
        .await
}

/// One member.
pub(super) async fn show(
    ctx: &Ctx,
    me: UserId,
    id: CommunityId,
    user: UserId,
) -> Result<CommunityMemberView, CommunityError> {
    let (held, now) = (ctx.clone(), ctx.now());
    ctx.db()
        .read(move |connection| {
            let authority = Authority::inside(connection, id, me, now)?;
            let member = authority.member(connection, user, now)?;
            shown(&held, connection, id, &member)
        })
        .await
}

/// Changes what a member is called, or silences them.
pub(super) async fn update(
    ctx: &Ctx,
    known: &Known,
    me: Acting,
    (id, user): (CommunityId, UserId),
    patch: PatchMember,
) -> Result<CommunityMemberView, CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let authority = Authority::inside(connection, id, me.id, now)?;
        let before = authority.member(connection, user, now)?;
        let mut nickname = before.nickname.clone();
        if patch.nickname.is_given() {
            renames(&authority, &before)?;
            let name = |text: &String| model::name(text);
            nickname = patch.nickname.over(nickname, name)?;
        }
        let mut until = before.timed_out_until;
        if patch.time_out_seconds.is_given() {
            authority.needs(Permission::TimeOutMembers)?;
            authority.over(&before)?;
            let end = |seconds: &u64| time_out(&before, *seconds, now);
            until = patch.time_out_seconds.over(until, end)?;
        }
        if (nickname.as_ref(), until) == (before.nickname.as_ref(), before.timed_out_until) {
            return shown(&held, connection, id, &before);
        }
        store::keep(connection, id, user, before.since(now))?;
        store::update(connection, (id, user), nickname.as_deref(), until)?;
        if user != me.id {
            let value = |nickname: &Option<String>, until: Option<i64>| {
                let until = until.map(Timestamp::from_millis);
                Some(json!({"nickname": nickname, "timed_out_until": until}))
            };
            let (old, new) = (
                value(&before.nickname, before.timed_out_until),
                value(&nickname, until),
            );
            let entry = me.entry("member.update").on("user", &user);
            let entry = entry.change(old, new);
            acts::record(connection, id, &entry, now)?;
        }
        if until.is_some() && until != before.timed_out_until {
            let told = (user, NotificationKind::TimeOut);
            notifications::of_moderation(&held, connection, &log, told, (Some(id), until))?;
        }
        let after = authority.member(connection, user, now)?;
        let view = shown(&held, connection, id, &after)?;
        tell::members(&held, connection, &log, id, "member.updated", &view)?;
        Ok::<_, CommunityError>(view)
    };
    let view = ctx.db().write(write).await?;
    known.changed(id);
    Ok(view)
}

/// Silences a member for a while whom a rule found; to be run in a transaction.
///
/// Administrators, and those who are silenced for longer already, stay as they are.
///
/// # Errors
/// The database failed, or there is no such community.
pub fn silence(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    (id, user): (CommunityId, UserId),
    lasts: Duration,
) -> Result<(), CommunityError> {
    let now = ctx.now();
    let community = crate::communities::store::by_id(connection, id)?;
    let community = community.ok_or(CommunityError::NotFound)?;
    let before = standing::of(connection, &community, user, now)?;
    let until = now.plus(lasts.min(LONGEST_TIME_OUT)).as_millis();
    let stays = !before.standing.is_member
        || before.held().contains(Permission::Administrator)
        || before.timed_out_until.is_some_and(|known| known >= until);
    if stays {
        return Ok(());
    }
    store::keep(connection, id, user, before.since(now))?;
    let nickname = before.nickname.as_deref();
    store::update(connection, (id, user), nickname, Some(until))?;
    let told = (user, NotificationKind::TimeOut);
    notifications::of_moderation(ctx, connection, log, told, (Some(id), Some(until)))?;
    let after = standing::of(connection, &community, user, now)?;
    let view = shown(ctx, connection, id, &after)?;
    tell::members(ctx, connection, log, id, "member.updated", &view)?;
    Ok(())
}

fn renames(authority: &Authority, member: &Stands) -> Result<(), CommunityError> {
    if member.user == authority.id() {
        let held = authority.held();
        if held.contains(Permission::ManageNicknames) {
            return Ok(());
        }
        return authority.needs(Permission::ChangeNickname);
    }
    authority.needs(Permission::ManageNicknames)?;
    authority.over(member)
}

/// Until when a member is silenced, in milliseconds since the Unix epoch.
fn time_out(member: &Stands, seconds: u64, now: Timestamp) -> Result<i64, CommunityError> {
    let lasts = Duration::from_secs(seconds);
    if lasts.is_zero() || lasts > LONGEST_TIME_OUT {
        let detail = "A time-out lasts from a second to 28 days.";
        return Err(CommunityError::InvalidTerms(detail));
    }
    let above_all = member.held().contains(Permission::Administrator);
    if above_all {
        let detail = "Administrators cannot be silenced: take that role away first.";
        return Err(CommunityError::InvalidTerms(detail));
    }
    Ok(now.plus(lasts).as_millis())
}

/// Gives a member a role, or takes it away.
pub(super) async fn set_role(
    ctx: &Ctx,
    known: &Known,
    me: Acting,
    (id, user, role): (CommunityId, UserId, CommunityRoleId),
    gives: bool,
) -> Result<CommunityMemberView, CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let authority = Authority::inside(connection, id, me.id, now)?;
        authority.needs(Permission::ManageRoles)?;
        let member = authority.member(connection, user, now)?;
        let role = roles::store::by_id(connection, id, role)?.ok_or(CommunityError::NotFound)?;
        if role.is_everyone {
            return Err(CommunityError::RoleOfEveryone);
        }
        authority.above(Rank::Role(role.position))?;
        authority.holds(role.permissions)?;
        if user != me.id {
            authority.over(&member)?;
        }
        store::keep(connection, id, user, member.since(now))?;
        let changed = if gives {
            store::give(connection, (id, user), role.id)?
        } else {
            store::take(connection, (id, user), role.id)?
        };
        if changed {
            let action = if gives {
                "member.role_give"
            } else {
                "member.role_take"
            };
            let what = Some(json!({"role_id": role.id, "role": role.name}));
            let (before, after) = if gives { (None, what) } else { (what, None) };
            let entry = me.entry(action).on("user", &user);
            let entry = entry.change(before, after);
            acts::record(connection, id, &entry, now)?;
        }
        let after = authority.member(connection, user, now)?;
        let view = shown(&held, connection, id, &after)?;
        if changed {
            let op = "community.permissions_changed";
            let of = Of { community_id: id };
            tell::renew_one(&held, connection, &log, user, op, &of)?;
            tell::members(&held, connection, &log, id, "member.updated", &view)?;
        }
        Ok(view)
    };
    let view = ctx.db().write(write).await?;
    known.changed(id);
    Ok(view)
}

/// Leaves a community, or removes somebody from it.
pub(super) async fn remove(
    ctx: &Ctx,
    known: &Known,
    me: Acting,
    (id, user): (CommunityId, UserId),
) -> Result<(), CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let authority = Authority::inside(connection, id, me.id, now)?;
        let member = authority.member(connection, user, now)?;
        if user == me.id {
            if member.standing.is_owner {
                return Err(CommunityError::OwnerStays);
            }
            return expel(&held, connection, &log, id, user, "left");
        }
        authority.needs(Permission::KickMembers)?;
        authority.over(&member)?;
        if member.standing.is_owner {
            return Err(CommunityError::OwnerIsKept);
        }
        let entry = me.entry("member.kick").on("user", &user);
        acts::record(connection, id, &entry, now)?;
        expel(&held, connection, &log, id, user, "kicked")
    };
    ctx.db().write(write).await?;
    known.changed(id);
    Ok(())
}
