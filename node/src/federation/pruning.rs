//! What is known of other nodes, forgotten when it is past its time (I11).

use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError, prune_received, prune_remote_actors};

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
    let actors = prune_remote_actors(connection, before(ACTORS), limit)?;
    Ok(activities.max(actors))
}
