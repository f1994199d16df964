//! Calls to many people: one row each, and nothing for those who are called.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::Call;
use crate::base::ids::{ChannelId, CommunityId, MessageId, UserId};
use crate::platform::db::schema::channel_calls;

/// Calls of one community that are looked at for one page, and of one page of channels (I11).
pub const MOST_LOOKED_AT: i64 = 1_000;

/// A call, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = channel_calls)]
pub struct Called {
    /// The message that calls.
    pub message_id: MessageId,
    /// The role that is called; empty for everybody.
    pub role_id: String,
    /// In which community.
    pub community_id: CommunityId,
    /// In which channel.
    pub channel_id: ChannelId,
    /// The place of the message in its channel.
    pub seq: i64,
    /// Who calls.
    pub author_id: UserId,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
}

impl Called {
    /// Whom it calls; `None` when the row cannot be read.
    pub fn call(&self) -> Option<Call> {
        if self.role_id.is_empty() {
            return Some(Call::Everyone);
        }
        self.role_id.parse().ok().map(Call::Role)
    }
}

/// The text by which a call is stored.
pub(super) fn role_of(call: Call) -> String {
    match call {
        Call::Everyone => String::new(),
        Call::Role(role) => role.to_string(),
    }
}

/// Stores a call, unless it is there.
pub(super) fn insert(connection: &mut Connection, called: &Called) -> Result<(), DatabaseError> {
    let row = called.clone();
    each_backend!(connection, c => diesel::insert_into(channel_calls::table)
        .values(&row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// The newest calls of a community between two messages, or the oldest when `forwards`.
///
/// # Errors
/// The database failed.
pub fn of_community(
    connection: &mut Connection,
    community: CommunityId,
    (before, after): (Option<MessageId>, Option<MessageId>),
    forwards: bool,
) -> Result<Vec<Called>, DatabaseError> {
    let mut rows = channel_calls::table
        .filter(channel_calls::community_id.eq(community))
        .limit(MOST_LOOKED_AT)
        .select(Called::as_select())
        .into_boxed();
    if let Some(before) = before {
        rows = rows.filter(channel_calls::message_id.lt(before));
    }
    if let Some(after) = after {
        rows = rows.filter(channel_calls::message_id.gt(after));
    }
    rows = if forwards {
        rows.order(channel_calls::message_id.asc())
    } else {
        rows.order(channel_calls::message_id.desc())
    };
    Ok(rows.load(connection)?)
}

/// The calls by a message.
///
/// # Errors
/// The database failed.
pub fn of_message(
    connection: &mut Connection,
    message: MessageId,
) -> Result<Vec<Called>, DatabaseError> {
    let rows = channel_calls::table
        .filter(channel_calls::message_id.eq(message))
        .select(Called::as_select());
    Ok(rows.load(connection)?)
}

/// The newest calls in a channel after this place.
///
/// # Errors
/// The database failed.
pub fn in_channel(
    connection: &mut Connection,
    channel: ChannelId,
    after: i64,
) -> Result<Vec<Called>, DatabaseError> {
    let rows = channel_calls::table
        .filter(channel_calls::channel_id.eq(channel))
        .filter(channel_calls::seq.gt(after))
        .order(channel_calls::seq.desc())
        .limit(MOST_LOOKED_AT)
        .select(Called::as_select());
    Ok(rows.load(connection)?)
}

/// Forgets the calls by a message.
pub(super) fn forget(connection: &mut Connection, message: MessageId) -> Result<(), DatabaseError> {
    let rows = channel_calls::table.filter(channel_calls::message_id.eq(message));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

/// Drops up to `limit` calls older than `before`; answers how many.
pub(super) fn prune(
    connection: &mut Connection,
    before: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let old: Vec<MessageId> = channel_calls::table
        .filter(channel_calls::created_at.lt(before.as_millis()))
        .order(channel_calls::created_at)
        .limit(limit)
        .select(channel_calls::message_id)
        .load(connection)?;
    let rows = channel_calls::table.filter(channel_calls::message_id.eq_any(&old));
    diesel::delete(rows).execute(connection)?;
    Ok(old.len())
}
