//! What can be done with bans: one use case, one function, one transaction.

use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::Connection;
use serde_json::json;

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
        let ban = Ban {
            community_id: id,
            user_id: user,
            reason: model::reason(&new.reason)?,
            banned_by: me.id,
            created_at: now.as_millis(),
            expires_at: end(new.seconds, now)?,
        };
        store::put(connection, &ban)?;
        let after = json!({
            "reason": ban.reason,
            "expires_at": ban.expires_at.map(Timestamp::from_millis),
        });
        let entry = me.entry("member.ban").on("user", &user);
        let entry = entry.change(None, Some(after));
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
            store::remove(connection, id, user)?;
            let entry = me.entry("member.unban").on("user", &user);
            let entry = entry.change(Some(json!({"reason": ban.reason})), None);
            acts::record(connection, id, &entry, now)?;
            Ok(())
        })
        .await
}
