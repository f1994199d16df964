//! All SQL that writes `message_forwards`.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::Forward;
use crate::base::ids::MessageId;
use crate::platform::db::schema::message_forwards;

/// Adds what a message passes on.
pub(in crate::messages) fn insert(
    connection: &mut Connection,
    forward: &Forward,
) -> Result<(), DatabaseError> {
    diesel::insert_into(message_forwards::table)
        .values(forward.clone())
        .execute(connection)?;
    Ok(())
}

/// What a message passes on, if anything.
///
/// # Errors
/// The database failed.
pub fn one(
    connection: &mut Connection,
    message: MessageId,
) -> Result<Option<Forward>, DatabaseError> {
    let row = message_forwards::table
        .find(message)
        .select(Forward::as_select());
    Ok(row.first(connection).optional()?)
}

/// What these messages pass on; those that pass on nothing are absent.
///
/// # Errors
/// The database failed.
pub fn of(
    connection: &mut Connection,
    messages: &[MessageId],
) -> Result<HashMap<MessageId, Forward>, DatabaseError> {
    let rows: Vec<Forward> = message_forwards::table
        .filter(message_forwards::message_id.eq_any(messages))
        .select(Forward::as_select())
        .load(connection)?;
    let forwards = rows.into_iter();
    Ok(forwards
        .map(|forward| (forward.message_id, forward))
        .collect())
}

/// Forgets what a message passes on.
pub(in crate::messages) fn clear(
    connection: &mut Connection,
    message: MessageId,
) -> Result<(), DatabaseError> {
    diesel::delete(message_forwards::table.find(message)).execute(connection)?;
    Ok(())
}
