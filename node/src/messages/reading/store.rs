//! All SQL that writes `read_markers`, and what is read of messages to count.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{ChannelId, MessageId, UserId};
use crate::channels::structure::PROVISIONAL;
use crate::notifications;
use crate::platform::db::schema::{channels, messages, read_markers};

/// How far a member has read in a channel; `None` when they never said.
///
/// # Errors
/// The database failed.
pub fn marker(
    connection: &mut Connection,
    user: UserId,
    channel: ChannelId,
) -> Result<Option<i64>, DatabaseError> {
    let row = read_markers::table
        .find((user, channel))
        .select(read_markers::seq);
    Ok(row.first(connection).optional()?)
}

/// The same for some channels, at most 500.
pub(super) fn markers(
    connection: &mut Connection,
    user: UserId,
    channels: &[ChannelId],
) -> Result<HashMap<ChannelId, i64>, DatabaseError> {
    let rows = read_markers::table
        .filter(read_markers::user_id.eq(user))
        .filter(read_markers::channel_id.eq_any(channels))
        .select((read_markers::channel_id, read_markers::seq));
    let rows: Vec<(ChannelId, i64)> = rows.load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Moves a marker on, and reads the notifications up to there; `false` when it is there already or
/// further on. To be run under the lock of the event log.
///
/// What the node of a channel has not numbered yet counts as the last that it has: its own place will
/// be another one.
pub(super) fn advance(
    connection: &mut Connection,
    user: UserId,
    channel: ChannelId,
    seq: i64,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let seq = if seq < PROVISIONAL {
        seq
    } else {
        last_number(connection, channel)?
    };
    if marker(connection, user, channel)?.is_some_and(|known| known >= seq) {
        return Ok(false);
    }
    let (at, when) = (
        read_markers::seq.eq(seq),
        read_markers::updated_at.eq(now.as_millis()),
    );
    let row = (
        read_markers::user_id.eq(user),
        read_markers::channel_id.eq(channel),
        at,
        when,
    );
    each_backend!(connection, c => diesel::insert_into(read_markers::table)
        .values(row)
        .on_conflict((read_markers::user_id, read_markers::channel_id))
        .do_update()
        .set((at, when))
        .execute(c))?;
    notifications::store::read_in(connection, user, channel, seq, now)?;
    Ok(true)
}

/// The last number that a channel has given; 0 when it has given none.
fn last_number(connection: &mut Connection, channel: ChannelId) -> Result<i64, DatabaseError> {
    let row = channels::table.find(channel).select(channels::next_seq);
    Ok(row.first::<i64>(connection)?.saturating_sub(1))
}

/// Moves the marker of somebody who wrote: what stands before is read.
///
/// # Errors
/// The database failed.
pub fn wrote(
    connection: &mut Connection,
    author: UserId,
    (channel, seq): (ChannelId, i64),
    now: Timestamp,
) -> Result<(), DatabaseError> {
    advance(connection, author, channel, seq, now).map(drop)
}

/// The newest message of a channel, deleted or not.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head {
    pub(super) channel: ChannelId,
    pub(super) seq: i64,
    /// Milliseconds since the Unix epoch.
    pub(super) created_at: i64,
}

/// The newest messages of some channels, at most 500; those without any are left out.
pub(super) fn heads(
    connection: &mut Connection,
    channels: &[ChannelId],
) -> Result<Vec<Head>, DatabaseError> {
    let newest = messages::channel_id
        .eq(channels::id)
        .and(messages::seq.eq(channels::next_seq - 1));
    let rows = channels::table
        .inner_join(messages::table.on(newest))
        .filter(channels::id.eq_any(channels))
        .select((channels::id, messages::seq, messages::created_at));
    let rows: Vec<(ChannelId, i64, i64)> = rows.load(connection)?;
    let head = |(channel, seq, created_at)| Head {
        channel,
        seq,
        created_at,
    };
    Ok(rows.into_iter().map(head).collect())
}

/// Who wrote the first messages after this place, at most `limit`, without those that have no number of
/// their own yet.
pub(super) fn authors_after(
    connection: &mut Connection,
    channel: ChannelId,
    seq: i64,
    limit: i64,
) -> Result<Vec<UserId>, DatabaseError> {
    let rows = messages::table
        .filter(messages::channel_id.eq(channel))
        .filter(messages::deleted_at.is_null())
        .filter(messages::seq.gt(seq))
        .filter(messages::seq.lt(PROVISIONAL))
        .order(messages::seq)
        .limit(limit)
        .select(messages::author_id);
    Ok(rows.load(connection)?)
}

/// Who wrote the newest messages and when, newest first, at most `limit`; without the same.
pub(super) fn newest_authors(
    connection: &mut Connection,
    channel: ChannelId,
    limit: i64,
) -> Result<Vec<(UserId, i64)>, DatabaseError> {
    let rows = messages::table
        .filter(messages::channel_id.eq(channel))
        .filter(messages::deleted_at.is_null())
        .filter(messages::seq.lt(PROVISIONAL))
        .order(messages::seq.desc())
        .limit(limit)
        .select((messages::author_id, messages::created_at));
    Ok(rows.load(connection)?)
}

/// The message at a place of a channel.
pub(super) fn at(
    connection: &mut Connection,
    channel: ChannelId,
    seq: i64,
) -> Result<Option<MessageId>, DatabaseError> {
    let row = messages::table
        .filter(messages::channel_id.eq(channel))
        .filter(messages::seq.eq(seq))
        .select(messages::id);
    Ok(row.first(connection).optional()?)
}

/// Drops up to `limit` markers of a channel that is gone; answers how many.
pub(in crate::messages) fn clear_channel(
    connection: &mut Connection,
    channel: ChannelId,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let some: Vec<UserId> = read_markers::table
        .filter(read_markers::channel_id.eq(channel))
        .limit(limit)
        .select(read_markers::user_id)
        .load(connection)?;
    let rows = read_markers::table
        .filter(read_markers::channel_id.eq(channel))
        .filter(read_markers::user_id.eq_any(&some));
    Ok(diesel::delete(rows).execute(connection)?)
}

/// Forgets how far somebody has read whose account has ended.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    let rows = read_markers::table.filter(read_markers::user_id.eq(user));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}
