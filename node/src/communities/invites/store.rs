//! All SQL that writes `community_invites`.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::auth::model::hash_of;
use crate::base::ids::{CommunityId, CommunityInviteId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::communities::error::CommunityError;
use crate::platform::db::schema::community_invites;

/// An invitation, without its code.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = community_invites)]
pub(in crate::communities) struct Invite {
    pub(in crate::communities) id: CommunityInviteId,
    pub(in crate::communities) community_id: CommunityId,
    pub(super) created_by: UserId,
    pub(super) max_uses: Option<i32>,
    pub(super) uses: i32,
    pub(super) created_at: i64,
    pub(super) expires_at: Option<i64>,
}

/// Adds an invitation behind the hash of its code.
pub(super) fn insert(
    connection: &mut Connection,
    invite: &Invite,
    code_hash: Vec<u8>,
) -> Result<(), DatabaseError> {
    diesel::insert_into(community_invites::table)
        .values((
            community_invites::id.eq(invite.id),
            community_invites::community_id.eq(invite.community_id),
            community_invites::code_hash.eq(code_hash),
            community_invites::created_by.eq(invite.created_by),
            community_invites::max_uses.eq(invite.max_uses),
            community_invites::uses.eq(invite.uses),
            community_invites::created_at.eq(invite.created_at),
            community_invites::expires_at.eq(invite.expires_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// The invitation behind `code`, as long as it is good.
pub(in crate::communities) fn good(
    connection: &mut Connection,
    code: &str,
    now: Timestamp,
) -> Result<Invite, CommunityError> {
    let row = community_invites::table
        .filter(community_invites::code_hash.eq(hash_of(code)))
        .select(Invite::as_select());
    let found: Option<Invite> = row.first(connection).optional()?;
    found
        .filter(|invite| invite.is_good(now))
        .ok_or(CommunityError::InvalidInvite)
}

impl Invite {
    fn is_good(&self, now: Timestamp) -> bool {
        self.max_uses.is_none_or(|most| self.uses < most)
            && self.expires_at.is_none_or(|end| end > now.as_millis())
    }
}

/// Counts one use.
pub(in crate::communities) fn used(
    connection: &mut Connection,
    id: CommunityInviteId,
) -> Result<(), CommunityError> {
    let open = community_invites::table.find(id).filter(
        community_invites::max_uses
            .is_null()
            .or(community_invites::uses
                .nullable()
                .lt(community_invites::max_uses)),
    );
    let changed = diesel::update(open)
        .set(community_invites::uses.eq(community_invites::uses + 1))
        .execute(connection)?;
    if changed == 1 {
        Ok(())
    } else {
        Err(CommunityError::InvalidInvite)
    }
}

/// How many invitations a member has in a community, good ones and past ones.
pub(super) fn count(
    connection: &mut Connection,
    community: CommunityId,
    user: UserId,
) -> Result<i64, DatabaseError> {
    let rows = community_invites::table
        .filter(community_invites::community_id.eq(community))
        .filter(community_invites::created_by.eq(user));
    Ok(rows.count().get_result(connection)?)
}

/// Drops the invitations of a member that are no longer good.
pub(super) fn clear(
    connection: &mut Connection,
    community: CommunityId,
    user: UserId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let rows = community_invites::table
        .filter(community_invites::community_id.eq(community))
        .filter(community_invites::created_by.eq(user))
        .select(Invite::as_select());
    let rows: Vec<Invite> = rows.load(connection)?;
    for past in rows.iter().filter(|invite| !invite.is_good(now)) {
        diesel::delete(community_invites::table.find(past.id)).execute(connection)?;
    }
    Ok(())
}

/// Drops the invitations of somebody who is no member any more.
pub(in crate::communities) fn drop_of(
    connection: &mut Connection,
    community: CommunityId,
    user: UserId,
) -> Result<(), DatabaseError> {
    let rows = community_invites::table
        .filter(community_invites::community_id.eq(community))
        .filter(community_invites::created_by.eq(user));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

/// Drops all invitations of somebody whose account has ended.
pub(in crate::communities) fn forget(
    connection: &mut Connection,
    user: UserId,
) -> Result<(), DatabaseError> {
    let rows = community_invites::table.filter(community_invites::created_by.eq(user));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

/// An invitation of a community.
pub(super) fn by_id(
    connection: &mut Connection,
    community: CommunityId,
    id: CommunityInviteId,
) -> Result<Option<Invite>, DatabaseError> {
    let row = community_invites::table
        .find(id)
        .filter(community_invites::community_id.eq(community))
        .select(Invite::as_select());
    Ok(row.first(connection).optional()?)
}

/// Takes an invitation back.
pub(super) fn remove(
    connection: &mut Connection,
    id: CommunityInviteId,
) -> Result<(), DatabaseError> {
    diesel::delete(community_invites::table.find(id)).execute(connection)?;
    Ok(())
}

/// The invitations of a community, or of one member in it, newest first.
pub(super) fn page(
    connection: &mut Connection,
    community: CommunityId,
    by: Option<UserId>,
    page: &PageQuery<CommunityInviteId>,
) -> Result<Page<Invite, CommunityInviteId>, DatabaseError> {
    let mut rows = community_invites::table
        .filter(community_invites::community_id.eq(community))
        .limit(i64::from(page.limit()).saturating_add(1))
        .select(Invite::as_select())
        .into_boxed();
    if let Some(by) = by {
        rows = rows.filter(community_invites::created_by.eq(by));
    }
    if let Some(before) = page.before {
        rows = rows.filter(community_invites::id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(community_invites::id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(community_invites::id.asc())
    } else {
        rows.order(community_invites::id.desc())
    };
    let found: Vec<Invite> = rows.load(connection)?;
    Ok(Page::newest_first(found, page, |invite: &Invite| invite.id))
}
