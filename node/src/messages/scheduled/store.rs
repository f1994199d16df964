//! All SQL that writes `scheduled_messages`.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{ChannelId, MessageId, ScheduledId, UserId};
use crate::platform::db::schema::scheduled_messages as table;

/// It waits for its time.
pub(super) const PENDING: &str = "pending";
/// It was refused.
pub(super) const FAILED: &str = "failed";

/// A message that is to be sent later.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = table, treat_none_as_null = true)]
pub(super) struct Scheduled {
    pub(super) id: ScheduledId,
    pub(super) channel_id: ChannelId,
    pub(super) author_id: UserId,
    pub(super) content: String,
    pub(super) reply_to: Option<MessageId>,
    pub(super) send_at: i64,
    pub(super) state: String,
    pub(super) failure: Option<String>,
    pub(super) created_at: i64,
    pub(super) updated_at: i64,
}

/// How many a member has, in all channels.
pub(super) fn count(connection: &mut Connection, author: UserId) -> Result<i64, DatabaseError> {
    let rows = table::table.filter(table::author_id.eq(author));
    Ok(rows.count().get_result(connection)?)
}

/// Those of a member in a channel, in the order in which they are sent; they are few.
pub(super) fn list(
    connection: &mut Connection,
    channel: ChannelId,
    author: UserId,
) -> Result<Vec<Scheduled>, DatabaseError> {
    let rows = table::table
        .filter(table::channel_id.eq(channel))
        .filter(table::author_id.eq(author))
        .order((table::send_at, table::id))
        .limit(100)
        .select(Scheduled::as_select());
    Ok(rows.load(connection)?)
}

/// One of a member in a channel.
pub(super) fn by_id(
    connection: &mut Connection,
    (channel, author): (ChannelId, UserId),
    id: ScheduledId,
) -> Result<Option<Scheduled>, DatabaseError> {
    let row = table::table.find(id).select(Scheduled::as_select());
    let found: Option<Scheduled> = row.first(connection).optional()?;
    Ok(found.filter(|one| one.channel_id == channel && one.author_id == author))
}

/// Adds one.
pub(super) fn insert(connection: &mut Connection, one: &Scheduled) -> Result<(), DatabaseError> {
    diesel::insert_into(table::table)
        .values(one.clone())
        .execute(connection)?;
    Ok(())
}

/// Stores a changed one.
pub(super) fn update(connection: &mut Connection, one: &Scheduled) -> Result<(), DatabaseError> {
    diesel::update(table::table.find(one.id))
        .set(one.clone())
        .execute(connection)?;
    Ok(())
}

/// Drops one; whether it was there.
pub(super) fn remove(connection: &mut Connection, id: ScheduledId) -> Result<bool, DatabaseError> {
    Ok(diesel::delete(table::table.find(id)).execute(connection)? == 1)
}

/// Takes one whose time has come, for this transaction alone; `None` when it was sent, changed or
/// dropped meanwhile.
pub(super) fn claim(
    connection: &mut Connection,
    id: ScheduledId,
    now: Timestamp,
) -> Result<Option<Scheduled>, DatabaseError> {
    let due = table::table
        .find(id)
        .filter(table::state.eq(PENDING))
        .filter(table::send_at.le(now.as_millis()));
    let row = due.select(Scheduled::as_select());
    let found: Option<Scheduled> = row.first(connection).optional()?;
    // Of two who come to this row one deletes it; the other finds it gone.
    let taken = diesel::delete(
        table::table
            .find(id)
            .filter(table::state.eq(PENDING))
            .filter(table::send_at.le(now.as_millis())),
    )
    .execute(connection)?;
    Ok(found.filter(|_| taken == 1))
}

/// Those whose time has come, at most `limit`.
pub(super) fn due(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<ScheduledId>, DatabaseError> {
    let rows = table::table
        .filter(table::state.eq(PENDING))
        .filter(table::send_at.le(now.as_millis()))
        .order(table::send_at)
        .limit(limit)
        .select(table::id);
    Ok(rows.load(connection)?)
}

/// When the next one is to be sent.
pub(super) fn next(connection: &mut Connection) -> Result<Option<Timestamp>, DatabaseError> {
    let row = table::table
        .filter(table::state.eq(PENDING))
        .order(table::send_at)
        .select(table::send_at);
    let found: Option<i64> = row.first(connection).optional()?;
    Ok(found.map(Timestamp::from_millis))
}

/// Puts one off, or notes why it was refused, as long as it waits for its time.
pub(super) fn settle(
    connection: &mut Connection,
    id: ScheduledId,
    outcome: &Outcome,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let row = table::table.find(id).filter(table::state.eq(PENDING));
    match outcome {
        Outcome::Dropped => diesel::delete(row).execute(connection)?,
        Outcome::Later(at) => diesel::update(row)
            .set((
                table::send_at.eq(at.as_millis()),
                table::updated_at.eq(now.as_millis()),
            ))
            .execute(connection)?,
        Outcome::Failed(why) => diesel::update(row)
            .set((
                table::state.eq(FAILED),
                table::failure.eq(Some(why.clone())),
                table::updated_at.eq(now.as_millis()),
            ))
            .execute(connection)?,
    };
    Ok(())
}

/// What becomes of one that could not be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Whoever wrote it is not there any more.
    Dropped,
    /// It is tried again then.
    Later(Timestamp),
    /// It was refused, by this code.
    Failed(String),
}

/// Drops what somebody whose account has ended was going to say.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    diesel::delete(table::table.filter(table::author_id.eq(user))).execute(connection)?;
    Ok(())
}
