//! A conversation as the collection that `context` of its notes names (FEP-7888, FEP-f228).

use federation_core::store::sql::{Connection, DatabaseError};
use url::Url;

use super::note::url;
use crate::base::ids::{ChannelId, MessageId};
use crate::base::page::{Page, PageQuery};
use crate::channels::conversations;
use crate::messages::store;

/// How many messages a conversation has; `None` when the actor is not one of its people.
///
/// # Errors
/// The database failed.
pub fn size_for(
    connection: &mut Connection,
    channel: ChannelId,
    reader: &str,
) -> Result<Option<u64>, DatabaseError> {
    let Some(from) = seen_from(connection, channel, reader)? else {
        return Ok(None);
    };
    let count = store::count(connection, (channel, from))?;
    Ok(u64::try_from(count).ok())
}

/// The notes of a conversation by id, newest first; `None` when the cursor names none of them, or
/// the actor is not one of its people.
///
/// # Errors
/// The database failed.
///
/// # Security
/// Only ids: each note is shown by its own server, to those whom it is for.
pub fn notes_for(
    connection: &mut Connection,
    channel: ChannelId,
    reader: &str,
    page: &PageQuery<MessageId>,
) -> Result<Option<Page<Url, MessageId>>, DatabaseError> {
    let Some(from) = seen_from(connection, channel, reader)? else {
        return Ok(None);
    };
    let Some(found) = store::page(connection, (channel, from), page)? else {
        return Ok(None);
    };
    let ids: Result<Vec<Url>, _> = found
        .items
        .iter()
        .map(|message| url(&message.uri))
        .collect();
    Ok(Some(Page {
        items: ids?,
        next: found.next,
        prev: found.prev,
    }))
}

/// The number of the first message that an actor sees, or a smaller one, when they are there.
fn seen_from(
    connection: &mut Connection,
    channel: ChannelId,
    reader: &str,
) -> Result<Option<i64>, DatabaseError> {
    let participants = conversations::store::participants(connection, channel)?;
    let reader = participants
        .into_iter()
        .find(|one| one.user.actor_uri == reader);
    Ok(reader.map(|reader| reader.joined_seq))
}
