//! All SQL that writes `message_pins`.

use std::collections::HashSet;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::actions::MOST;
use crate::base::ids::{ChannelId, MessageId, PinId, UserId};
use crate::messages::model::Message;
use crate::platform::db::schema::{message_pins as pins, messages};

/// Those of these messages that are pinned.
pub(in crate::messages) fn of(
    connection: &mut Connection,
    ids: &[MessageId],
) -> Result<HashSet<MessageId>, DatabaseError> {
    let mut found = HashSet::new();
    // SQLite takes a bounded number of values at once.
    for ids in ids.chunks(500) {
        let rows = pins::table
            .filter(pins::message_id.eq_any(ids))
            .select(pins::message_id);
        found.extend(rows.load::<MessageId>(connection)?);
    }
    Ok(found)
}

/// The pinned messages of a channel, the latest pinned first.
pub(super) fn list(
    connection: &mut Connection,
    channel: ChannelId,
) -> Result<Vec<Message>, DatabaseError> {
    let ids: Vec<MessageId> = pins::table
        .filter(pins::channel_id.eq(channel))
        .order(pins::id.desc())
        .limit(MOST)
        .select(pins::message_id)
        .load(connection)?;
    let rows = messages::table
        .filter(messages::id.eq_any(&ids))
        .filter(messages::deleted_at.is_null())
        .select(Message::as_select());
    let mut found: Vec<Message> = rows.load(connection)?;
    found.sort_by_key(|message| ids.iter().position(|id| *id == message.id));
    Ok(found)
}

/// How many messages of a channel are pinned.
pub(super) fn count(connection: &mut Connection, channel: ChannelId) -> Result<i64, DatabaseError> {
    let rows = pins::table.filter(pins::channel_id.eq(channel));
    Ok(rows.count().get_result(connection)?)
}

/// Pins a message.
pub(super) fn insert(
    connection: &mut Connection,
    message: &Message,
    by: UserId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::insert_into(pins::table)
        .values((
            pins::message_id.eq(message.id),
            pins::channel_id.eq(message.channel_id),
            pins::id.eq(PinId::new(now)),
            pins::pinned_by.eq(by),
            pins::pinned_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Unpins a message.
pub(in crate::messages) fn clear(
    connection: &mut Connection,
    message: MessageId,
) -> Result<(), DatabaseError> {
    diesel::delete(pins::table.find(message)).execute(connection)?;
    Ok(())
}
