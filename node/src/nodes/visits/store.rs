//! All SQL that writes `visits`.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{SessionId, UserId, VisitId};
use crate::platform::db::schema::{sessions, visits};

/// Values in one list of a query.
const AT_ONCE: usize = 500;

/// A session that another node granted to a member of this one.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = visits)]
pub(super) struct Visit {
    pub(super) id: VisitId,
    pub(super) user_id: UserId,
    /// The sign-in here that it was opened by.
    pub(super) session_id: SessionId,
    /// The origin of the other node.
    pub(super) issuer: String,
    /// The id of the session there.
    pub(super) granted_id: String,
    pub(super) scopes: String,
    pub(super) opened_at: i64,
    pub(super) expires_at: i64,
    /// Since when the other node is to end it.
    pub(super) ended_at: Option<i64>,
    /// When the other node is told next.
    pub(super) retry_at: i64,
}

/// Adds one.
pub(super) fn insert(connection: &mut Connection, visit: &Visit) -> Result<(), DatabaseError> {
    diesel::insert_into(visits::table)
        .values(visit.clone())
        .execute(connection)?;
    Ok(())
}

/// Those of a member that are open, newest first; `limit` at most.
pub(super) fn of_member(
    connection: &mut Connection,
    user: UserId,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Visit>, DatabaseError> {
    let rows = visits::table
        .filter(visits::user_id.eq(user))
        .filter(visits::ended_at.is_null())
        .filter(visits::expires_at.gt(now.as_millis()))
        .order(visits::id.desc())
        .limit(limit)
        .select(Visit::as_select());
    Ok(rows.load(connection)?)
}

/// Ends one of a member, which the other node is told then; whether it was open.
pub(super) fn end(
    connection: &mut Connection,
    user: UserId,
    id: VisitId,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let row = visits::table
        .filter(visits::id.eq(id))
        .filter(visits::user_id.eq(user))
        .filter(visits::ended_at.is_null())
        .filter(visits::expires_at.gt(now.as_millis()));
    let changed = diesel::update(row)
        .set((
            visits::ended_at.eq(Some(now.as_millis())),
            visits::retry_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(changed == 1)
}

/// Whether there is any at all.
pub(super) fn is_any(connection: &mut Connection) -> Result<bool, DatabaseError> {
    let any = visits::table.select(visits::id).limit(1);
    let any: Option<VisitId> = any.first(connection).optional()?;
    Ok(any.is_some())
}

/// Those that another node is to be told of now.
pub(super) fn due(
    connection: &mut Connection,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<Visit>, DatabaseError> {
    let rows = visits::table
        .filter(visits::ended_at.is_not_null())
        .filter(visits::retry_at.le(now.as_millis()))
        .order(visits::retry_at)
        .limit(limit)
        .select(Visit::as_select());
    Ok(rows.load(connection)?)
}

/// The open ones of these sign-ins.
pub(super) fn of_sessions(
    connection: &mut Connection,
    ended: &[SessionId],
) -> Result<Vec<Visit>, DatabaseError> {
    let mut found = Vec::new();
    for some in ended.chunks(AT_ONCE) {
        let rows = visits::table
            .filter(visits::session_id.eq_any(some))
            .filter(visits::ended_at.is_null())
            .select(Visit::as_select());
        found.extend(rows.load::<Visit>(connection)?);
    }
    Ok(found)
}

/// The open ones whose sign-in was ended, as it is with the account.
pub(super) fn left_open(
    connection: &mut Connection,
    limit: i64,
) -> Result<Vec<Visit>, DatabaseError> {
    let live = sessions::table
        .filter(sessions::revoked_at.is_null())
        .select(sessions::id);
    let rows = visits::table
        .filter(visits::ended_at.is_null())
        .filter(visits::session_id.ne_all(live))
        .order(visits::id)
        .limit(limit)
        .select(Visit::as_select());
    Ok(rows.load(connection)?)
}

/// Takes one that is to be ended, so that nobody else tells of it before `retry_at`; whether it was
/// there to take.
pub(super) fn claim(
    connection: &mut Connection,
    visit: &Visit,
    retry_at: Timestamp,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let row = visits::table
        .filter(visits::id.eq(visit.id))
        .filter(visits::retry_at.le(now.as_millis()));
    let ended_at = visit.ended_at.unwrap_or(now.as_millis());
    let changed = diesel::update(row)
        .set((
            visits::ended_at.eq(Some(ended_at)),
            visits::retry_at.eq(retry_at.as_millis()),
        ))
        .execute(connection)?;
    Ok(changed == 1)
}

/// Drops one.
pub(super) fn remove(connection: &mut Connection, id: VisitId) -> Result<(), DatabaseError> {
    diesel::delete(visits::table.find(id)).execute(connection)?;
    Ok(())
}

/// Those that are over by themselves.
pub(super) fn expired(
    connection: &mut Connection,
    limit: i64,
    now: Timestamp,
) -> Result<Vec<VisitId>, DatabaseError> {
    let rows = visits::table
        .filter(visits::expires_at.le(now.as_millis()))
        .order(visits::expires_at)
        .limit(limit)
        .select(visits::id);
    Ok(rows.load(connection)?)
}
