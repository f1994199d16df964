//! What can be done with invitations: one use case, one function, one transaction.

use std::time::Duration;

use federation_core::store::sql::Connection;
use serde_json::json;

use super::store::{self, Invite};
use super::wire::{CommunityInviteView, CommunityInvited, NewCommunityInvite};
use crate::accounts::acting::Acting;
use crate::auth::model::OpaqueToken;
use crate::base::ids::{CommunityId, CommunityInviteId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::permission::Permission;
use crate::communities::acts;
use crate::communities::authority::Authority;
use crate::communities::error::CommunityError;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// People that one invitation is good for at most, when it is bounded.
const MOST_USES: i32 = 1000;
/// How long one is good at least.
const SHORTEST: Duration = Duration::from_mins(1);
/// How long one is good at most, when it ends by itself.
const LONGEST: Duration = Duration::from_hours(366 * 24);
/// Invitations of one member in one community at most (I11).
const MOST: i64 = 100;

/// Makes an invitation; to be run in a transaction.
pub(super) fn create(
    ctx: &Ctx,
    connection: &mut Connection,
    _log: &EventLog,
    me: &Acting,
    id: CommunityId,
    new: &NewCommunityInvite,
) -> Result<CommunityInvited, CommunityError> {
    let now = ctx.now();
    let authority = Authority::inside(connection, id, me.id, now)?;
    authority.needs(Permission::CreateInvites)?;
    let lasts = new.expires_in.map(Duration::from_secs);
    let fits = new
        .max_uses
        .is_none_or(|uses| (1..=MOST_USES).contains(&uses))
        && lasts.is_none_or(|lasts| (SHORTEST..=LONGEST).contains(&lasts));
    if !fits {
        let detail = "An invitation is good for 1 to 1000 people, and for a minute to a year.";
        return Err(CommunityError::InvalidTerms(detail));
    }
    store::clear(connection, id, me.id, now)?;
    if store::count(connection, id, me.id)? >= MOST {
        let (what, most) = ("invitations of yours", MOST);
        return Err(CommunityError::TooMany { what, most });
    }
    let code = OpaqueToken::generate()?;
    let invite = Invite {
        id: CommunityInviteId::new(now),
        community_id: id,
        created_by: me.id,
        max_uses: new.max_uses,
        uses: 0,
        created_at: now.as_millis(),
        expires_at: lasts.map(|lasts| now.plus(lasts).as_millis()),
    };
    store::insert(connection, &invite, code.hash())?;
    let after = json!({"max_uses": new.max_uses, "expires_in": new.expires_in});
    let entry = me
        .entry("community_invite.create")
        .on("community_invite", &invite.id);
    let entry = entry.change(None, Some(after));
    acts::record(connection, id, &entry, now)?;
    Ok(CommunityInvited {
        invite: CommunityInviteView::from(&invite),
        code: code.expose().to_owned(),
    })
}

/// The invitations of a community; those who may not manage them see their own.
pub(super) async fn list(
    ctx: &Ctx,
    me: UserId,
    id: CommunityId,
    query: PageQuery<CommunityInviteId>,
) -> Result<Page<CommunityInviteView, CommunityInviteId>, CommunityError> {
    let now = ctx.now();
    ctx.db()
        .read(move |connection| {
            let authority = Authority::inside(connection, id, me, now)?;
            let manages = authority.held().contains(Permission::ManageInvites);
            let page = store::page(connection, id, (!manages).then_some(me), &query)?;
            Ok(page.map(|invite| CommunityInviteView::from(&invite)))
        })
        .await
}

/// Takes an invitation back: one's own, or that of another.
pub(super) async fn remove(
    ctx: &Ctx,
    me: Acting,
    (id, invite): (CommunityId, CommunityInviteId),
) -> Result<(), CommunityError> {
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            let _log = EventLog::begin(connection)?;
            let authority = Authority::inside(connection, id, me.id, now)?;
            let manages = authority.held().contains(Permission::ManageInvites);
            let found = store::by_id(connection, id, invite)?;
            let found = found.filter(|found| manages || found.created_by == me.id);
            let found = found.ok_or(CommunityError::NotFound)?;
            store::remove(connection, found.id)?;
            let entry = me
                .entry("community_invite.delete")
                .on("community_invite", &invite);
            acts::record(connection, id, &entry, now)?;
            Ok(())
        })
        .await
}
