//! What is known of other nodes, forgotten when it is past its time (I11).

use std::time::Duration;

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError, prune_received};

use crate::platform::db::schema::{remote_actors, users};

const DAY: Duration = Duration::from_hours(24);
/// How long an activity that came again is known for a copy; senders try again for days.
const ACTIVITIES: u32 = 30;
/// How long the documents of actors are kept that nobody asks for again.
const ACTORS: u32 = 90;

/// Removes what is past its time, at most `limit` rows of each kind; the most of one kind.
///
/// # Errors
/// The database failed.
pub fn prune(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let before = |days: u32| now.minus(DAY.saturating_mul(days));
    let activities = prune_received(connection, before(ACTIVITIES), limit)?;
    let actors = prune_actors(connection, before(ACTORS), limit)?;
    Ok(activities.max(actors))
}

/// Forgets documents of actors that are no users here: where a user's inbox is has to be known
/// for as long as something may be sent there, such as the deletion of an old message.
fn prune_actors(
    connection: &mut Connection,
    before: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let known = users::table
        .filter(users::actor_uri.eq(remote_actors::id))
        .filter(users::deleted_at.is_null())
        .select(users::id);
    let old: Vec<String> = remote_actors::table
        .filter(remote_actors::fetched_at.lt(before.as_millis()))
        .filter(not(exists(known)))
        .order(remote_actors::fetched_at)
        .limit(limit)
        .select(remote_actors::id)
        .load(connection)?;
    let rows = remote_actors::table
        .filter(remote_actors::id.eq_any(&old))
        .filter(remote_actors::fetched_at.lt(before.as_millis()));
    Ok(diesel::delete(rows).execute(connection)?)
}
