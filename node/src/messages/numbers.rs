//! The places of messages in their channels, of which no two are the same.
//!
//! A channel of this node gives numbers one after another. In one that stands for a channel of another
//! node they are that node's: what a member of this node says there comes after all of them, until
//! that node has told its number.

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::Message;
use crate::base::ids::{ChannelId, MessageId};
use crate::channels;
use crate::channels::model::Channel;
use crate::channels::structure::{PROVISIONAL, is_mirror};
use crate::config::Origin;
use crate::platform::db::schema::messages;

/// Places after a taken one that are tried.
const TRIED: i64 = 64;

/// The place of what a member says now; to be run under the lock of the event log.
pub(super) fn next(
    origin: &Origin,
    connection: &mut Connection,
    channel: &Channel,
) -> Result<i64, DatabaseError> {
    if !is_mirror(origin, channel) {
        return channels::store::take_seq(connection, channel.id);
    }
    let row = messages::table
        .filter(messages::channel_id.eq(channel.id))
        .filter(messages::seq.ge(PROVISIONAL))
        .order(messages::seq.desc())
        .select(messages::seq);
    let last: Option<i64> = row.first(connection).optional()?;
    Ok(last.map_or(PROVISIONAL, |last| last.saturating_add(1)))
}

/// The place that the node of a channel told, or the next one that nothing has: who tells one place
/// twice takes nothing from what has it.
pub(super) fn take(
    connection: &mut Connection,
    channel: ChannelId,
    told: i64,
) -> Result<i64, DatabaseError> {
    for place in told..told.saturating_add(TRIED) {
        if !is_taken(connection, channel, place)? {
            channels::store::number_after(connection, channel, place)?;
            return Ok(place);
        }
    }
    channels::store::take_seq(connection, channel)
}

fn is_taken(
    connection: &mut Connection,
    channel: ChannelId,
    seq: i64,
) -> Result<bool, DatabaseError> {
    let row = messages::table
        .filter(messages::channel_id.eq(channel))
        .filter(messages::seq.eq(seq))
        .select(messages::id);
    Ok(row.first::<MessageId>(connection).optional()?.is_some())
}

/// Gives a message of a member of this node the place that the node of its channel told. Its author has
/// read no more for that, who need not even be there.
pub(super) fn settle(
    connection: &mut Connection,
    message: &Message,
    told: i64,
) -> Result<i64, DatabaseError> {
    let place = take(connection, message.channel_id, told)?;
    diesel::update(messages::table.find(message.id))
        .set(messages::seq.eq(place))
        .execute(connection)?;
    Ok(place)
}
