//! What can be done with bans: one use case, one function, one transaction.

use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::Connection;
use serde_json::{Value, json};

use super::store::{self, Ban};
use super::wire::{BanView, NewBan};
use crate::accounts;
use crate::accounts::acting::Acting;
use crate::base::ids::{CommunityId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::permission::Permission;
use crate::communities::acts;
use crate::communities::authority::Authority;
use crate::communities::error::CommunityError;
use crate::communities::known::Known;
use crate::communities::members;
use crate::communities::model;
use crate::communities::standing;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// How long a ban with an end lasts at most.
const LONGEST: Duration = Duration::from_hours(10 * 366 * 24);

/// The bans of a community.
pub(super) async fn list(
    ctx: &Ctx,
    me: UserId,
    id: CommunityId,
    query: PageQuery<UserId>,
) -> Result<Page<BanView, UserId>, CommunityError> {
    let (held, now) = (ctx.clone(), ctx.now());
    ctx.db()
        .read(move |connection| {
            let authority = Authority::inside(connection, id, me, now)?;
            authority.needs(Permission::BanMembers)?;
            let page = store::page(connection, id, &query, now)?;
            Ok(page.map(|(ban, user)| BanView::new(&ban, &user, held.origin())))
        })
        .await
}

/// Bans somebody, who need not be a member; a member is removed.
pub(super) async fn put(
    ctx: &Ctx,
    known: &Known,
    me: Acting,
    (id, user): (CommunityId, UserId),
    new: NewBan,
) -> Result<BanView, CommunityError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let (log, now) = (EventLog::begin(connection)?, held.now());
        let authority = Authority::inside(connection, id, me.id, now)?;
        authority.needs(Permission::BanMembers)?;
        let person = accounts::store::by_id(connection, user)?;
        let person = person.ok_or(CommunityError::NotFound)?;
        let stands = standing::of(connection, &authority.community, user, now)?;
        authority.over(&stands)?;
        if stands.standing.is_owner {
            return Err(CommunityError::OwnerIsKept);
        }
        let mut ban = Ban {
            community_id: id,
            user_id: user,
            reason: model::reason(&new.reason)?,
            banned_by: me.id,
            created_at: now.as_millis(),
            expires_at: end(new.seconds, now)?,
        };
        let former = store::by_id(connection, id, user)?;
        if let Some(former) = former.as_ref().filter(|former| former.lasts(now)) {
            match over(connection, &authority, former, now) {
                // Who makes it longer does not come to be the one who may lift it.
                Err(CommunityError::OutOfReach) if !ends_sooner(&ban, former) => {
                    ban.banned_by = former.banned_by;
                }
                reach => reach?,
            }
        }
        store::put(connection, &ban)?;
        let entry = me.entry("member.ban").on("user", &user);
        let entry = entry.change(former.as_ref().map(shown), Some(shown(&ban)));
        acts::record(connection, id, &entry, now)?;
        if stands.standing.is_member {
            members::actions::expel(&held, connection, &log, id, user, "banned")?;
        }
        Ok(BanView::new(&ban, &person, held.origin()))
    };
    let view = ctx.db().write(write).await?;
    known.changed(id);
    Ok(view)
}

/// A ban as the audit log has it.
fn shown(ban: &Ban) -> Value {
    json!({
        "reason": ban.reason,
        "banned_by": ban.banned_by,
        "expires_at": ban.expires_at.map(Timestamp::from_millis),
    })
}

/// Whether a ban ends before another one.
fn ends_sooner(ban: &Ban, other: &Ban) -> bool {
    match (ban.expires_at, other.expires_at) {
        (Some(end), Some(other)) => end < other,
        (Some(_), None) => true,
        (None, _) => false,
    }
}

/// Goes on only for the one who set a ban, and for those who stand higher; that of somebody who has
/// nothing to do with the community any more is anybody's.
fn over(
    connection: &mut Connection,
    authority: &Authority,
    ban: &Ban,
    now: Timestamp,
) -> Result<(), CommunityError> {
    if ban.banned_by == authority.id() {
        return Ok(());
    }
    let set_by = standing::of(connection, &authority.community, ban.banned_by, now)?;
    if set_by.is_inside() {
        authority.over(&set_by)
    } else {
        Ok(())
    }
}

fn end(seconds: Option<u64>, now: Timestamp) -> Result<Option<i64>, CommunityError> {
    let Some(seconds) = seconds else {
        return Ok(None);
    };
    let lasts = Duration::from_secs(seconds);
    if lasts.is_zero() || lasts > LONGEST {
        let detail = "A ban lasts from a second to ten years, or for good.";
        return Err(CommunityError::InvalidTerms(detail));
    }
    Ok(Some(now.plus(lasts).as_millis()))
}

/// Takes a ban back.
pub(super) async fn remove(
    ctx: &Ctx,
    me: Acting,
    (id, user): (CommunityId, UserId),
) -> Result<(), CommunityError> {
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            let _log = EventLog::begin(connection)?;
            let authority = Authority::inside(connection, id, me.id, now)?;
            authority.needs(Permission::BanMembers)?;
            let ban = store::by_id(connection, id, user)?.ok_or(CommunityError::NotFound)?;
            if ban.lasts(now) {
                over(connection, &authority, &ban, now)?;
            }
            store::remove(connection, id, user)?;
            let entry = me.entry("member.unban").on("user", &user);
            let entry = entry.change(Some(shown(&ban)), None);
            acts::record(connection, id, &entry, now)?;
            Ok(())
        })
        .await
}
