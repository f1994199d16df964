//! Reads the conversations of a member, what was said in them, and what the member wrote in channels
//! of communities, a page at a time.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::Value;

use super::error::ExportError;
use super::model::PAGE;
use super::store::{Batch, cursor};
use super::wire::{ConversationRecord, EditRecord, MessageRecord, PersonRecord};
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, MessageId, UserId};
use crate::channels;
use crate::channels::model::{Channel, ChannelKind};
use crate::config::Origin;
use crate::messages;
use crate::messages::model::Message;
use crate::messages::revisions::{self, Revision};
use crate::messages::wire::DeliveryView;
use crate::platform::ctx::Ctx;
use crate::platform::db::schema::{channel_members, channels as places, messages as table};

/// Conversations of a member with everybody in them, newest first.
pub(super) fn conversations(
    connection: &mut Connection,
    origin: &Origin,
    user: UserId,
    before: Option<ChannelId>,
) -> Result<Batch<ChannelId>, ExportError> {
    let found = taken_part_in(connection, user, before)?;
    let next = cursor(&found, |(channel, _)| channel.id);
    let ids: Vec<ChannelId> = found.iter().map(|(channel, _)| channel.id).collect();
    let mut members = channels::store::members_of(connection, &ids)?;
    let person = |user: User| PersonRecord {
        id: user.id,
        handle: user.handle(origin),
        actor: user.actor_uri,
    };
    let record = |(channel, joined_at): (Channel, i64)| {
        let people = members.remove(&channel.id).unwrap_or_default();
        ConversationRecord {
            id: channel.id,
            kind: channel.kind,
            name: channel.name,
            created_at: Timestamp::from_millis(channel.created_at),
            joined_at: Timestamp::from_millis(joined_at),
            participants: people.into_iter().map(person).collect(),
        }
    };
    Batch::of(found.into_iter().map(record), next)
}

/// The ids of some conversations of a member, newest first, and where the next ones begin.
pub(super) fn ids(
    connection: &mut Connection,
    user: UserId,
    before: Option<ChannelId>,
) -> Result<(Vec<ChannelId>, Option<ChannelId>), DatabaseError> {
    let found = taken_part_in(connection, user, before)?;
    let next = cursor(&found, |(channel, _)| channel.id);
    let ids = found.into_iter().map(|(channel, _)| channel.id);
    Ok((ids.collect(), next))
}

fn taken_part_in(
    connection: &mut Connection,
    user: UserId,
    before: Option<ChannelId>,
) -> Result<Vec<(Channel, i64)>, DatabaseError> {
    let mut rows = channel_members::table
        .inner_join(places::table)
        .filter(channel_members::user_id.eq(user))
        .filter(places::kind.eq(ChannelKind::Dm))
        .order(channel_members::channel_id.desc())
        .limit(PAGE)
        .select((Channel::as_select(), channel_members::joined_at))
        .into_boxed();
    if let Some(before) = before {
        rows = rows.filter(channel_members::channel_id.lt(before));
    }
    Ok(rows.load(connection)?)
}

/// What a member sees of a conversation, oldest first, with the tombstones of their own messages.
pub(super) fn said(
    connection: &mut Connection,
    origin: &Origin,
    (user, channel): (UserId, ChannelId),
    after: Option<i64>,
) -> Result<Batch<i64>, ExportError> {
    let from = channels::access::visible_from(connection, user, channel)?;
    let mut rows = table::table
        .filter(table::channel_id.eq(channel))
        .filter(table::seq.ge(from).or(table::author_id.eq(user)))
        .filter(table::deleted_at.is_null().or(table::author_id.eq(user)))
        .order(table::seq)
        .limit(PAGE)
        .select(Message::as_select())
        .into_boxed();
    if let Some(after) = after {
        rows = rows.filter(table::seq.gt(after));
    }
    let found: Vec<Message> = rows.load(connection)?;
    let next = cursor(&found, |message| message.seq);
    Batch::of(records(connection, origin, user, found)?, next)
}

