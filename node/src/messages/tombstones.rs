//! Deletions that came before what they delete.

use std::time::Duration;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::platform::db::schema::message_tombstones;

/// Remembers that an actor deleted an object that has not come yet.
///
/// # Errors
/// The database failed.
pub fn bury_unseen(
    connection: &mut Connection,
    uri: &str,
    actor: &str,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let row = (
        message_tombstones::uri.eq(uri),
        message_tombstones::actor_uri.eq(actor),
        message_tombstones::deleted_at.eq(now.as_millis()),
    );
    each_backend!(connection, c => diesel::insert_into(message_tombstones::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Whether an actor deleted this object before it came.
///
/// # Errors
/// The database failed.
pub fn was_buried(
    connection: &mut Connection,
    uri: &str,
    actor: &str,
) -> Result<bool, DatabaseError> {
    let row = message_tombstones::table
        .find((uri, actor))
        .select(message_tombstones::deleted_at);
    Ok(row.first::<i64>(connection).optional()?.is_some())
}

/// How long deletions of messages that never came are remembered.
const KEEP_BURIED: Duration = Duration::from_hours(30 * 24);

/// Forgets up to `limit` such deletions once they are old; answers how many.
///
/// # Errors
/// The database failed.
pub fn prune_buried(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let before = now.minus(KEEP_BURIED).as_millis();
    let old: Vec<(String, String)> = message_tombstones::table
        .filter(message_tombstones::deleted_at.lt(before))
        .order(message_tombstones::deleted_at)
        .limit(limit)
        .select((message_tombstones::uri, message_tombstones::actor_uri))
        .load(connection)?;
    for (uri, actor) in &old {
        diesel::delete(message_tombstones::table.find((uri, actor))).execute(connection)?;
    }
    Ok(old.len())
}
