//! What other nodes may fetch of a channel: its messages one by one, and its history page by page.

use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Object, ObjectOrId, Value};

use super::announce::entry;
use super::note::{Group, build, is_ours};
use crate::accounts;
use crate::base::ids::{ChannelId, MessageId};
use crate::base::page::{Page, PageQuery};
use crate::base::permission::Permission;
use crate::channels;
use crate::channels::access;
use crate::channels::model::Channel;
use crate::messages::federate::note::url;
use crate::messages::model::uri_of;
use crate::messages::store;
use crate::platform::ctx::Ctx;

/// A channel of this node as somebody of another node sees it.
#[derive(Clone, Debug)]
pub struct Place {
    /// The channel.
    pub channel: Channel,
    /// Whether everybody may know of it.
    pub is_public: bool,
}

/// The channel of this id, for an actor who asks by a signed request or for anybody; `None` for those
/// to whom it is not there.
///
/// # Errors
/// The database failed.
///
/// # Security
/// A channel that is not public is shown to its members alone, each by their own signature.
pub fn place(
    ctx: &Ctx,
    connection: &mut Connection,
    id: ChannelId,
    reader: Option<&str>,
) -> Result<Option<Place>, DatabaseError> {
    let Some(channel) = channels::store::by_id(connection, id)? else {
        return Ok(None);
    };
    let Some(group) = Group::of(ctx, connection, &channel)? else {
        return Ok(None);
    };
    if group.is_mirror {
        return Ok(None);
    }
    let is_public = group.is_public;
    if !is_public && !sees(ctx, connection, id, reader)? {
        return Ok(None);
    }
    Ok(Some(Place { channel, is_public }))
}

fn sees(
    ctx: &Ctx,
    connection: &mut Connection,
    channel: ChannelId,
    reader: Option<&str>,
) -> Result<bool, DatabaseError> {
    let Some(reader) = reader else {
        return Ok(false);
    };
    let Some(user) = accounts::store::by_actor(connection, reader)? else {
        return Ok(false);
    };
    let seen = access::see(connection, user.id, channel, ctx.now())?;
    Ok(seen.is_some_and(|seen| seen.permissions.contains(Permission::ReadHistory)))
}

/// The Note, or the Tombstone, of a message that was written here in a channel; `None` when there is
/// none for this reader.
///
/// # Errors
/// The database failed.
///
/// # Security
/// As [`place`].
pub fn document(
    ctx: &Ctx,
    connection: &mut Connection,
    id: MessageId,
    reader: Option<&str>,
) -> Result<Option<Value>, DatabaseError> {
    let Some(message) = store::anywhere(connection, id)? else {
        return Ok(None);
    };
    if message.uri != uri_of(ctx.origin(), id) {
        return Ok(None);
    }
    let Some(channel) = channels::store::by_id(connection, message.channel_id)? else {
        return Ok(None);
    };
    let Some(group) = Group::of(ctx, connection, &channel)? else {
        return Ok(None);
    };
    if !group.is_public && !sees(ctx, connection, channel.id, reader)? {
        return Ok(None);
    }
    if message.deleted_at.is_some() {
        return Ok(Some(Object::tombstone(url(&message.uri)?).to_value()));
    }
    let Some(author) = accounts::store::by_id(connection, message.author_id)? else {
        return Ok(None);
    };
    let note = build(connection, ctx.origin(), &group, (&message, &author))?;
    Ok(Some(note.to_value()))
}

/// The history of a channel as its Group announced it, newest first; `None` when the cursor names none
/// of its messages.
///
/// # Errors
/// The database failed.
///
/// # Security
/// Ask [`place`] first.
pub fn entries(
    ctx: &Ctx,
    connection: &mut Connection,
    channel: &Channel,
    page: &PageQuery<MessageId>,
) -> Result<Option<Page<ObjectOrId, MessageId>>, DatabaseError> {
    let Some(group) = Group::of(ctx, connection, channel)? else {
        return Ok(None);
    };
    let Some(found) = store::page(connection, (channel.id, 0), page)? else {
        return Ok(None);
    };
    let authors: Vec<_> = found
        .items
        .iter()
        .map(|message| message.author_id)
        .collect();
    let authors = store::people(connection, &authors)?;
    let mut items = Vec::with_capacity(found.items.len());
    for message in &found.items {
        let author = authors.get(&message.author_id);
        let ours = author.filter(|_| is_ours(ctx.origin(), &message.uri));
        let note = match ours {
            Some(author) => Some(build(connection, ctx.origin(), &group, (message, author))?),
            None => None,
        };
        let entry = ObjectOrId::from_value(entry(&group, message, note)?);
        items.push(entry.map_err(|_unreadable| DatabaseError::Malformed { what: "message" })?);
    }
    Ok(Some(Page {
        items,
        next: found.next,
        prev: found.prev,
    }))
}