/// What a member wrote in channels of communities and where they take part no longer, newest first.
pub(super) fn said_elsewhere(
    connection: &mut Connection,
    origin: &Origin,
    user: UserId,
    before: Option<MessageId>,
) -> Result<Batch<MessageId>, ExportError> {
    let joined = channel_members::table
        .filter(channel_members::user_id.eq(user))
        .select(channel_members::channel_id);
    let joined = places::table
        .filter(places::kind.eq(ChannelKind::Dm))
        .filter(places::id.eq_any(joined))
        .select(places::id);
    let mut rows = table::table
        .filter(table::author_id.eq(user))
        .filter(table::deleted_at.is_null())
        .filter(table::channel_id.ne_all(joined))
        .order(table::id.desc())
        .limit(PAGE)
        .select(Message::as_select())
        .into_boxed();
    if let Some(before) = before {
        rows = rows.filter(table::id.lt(before));
    }
    let found: Vec<Message> = rows.load(connection)?;
    let next = cursor(&found, |message| message.id);
    Batch::of(records(connection, origin, user, found)?, next)
}

/// What a member's own messages said before they were edited, by message, oldest first.
pub(super) fn edits(
    connection: &mut Connection,
    user: UserId,
    after: Option<(MessageId, i32)>,
) -> Result<Batch<(MessageId, i32)>, ExportError> {
    let found = revisions::of_author(connection, user, after, PAGE)?;
    let next = cursor(&found, |edit| (edit.message_id, edit.revision));
    let record = |edit: Revision| EditRecord {
        message_id: edit.message_id,
        revision: edit.revision,
        content: edit.content,
        html: edit.html,
        edited_at: Timestamp::from_millis(edit.edited_at),
    };
    Batch::of(found.into_iter().map(record), next)
}

/// What a member sent, as the activities that other nodes got or would get, newest first.
pub(super) fn sent(
    ctx: &Ctx,
    connection: &mut Connection,
    user: &User,
    before: Option<MessageId>,
) -> Result<Batch<MessageId>, ExportError> {
    let mut rows = table::table
        .filter(table::author_id.eq(user.id))
        .filter(table::deleted_at.is_null())
        .order(table::id.desc())
        .limit(PAGE)
        .select(Message::as_select())
        .into_boxed();
    if let Some(before) = before {
        rows = rows.filter(table::id.lt(before));
    }
    let found: Vec<Message> = rows.load(connection)?;
    let activities: Vec<Value> = messages::federate::sent(ctx, connection, user, &found)?;
    Batch::of(activities, cursor(&found, |message| message.id))
}

fn records(
    connection: &mut Connection,
    origin: &Origin,
    user: UserId,
    found: Vec<Message>,
) -> Result<Vec<MessageRecord>, DatabaseError> {
    let authors: Vec<UserId> = found.iter().map(|message| message.author_id).collect();
    let authors = messages::store::people(connection, &authors)?;
    let own = found.iter().filter(|message| message.author_id == user);
    let own: Vec<MessageId> = own.map(|message| message.id).collect();
    let mut recipients = messages::store::recipients(connection, &own)?;
    let ids: Vec<MessageId> = found.iter().map(|message| message.id).collect();
    let mut forwards = messages::forwards::of(connection, &ids)?;
    let record = |message: Message| {
        let rows = recipients.remove(&message.id).unwrap_or_default();
        let delivery = rows.iter();
        let delivery = delivery.map(|(row, user)| DeliveryView::new(row, user, origin));
        MessageRecord {
            id: message.id,
            conversation_id: message.channel_id,
            seq: message.seq,
            author_id: message.author_id,
            author: authors
                .get(&message.author_id)
                .map(|author| author.handle(origin)),
            is_own: message.author_id == user,
            uri: message.uri,
            content: message.content,
            html: message.html,
            reply_to: message.reply_to,
            forwarded: forwards.remove(&message.id).map(Into::into),
            created_at: Timestamp::from_millis(message.created_at),
            edited_at: message.edited_at.map(Timestamp::from_millis),
            deleted_at: message.deleted_at.map(Timestamp::from_millis),
            delivery: delivery.collect(),
        }
    };
    Ok(found.into_iter().map(record).collect())
}
