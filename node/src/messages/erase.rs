//! Taking back everything that one person wrote, in small steps.

use diesel::prelude::*;
use federation_core::outbox::sql::cancel_for_object;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::parse_id;

use super::federate::group;
use super::model::Message;
use super::{mentions, telling};
use crate::base::ids::UserId;
use crate::platform::ctx::Ctx;
use crate::platform::db::schema::messages;
use crate::platform::events::EventLog;

/// Leaves tombstones of up to `limit` messages of a person who is gone, and forgets as many of
/// their mentions; answers how many of either, whichever is more.
///
/// What of them has not left for other nodes yet is withdrawn. The end of the account says the rest to
/// those who are told of it; what a channel announced, the channel takes out where it was announced.
///
/// # Errors
/// The database failed.
pub fn bury_some(
    ctx: &Ctx,
    connection: &mut Connection,
    author: UserId,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let rows = messages::table
        .filter(messages::author_id.eq(author))
        .filter(messages::deleted_at.is_null())
        .order(messages::id)
        .limit(limit)
        .select(Message::as_select());
    let found: Vec<Message> = rows.load(connection)?;
    for message in &found {
        if let Some(uri) = parse_id(&message.uri) {
            cancel_for_object(connection, &uri, ctx.now(), None)?;
        }
        group::taken_out(ctx, connection, message)?;
        telling::remove(ctx, connection, &log, message)?;
    }
    let forgotten = mentions::forget_some(connection, author, limit)?;
    Ok(found.len().max(forgotten))
}
