//! All SQL that writes `community_bans`.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::accounts::model::User;
use crate::base::ids::{CommunityId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::platform::db::schema::{community_bans, users};

/// A ban.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = community_bans, treat_none_as_null = true)]
pub(super) struct Ban {
    pub(super) community_id: CommunityId,
    pub(super) user_id: UserId,
    pub(super) reason: String,
    pub(super) banned_by: UserId,
    pub(super) created_at: i64,
    pub(super) expires_at: Option<i64>,
}

impl Ban {
    /// Whether it has not ended.
    pub(super) fn lasts(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| end > now.as_millis())
    }
}

/// Whether a person may not come into a community at this moment.
pub(in crate::communities) fn is_banned(
    connection: &mut Connection,
    community: CommunityId,
    user: UserId,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let ban = by_id(connection, community, user)?;
    Ok(ban.is_some_and(|ban| ban.lasts(now)))
}

/// The ban of a person, even when it has ended.
pub(super) fn by_id(
    connection: &mut Connection,
    community: CommunityId,
    user: UserId,
) -> Result<Option<Ban>, DatabaseError> {
    let row = community_bans::table
        .find((community, user))
        .select(Ban::as_select());
    Ok(row.first(connection).optional()?)
}

/// Stores a ban, in the place of an earlier one.
pub(super) fn put(connection: &mut Connection, ban: &Ban) -> Result<(), DatabaseError> {
    let (row, changes) = (ban.clone(), ban.clone());
    each_backend!(connection, c => diesel::insert_into(community_bans::table)
        .values(row)
        .on_conflict((community_bans::community_id, community_bans::user_id))
        .do_update()
        .set(changes)
        .execute(c))?;
    Ok(())
}

/// Takes a ban back; whether there was one.
pub(super) fn remove(
    connection: &mut Connection,
    community: CommunityId,
    user: UserId,
) -> Result<bool, DatabaseError> {
    let row = community_bans::table.find((community, user));
    Ok(diesel::delete(row).execute(connection)? == 1)
}

/// The bans of a community, the newest account first; those that have ended are left out.
pub(super) fn page(
    connection: &mut Connection,
    community: CommunityId,
    page: &PageQuery<UserId>,
    now: Timestamp,
) -> Result<Page<(Ban, User), UserId>, DatabaseError> {
    let lasts = community_bans::expires_at
        .is_null()
        .or(community_bans::expires_at.gt(now.as_millis()));
    let mut rows = community_bans::table
        .inner_join(users::table.on(users::id.eq(community_bans::user_id)))
        .filter(community_bans::community_id.eq(community))
        .filter(lasts)
        .limit(i64::from(page.limit()).saturating_add(1))
        .select((Ban::as_select(), User::as_select()))
        .into_boxed();
    if let Some(before) = page.before {
        rows = rows.filter(community_bans::user_id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(community_bans::user_id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(community_bans::user_id.asc())
    } else {
        rows.order(community_bans::user_id.desc())
    };
    let found: Vec<(Ban, User)> = rows.load(connection)?;
    let id = |(ban, _): &(Ban, User)| ban.user_id;
    Ok(Page::newest_first(found, page, id))
}

/// Forgets that somebody was banned, once their account has ended.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    let rows = community_bans::table.filter(community_bans::user_id.eq(user));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}
