//! Which changed profiles other nodes are still to be told of, and which statuses end when.
//!
//! The row is written with the change; a worker reads it, asks for keys, and queues the activity.
//! Who changes a profile several times in a row is told of at once and then at most every
//! [`QUIET`].

use std::time::Duration;

use diesel::dsl::min;
use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::edits;
use super::profile::{Change, Changes, Profile};
use crate::base::ids::UserId;
use crate::platform::db::schema::{profile_announcements, users};

/// How long the next announcement of a member waits after the last one.
pub const QUIET: Duration = Duration::from_secs(30);

/// Notes that others are to be told of a member's profile.
///
/// # Errors
/// The database failed.
pub fn note(
    connection: &mut Connection,
    user: UserId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    insert(connection, user)?;
    let row = profile_announcements::table.find(user);
    let told: Option<i64> = row
        .select(profile_announcements::announced_at)
        .first(connection)?;
    let quiet = told.map(|told| Timestamp::from_millis(told).plus(QUIET));
    let due = quiet.filter(|end| *end > now).unwrap_or(now);
    diesel::update(row.filter(profile_announcements::due_at.is_null()))
        .set(profile_announcements::due_at.eq(due.as_millis()))
        .execute(connection)?;
    Ok(())
}

/// Notes when the status that a member has chosen ends.
///
/// # Errors
/// The database failed.
pub fn note_status(
    connection: &mut Connection,
    user: UserId,
    change: &Changes,
) -> Result<(), DatabaseError> {
    let end = match &change.status {
        Change::Keep => return Ok(()),
        Change::Remove => None,
        Change::Set(status) => status.expires_at,
    };
    insert(connection, user)?;
    diesel::update(profile_announcements::table.find(user))
        .set(profile_announcements::status_ends_at.eq(end.map(Timestamp::as_millis)))
        .execute(connection)?;
    Ok(())
}

fn insert(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    let row = profile_announcements::user_id.eq(user);
    each_backend!(connection, c => diesel::insert_into(profile_announcements::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Members of whom others are to be told by now, at most `limit`.
///
/// # Errors
/// The database failed.
pub fn due(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<UserId>, DatabaseError> {
    let rows = profile_announcements::table
        .filter(profile_announcements::due_at.le(now.as_millis()))
        .order(profile_announcements::due_at)
        .limit(limit)
        .select(profile_announcements::user_id);
    Ok(rows.load(connection)?)
}

/// When there is something to do next; `None` while there is nothing.
///
/// # Errors
/// The database failed.
pub fn next(connection: &mut Connection) -> Result<Option<Timestamp>, DatabaseError> {
    let table = profile_announcements::table;
    let announcement: Option<i64> = table
        .filter(profile_announcements::due_at.is_not_null())
        .select(min(profile_announcements::due_at))
        .first(connection)?;
    let status: Option<i64> = table
        .filter(profile_announcements::status_ends_at.is_not_null())
        .select(min(profile_announcements::status_ends_at))
        .first(connection)?;
    let first = announcement.into_iter().chain(status).min();
    Ok(first.map(Timestamp::from_millis))
}

/// Takes the note of a member away, whom others are told of now; whether there was one.
///
/// # Errors
/// The database failed.
pub fn take(
    connection: &mut Connection,
    user: UserId,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let noted = profile_announcements::table
        .find(user)
        .filter(profile_announcements::due_at.is_not_null());
    let taken = diesel::update(noted)
        .set((
            profile_announcements::due_at.eq(None::<i64>),
            profile_announcements::announced_at.eq(Some(now.as_millis())),
        ))
        .execute(connection)?;
    Ok(taken > 0)
}

/// Takes statuses away that have ended, at most `limit`; how many there were.
///
/// # Errors
/// The database failed.
pub fn end_statuses(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let ended: Vec<UserId> = profile_announcements::table
        .filter(profile_announcements::status_ends_at.le(now.as_millis()))
        .order(profile_announcements::status_ends_at)
        .limit(limit)
        .select(profile_announcements::user_id)
        .load(connection)?;
    for user in &ended {
        // The row of the person first: whoever changes the profile meanwhile has set another end.
        let row = diesel::update(users::table.find(user));
        let mut profile: Profile = row
            .set(users::updated_at.eq(now.as_millis()))
            .returning(users::profile)
            .get_result(connection)?;
        let still = profile_announcements::table
            .find(user)
            .filter(profile_announcements::status_ends_at.le(now.as_millis()));
        let taken = diesel::update(still)
            .set(profile_announcements::status_ends_at.eq(None::<i64>))
            .execute(connection)?;
        if taken == 1 {
            profile.status = None;
            edits::set_profile(connection, *user, &profile)?;
        }
    }
    Ok(ended.len())
}
