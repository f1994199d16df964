//! Clearing away the channels that are gone, with what was written there, in small steps.

use federation_core::store::sql::{Connection, DatabaseError};

use super::reading;
use super::store;
use crate::channels::structure;
use crate::notifications::preferences;

/// Drops up to `limit` messages of channels that are gone, and those channels that are empty then;
/// answers `limit` while there is more to do.
///
/// # Errors
/// The database failed.
pub fn clear_deleted_channels(
    connection: &mut Connection,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let full = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut cleared: usize = 0;
    for channel in structure::deleted(connection, limit)? {
        let room = limit.saturating_sub(i64::try_from(cleared).unwrap_or(limit));
        cleared = cleared.saturating_add(store::clear_channel(connection, channel, room)?);
        if cleared >= full {
            return Ok(full);
        }
        let room = limit.saturating_sub(i64::try_from(cleared).unwrap_or(limit));
        cleared = cleared.saturating_add(reading::store::clear_channel(connection, channel, room)?);
        if cleared >= full {
            return Ok(full);
        }
        structure::clear_deleted(connection, channel)?;
        preferences::forget_channel(connection, channel)?;
    }
    Ok(cleared.min(full.saturating_sub(1)))
}
