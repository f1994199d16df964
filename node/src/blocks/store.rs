//! All SQL that writes `user_blocks`.

use std::collections::HashSet;

use diesel::prelude::*;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{BlockKind, UserBlock, blocked_by_you, not_accepting};
use crate::accounts::model::User;
use crate::base::ids::UserId;
use crate::base::page::{Page, PageQuery};
use crate::platform::db::schema::{user_blocks, users};
use crate::platform::http::error::ApiError;

/// Whether `user` blocked `target`.
///
/// # Errors
/// The database failed.
pub fn is_blocked(
    connection: &mut Connection,
    user: UserId,
    target: UserId,
) -> Result<bool, DatabaseError> {
    Ok(find(connection, user, BlockKind::Block, target)?.is_some())
}

/// The block or mute of one person by another.
///
/// # Errors
/// The database failed.
pub fn find(
    connection: &mut Connection,
    user: UserId,
    kind: BlockKind,
    target: UserId,
) -> Result<Option<UserBlock>, DatabaseError> {
    let row = user_blocks::table
        .find((user, kind, target))
        .select(UserBlock::as_select());
    Ok(row.first(connection).optional()?)
}

/// Goes on only when neither of two people blocked the other.
///
/// # Errors
/// 403: one of them did; `me` is told only of a block of their own.
pub fn keep_apart(connection: &mut Connection, me: UserId, other: UserId) -> Result<(), ApiError> {
    if is_blocked(connection, other, me)? {
        return Err(not_accepting());
    }
    if is_blocked(connection, me, other)? {
        return Err(blocked_by_you());
    }
    Ok(())
}

/// Those of `people` whom a member blocked or muted.
///
/// # Errors
/// The database failed.
pub fn silenced_among(
    connection: &mut Connection,
    user: UserId,
    people: &[UserId],
) -> Result<HashSet<UserId>, DatabaseError> {
    let mut found = HashSet::new();
    for some in people.chunks(500) {
        let rows: Vec<UserId> = user_blocks::table
            .filter(user_blocks::user_id.eq(user))
            .filter(user_blocks::target_id.eq_any(some))
            .select(user_blocks::target_id)
            .load(connection)?;
        found.extend(rows);
    }
    Ok(found)
}

/// Those of `people` who blocked or muted somebody.
///
/// # Errors
/// The database failed.
pub fn silencing_among(
    connection: &mut Connection,
    target: UserId,
    people: &[UserId],
) -> Result<HashSet<UserId>, DatabaseError> {
    let mut found = HashSet::new();
    for some in people.chunks(500) {
        let rows: Vec<UserId> = user_blocks::table
            .filter(user_blocks::target_id.eq(target))
            .filter(user_blocks::user_id.eq_any(some))
            .select(user_blocks::user_id)
            .load(connection)?;
        found.extend(rows);
    }
    Ok(found)
}

/// How many people a member blocked, or muted.
pub(super) fn count(
    connection: &mut Connection,
    user: UserId,
    kind: BlockKind,
) -> Result<i64, DatabaseError> {
    let rows = user_blocks::table
        .filter(user_blocks::user_id.eq(user))
        .filter(user_blocks::kind.eq(kind));
    Ok(rows.count().get_result(connection)?)
}

/// Stores a block or mute, unless it is there.
pub(super) fn put(connection: &mut Connection, block: &UserBlock) -> Result<(), DatabaseError> {
    let row = block.clone();
    each_backend!(connection, c => diesel::insert_into(user_blocks::table)
        .values(&row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Lifts a block or mute; whether there was one.
pub(super) fn remove(
    connection: &mut Connection,
    user: UserId,
    kind: BlockKind,
    target: UserId,
) -> Result<bool, DatabaseError> {
    let row = user_blocks::table.find((user, kind, target));
    Ok(diesel::delete(row).execute(connection)? > 0)
}

/// Whom a member blocked or muted, the newest account first.
///
/// # Errors
/// The database failed.
pub fn page(
    connection: &mut Connection,
    user: UserId,
    kind: BlockKind,
    page: &PageQuery<UserId>,
) -> Result<Page<(UserBlock, User), UserId>, DatabaseError> {
    let mut rows = user_blocks::table
        .inner_join(users::table.on(users::id.eq(user_blocks::target_id)))
        .filter(user_blocks::user_id.eq(user))
        .filter(user_blocks::kind.eq(kind))
        .limit(i64::from(page.limit()).saturating_add(1))
        .select((UserBlock::as_select(), User::as_select()))
        .into_boxed();
    if let Some(before) = page.before {
        rows = rows.filter(user_blocks::target_id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(user_blocks::target_id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(user_blocks::target_id.asc())
    } else {
        rows.order(user_blocks::target_id.desc())
    };
    let found: Vec<(UserBlock, User)> = rows.load(connection)?;
    Ok(Page::newest_first(found, page, |(block, _)| {
        block.target_id
    }))
}

/// Forgets whom somebody blocked or muted whose account has ended, and who did so with them.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    let own = user_blocks::table.filter(user_blocks::user_id.eq(user));
    diesel::delete(own).execute(connection)?;
    let of = user_blocks::table.filter(user_blocks::target_id.eq(user));
    diesel::delete(of).execute(connection)?;
    Ok(())
}
