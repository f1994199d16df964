//! All SQL that writes `account_deletions` and `deletion_confirmations`.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{Confirmation, DONE, Deletion};
use crate::accounts::model::User;
use crate::base::ids::DeletionId;
use crate::base::page::{Page, PageQuery};
use crate::platform::db::schema::{
    account_deletions, deletion_confirmations, deliveries, outgoing_activities, users,
};

/// Inboxes of one person's deliveries that are looked up at most.
const MAX_INBOXES: i64 = 10_000;

/// Adds a deletion, unless the account has one.
///
/// # Errors
/// The database failed.
pub fn insert(connection: &mut Connection, deletion: &Deletion) -> Result<(), DatabaseError> {
    each_backend!(connection, c => diesel::insert_into(account_deletions::table)
        .values(deletion)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Deletions that are not done, oldest first.
pub(super) fn open(
    connection: &mut Connection,
    limit: i64,
) -> Result<Vec<Deletion>, DatabaseError> {
    let rows = account_deletions::table
        .filter(account_deletions::state.ne(DONE))
        .order(account_deletions::id)
        .limit(limit)
        .select(Deletion::as_select());
    Ok(rows.load(connection)?)
}

/// Moves a deletion on, unless another process did already; whether this one did.
pub(super) fn move_on(
    connection: &mut Connection,
    id: DeletionId,
    (from, to): (&str, &str),
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let row = account_deletions::table
        .find(id)
        .filter(account_deletions::state.eq(from));
    let completed = (to == DONE).then_some(now.as_millis());
    let moved = diesel::update(row)
        .set((
            account_deletions::state.eq(to),
            account_deletions::completed_at.eq(completed),
        ))
        .execute(connection)?;
    Ok(moved > 0)
}

/// Notes whom a deletion is told to.
pub(super) fn insert_confirmations(
    connection: &mut Connection,
    rows: &[Confirmation],
) -> Result<(), DatabaseError> {
    for row in rows {
        each_backend!(connection, c => diesel::insert_into(deletion_confirmations::table)
            .values(row)
            .on_conflict_do_nothing()
            .execute(c))?;
    }
    Ok(())
}

/// The deletion that other nodes are told of by this activity.
pub(super) fn by_activity(
    connection: &mut Connection,
    activity: &str,
) -> Result<Option<DeletionId>, DatabaseError> {
    let row = account_deletions::table
        .filter(account_deletions::activity_id.eq(activity))
        .select(account_deletions::id);
    Ok(row.first(connection).optional()?)
}

/// Notes what became of telling one inbox.
pub(super) fn settle(
    connection: &mut Connection,
    id: DeletionId,
    inbox: &str,
    (state, reason): (&str, Option<&str>),
    now: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::update(deletion_confirmations::table.find((id, inbox)))
        .set((
            deletion_confirmations::state.eq(state),
            deletion_confirmations::reason.eq(reason),
            deletion_confirmations::updated_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Inboxes that something of this actor was delivered to.
pub(super) fn served(
    connection: &mut Connection,
    actor: &str,
) -> Result<Vec<String>, DatabaseError> {
    let rows = deliveries::table
        .inner_join(outgoing_activities::table)
        .filter(outgoing_activities::actor_id.eq(actor))
        .filter(deliveries::state.eq("delivered"))
        .select(deliveries::inbox)
        .distinct()
        .limit(MAX_INBOXES);
    Ok(rows.load(connection)?)
}

/// Deletions with those whom they concern, newest first.
///
/// # Errors
/// The database failed.
pub fn page(
    connection: &mut Connection,
    page: &PageQuery<DeletionId>,
) -> Result<Page<(Deletion, User), DeletionId>, DatabaseError> {
    let mut rows = account_deletions::table
        .inner_join(users::table)
        .limit(i64::from(page.limit()) + 1)
        .select((Deletion::as_select(), User::as_select()))
        .into_boxed();
    if let Some(before) = page.before {
        rows = rows.filter(account_deletions::id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(account_deletions::id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(account_deletions::id.asc())
    } else {
        rows.order(account_deletions::id.desc())
    };
    let found: Vec<(Deletion, User)> = rows.load(connection)?;
    Ok(Page::newest_first(found, page, |(deletion, _)| deletion.id))
}

/// One deletion with the person it concerns.
///
/// # Errors
/// The database failed.
pub fn by_id(
    connection: &mut Connection,
    id: DeletionId,
) -> Result<Option<(Deletion, User)>, DatabaseError> {
    let row = account_deletions::table
        .inner_join(users::table)
        .filter(account_deletions::id.eq(id))
        .select((Deletion::as_select(), User::as_select()));
    Ok(row.first(connection).optional()?)
}

/// Which nodes took notice of these deletions, and which did not.
///
/// # Errors
/// The database failed.
pub fn confirmations(
    connection: &mut Connection,
    ids: &[DeletionId],
) -> Result<HashMap<DeletionId, Vec<Confirmation>>, DatabaseError> {
    let rows: Vec<Confirmation> = deletion_confirmations::table
        .filter(deletion_confirmations::deletion_id.eq_any(ids))
        .order((deletion_confirmations::peer, deletion_confirmations::inbox))
        .select(Confirmation::as_select())
        .load(connection)?;
    let mut found: HashMap<DeletionId, Vec<Confirmation>> = HashMap::new();
    for row in rows {
        found.entry(row.deletion_id).or_default().push(row);
    }
    Ok(found)
}
