//! A note of a channel that was changed: which message it is, and whether it says anything new.

use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::Actor;

use super::incoming::GroupNote;
use crate::base::ids::ChannelId;
use crate::messages::federate::incoming::Ignored;
use crate::messages::federate::receive::Received;
use crate::messages::model::Message;
use crate::messages::store;

/// The message of a channel that a note by `author` changes, if it is still there.
pub(super) fn changed(
    connection: &mut Connection,
    channel: ChannelId,
    (note, author): (&GroupNote, &Actor),
) -> Result<Result<Message, Ignored>, DatabaseError> {
    let known = store::by_uri(connection, &note.said.uri, author.id.as_str())?;
    let known = known.filter(|known| known.channel_id == channel);
    Ok(match known {
        Some(message) if message.deleted_at.is_some() => Err(Ignored::Deleted),
        Some(message) => Ok(message),
        None => Err(Ignored::Unknown),
    })
}

/// Notes that a message was told anew. Gives what becomes of a note that says nothing new; `None` for
/// one that does, which is for the caller to judge.
pub(super) fn told_again(
    connection: &mut Connection,
    note: &GroupNote,
    message: &mut Message,
) -> Result<Option<Received>, DatabaseError> {
    match note.said.renews(message) {
        Ok(true) => Ok(None),
        Ok(false) => {
            store::rewrite(connection, message)?;
            Ok(Some(Ok(message.id)))
        }
        Err(why) => Ok(Some(Err(why))),
    }
}
