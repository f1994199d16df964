//! Which activities have had their effect, in the transaction of that effect.

use diesel::prelude::*;

use super::schema::received_activities;
use super::{Connection, Database, DatabaseError};
use crate::clock::Timestamp;
use crate::each_backend;
use crate::inbox::{ActivityStore, Applied, Verified};

impl ActivityStore for Database {
    type Transaction = Connection;
    type Error = DatabaseError;

    async fn apply_once<T, E, F>(&self, verified: Verified, effect: F) -> Result<Applied<T>, E>
    where
        T: Send + 'static,
        E: From<DatabaseError> + Send + 'static,
        F: Fn(&mut Connection, &Verified) -> Result<T, E> + Send + 'static,
    {
        self.write(move |connection| {
            if record(connection, &verified)? {
                effect(connection, &verified).map(Applied::New)
            } else {
                Ok(Applied::Duplicate)
            }
        })
        .await
    }
}

/// Forgets at most `limit` activities received before `before`; how many there were.
///
/// # Errors
/// The database failed.
///
/// # Security
/// `before` lies further back than signatures are accepted, so that a copy of what is forgotten
/// is refused for its age.
pub fn prune_received(
    connection: &mut Connection,
    before: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let old: Vec<String> = received_activities::table
        .filter(received_activities::received_at.lt(before.as_millis()))
        .order(received_activities::received_at)
        .limit(limit)
        .select(received_activities::id)
        .load(connection)?;
    let rows = received_activities::table
        .filter(received_activities::id.eq_any(&old))
        .filter(received_activities::received_at.lt(before.as_millis()));
    Ok(diesel::delete(rows).execute(connection)?)
}

/// Whether the activity was not recorded yet.
///
/// # Security
/// An id stands for an activity together with its actor: an actor of the same server that uses
/// the id first must not take the effect from the one it belongs to.
fn record(connection: &mut Connection, verified: &Verified) -> Result<bool, DatabaseError> {
    let activity = verified.activity();
    let inserted = each_backend!(connection, c => {
        diesel::insert_into(received_activities::table)
            .values((
                received_activities::id.eq(activity.id.as_str()),
                received_activities::actor_id.eq(activity.actor.as_str()),
                received_activities::received_at.eq(verified.received_at().as_millis()),
            ))
            .on_conflict_do_nothing()
            .execute(c)
    })?;
    Ok(inserted > 0)
}
