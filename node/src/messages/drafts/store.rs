//! All SQL that writes `message_drafts`.

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{ChannelId, MessageId, UserId};
use crate::platform::db::schema::message_drafts;

/// A text that was begun.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = message_drafts)]
pub struct DraftRow {
    /// Who writes.
    pub user_id: UserId,
    /// Where.
    pub channel_id: ChannelId,
    /// Markdown.
    pub content: String,
    /// The message it is to answer.
    pub reply_to: Option<MessageId>,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}

/// The draft of a member in a channel.
///
/// # Errors
/// The database failed.
pub fn find(
    connection: &mut Connection,
    user: UserId,
    channel: ChannelId,
) -> Result<Option<DraftRow>, DatabaseError> {
    let row = message_drafts::table
        .find((user, channel))
        .select(DraftRow::as_select());
    Ok(row.first(connection).optional()?)
}

/// How many drafts a member has.
pub(super) fn count(connection: &mut Connection, user: UserId) -> Result<i64, DatabaseError> {
    let rows = message_drafts::table.filter(message_drafts::user_id.eq(user));
    Ok(rows.count().get_result(connection)?)
}

/// Stores a draft in the place of the one before.
pub(super) fn put(connection: &mut Connection, draft: &DraftRow) -> Result<(), DatabaseError> {
    remove(connection, draft.user_id, draft.channel_id)?;
    diesel::insert_into(message_drafts::table)
        .values(draft.clone())
        .execute(connection)?;
    Ok(())
}

/// Drops a draft; whether there was one.
pub(super) fn remove(
    connection: &mut Connection,
    user: UserId,
    channel: ChannelId,
) -> Result<bool, DatabaseError> {
    let row = message_drafts::table.find((user, channel));
    Ok(diesel::delete(row).execute(connection)? > 0)
}

/// Forgets the drafts of somebody whose account has ended.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    let rows = message_drafts::table.filter(message_drafts::user_id.eq(user));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}
