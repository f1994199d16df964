//! Counts over tables of other features, for those who run the node.

use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::wire::SessionCounts;
use crate::platform::db::schema::sessions;

/// How many sessions are open.
pub(super) fn open_sessions(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<i64, DatabaseError> {
    Ok(sessions::table
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now.as_millis()))
        .count()
        .get_result(connection)?)
}

/// How many sessions there are.
pub(super) fn session_counts(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<SessionCounts, DatabaseError> {
    let day_ago = now.minus(Duration::from_hours(24)).as_millis();
    let open = || {
        sessions::table
            .filter(sessions::revoked_at.is_null())
            .filter(sessions::expires_at.gt(now.as_millis()))
    };
    let members = open().select(sql::<BigInt>("COUNT(DISTINCT user_id)"));
    let used = open().filter(sessions::last_used_at.gt(day_ago)).count();
    let begun = sessions::table.filter(sessions::created_at.gt(day_ago));
    Ok(SessionCounts {
        open: open_sessions(connection, now)?,
        members: members.get_result(connection)?,
        used_today: used.get_result(connection)?,
        begun_today: begun.count().get_result(connection)?,
    })
}
