//! All SQL that writes messages and what became of them.

use std::collections::HashMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{Message, Recipient};
use super::search::index;
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, MessageId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::channels::store::newest_first;
use crate::channels::structure::PROVISIONAL;
use crate::platform::db::schema::{channel_members, message_recipients, messages, users};
use crate::platform::http::idempotency;

/// Adds a message.
///
/// # Errors
/// The database failed, or its author has a message with this `uri`.
pub fn insert(connection: &mut Connection, message: &Message) -> Result<(), DatabaseError> {
    diesel::insert_into(messages::table)
        .values(message.clone())
        .execute(connection)?;
    index::enter(connection, message)
}

/// The message of this id in this channel, unless it was deleted.
///
/// # Errors
/// The database failed.
pub fn by_id(
    connection: &mut Connection,
    channel: ChannelId,
    id: MessageId,
) -> Result<Option<Message>, DatabaseError> {
    let found = anywhere(connection, id)?;
    Ok(found.filter(|message| message.channel_id == channel && message.deleted_at.is_none()))
}

/// The message of this id, even when it was deleted.
///
/// # Errors
/// The database failed.
pub fn anywhere(
    connection: &mut Connection,
    id: MessageId,
) -> Result<Option<Message>, DatabaseError> {
    let row = messages::table.find(id).select(Message::as_select());
    Ok(row.first(connection).optional()?)
}

/// The message that is this object of this author, even when it was deleted.
///
/// # Errors
/// The database failed.
///
/// # Security
/// An id counts together with its author: somebody else of the same node who uses it first takes
/// nothing from them.
pub fn by_uri(
    connection: &mut Connection,
    uri: &str,
    author: &str,
) -> Result<Option<Message>, DatabaseError> {
    let row = messages::table
        .inner_join(users::table)
        .filter(messages::uri.eq(uri))
        .filter(users::actor_uri.eq(author))
        .select(Message::as_select());
    Ok(row.first(connection).optional()?)
}

/// Whether there is a message with this id, whoever wrote it.
///
/// # Errors
/// The database failed.
pub fn is_uri_known(connection: &mut Connection, uri: &str) -> Result<bool, DatabaseError> {
    let row = messages::table
        .filter(messages::uri.eq(uri))
        .select(messages::id);
    Ok(row.first::<MessageId>(connection).optional()?.is_some())
}

/// The messages that are this object, of whichever author, which are there; there are few.
///
/// # Errors
/// The database failed.
pub fn all_by_uri(connection: &mut Connection, uri: &str) -> Result<Vec<Message>, DatabaseError> {
    let rows = messages::table
        .filter(messages::uri.eq(uri))
        .filter(messages::deleted_at.is_null())
        .order(messages::id)
        .limit(10)
        .select(Message::as_select());
    Ok(rows.load(connection)?)
}

/// The first message of this id in a channel.
///
/// # Errors
/// The database failed.
pub fn by_uri_in(
    connection: &mut Connection,
    channel: ChannelId,
    uri: &str,
) -> Result<Option<MessageId>, DatabaseError> {
    let row = messages::table
        .filter(messages::uri.eq(uri))
        .filter(messages::channel_id.eq(channel))
        .order(messages::seq)
        .select(messages::id);
    Ok(row.first(connection).optional()?)
}

/// The channels, few at most, with a message of this id that somebody in them sees.
///
/// # Errors
/// The database failed.
pub fn answered_in(
    connection: &mut Connection,
    uri: &str,
    participant: UserId,
) -> Result<Vec<ChannelId>, DatabaseError> {
    let rows = messages::table
        .inner_join(
            channel_members::table.on(channel_members::channel_id
                .eq(messages::channel_id)
                .and(channel_members::user_id.eq(participant))),
        )
        .filter(messages::uri.eq(uri))
        .filter(messages::seq.ge(channel_members::joined_seq))
        .order(messages::channel_id)
        .limit(20)
        .select(messages::channel_id);
    Ok(rows.load(connection)?)
}

/// The messages of a channel from number `from` on that have their places, newest first; `None` when a
/// cursor names none of them.
///
/// # Errors
/// The database failed.
pub fn page(
    connection: &mut Connection,
    place: (ChannelId, i64),
    page: &PageQuery<MessageId>,
) -> Result<Option<Page<Message, MessageId>>, DatabaseError> {
    page_for(connection, place, None, page)
}

/// The same as `reader` sees it: what they wrote and has no place yet stands after all else.
///
/// # Errors
/// The database failed.
pub fn page_seen_by(
    connection: &mut Connection,
    place: (ChannelId, i64),
    reader: UserId,
    page: &PageQuery<MessageId>,
) -> Result<Option<Page<Message, MessageId>>, DatabaseError> {
    page_for(connection, place, Some(reader), page)
}

fn page_for(
    connection: &mut Connection,
    (channel, from): (ChannelId, i64),
    reader: Option<UserId>,
    page: &PageQuery<MessageId>,
) -> Result<Option<Page<Message, MessageId>>, DatabaseError> {
    let ascending = page.before.is_none() && page.after.is_some();
    let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
    let limit = limit.saturating_add(1);
    let (mut low, mut high) = (from, i64::MAX);
    if let Some(before) = page.before {
        let Some(seq) = seq_of(connection, (channel, from), reader, before)? else {
            return Ok(None);
        };
        high = seq;
    }
    if let Some(after) = page.after {
        let Some(seq) = seq_of(connection, (channel, from), reader, after)? else {
            return Ok(None);
        };
        low = seq.saturating_add(1);
    }
    let numbered = (None, (low, high.min(PROVISIONAL)));
    let waiting = reader.map(|reader| (Some(reader), (low.max(PROVISIONAL), high)));
    let mut parts: Vec<_> = std::iter::once(numbered).chain(waiting).collect();
    if !ascending {
        parts.reverse();
    }
    let mut found = Vec::new();
    for (author, (low, high)) in parts {
        let left = limit.saturating_sub(found.len());
        if left == 0 || low >= high {
            continue;
        }
        let mut rows = messages::table
            .filter(messages::channel_id.eq(channel))
            .filter(messages::seq.ge(low))
            .filter(messages::seq.lt(high))
            .filter(messages::deleted_at.is_null())
            .limit(i64::try_from(left).unwrap_or(i64::MAX))
            .select(Message::as_select())
            .into_boxed();
        if let Some(author) = author {
            // In so many words, so that SQLite sees that the index of these serves.
            let waits = sql::<Bool>("messages.seq >= 1152921504606846976");
            rows = rows.filter(messages::author_id.eq(author)).filter(waits);
        }
        rows = if ascending {
            rows.order(messages::seq)
        } else {
            rows.order(messages::seq.desc())
        };
        found.extend(rows.load::<Message>(connection)?);
    }
    Ok(Some(newest_first(found, page, |message: &Message| {
        message.id
    })))
}

/// How many messages of a channel from number `from` on have not been deleted.
///
/// # Errors
/// The database failed.
pub fn count(
    connection: &mut Connection,
    (channel, from): (ChannelId, i64),
) -> Result<i64, DatabaseError> {
    let rows = messages::table
        .filter(messages::channel_id.eq(channel))
        .filter(messages::seq.ge(from))
        .filter(messages::deleted_at.is_null());
    Ok(rows.count().get_result(connection)?)
}

/// The place of a message that a cursor names, when `reader` sees it.
fn seq_of(
    connection: &mut Connection,
    (channel, from): (ChannelId, i64),
    reader: Option<UserId>,
    id: MessageId,
) -> Result<Option<i64>, DatabaseError> {
    let row = messages::table
        .find(id)
        .filter(messages::channel_id.eq(channel))
        .filter(messages::seq.ge(from))
        .select((messages::seq, messages::author_id));
    let found: Option<(i64, UserId)> = row.first(connection).optional()?;
    let found = found.filter(|(seq, author)| *seq < PROVISIONAL || Some(*author) == reader);
    Ok(found.map(|(seq, _)| seq))
}

/// Stores the new text of a message, and when it was changed.
///
/// # Errors
/// The database failed.
pub fn rewrite(connection: &mut Connection, message: &Message) -> Result<(), DatabaseError> {
    diesel::update(messages::table.find(message.id))
        .set((
            messages::content.eq(&message.content),
            messages::html.eq(&message.html),
            messages::edited_at.eq(message.edited_at),
            messages::origin_updated_at.eq(message.origin_updated_at),
        ))
        .execute(connection)?;
    index::enter(connection, message)
}

/// Leaves of a message nothing but a tombstone.
///
/// # Errors
/// The database failed.
pub fn bury(
    connection: &mut Connection,
    id: MessageId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::update(messages::table.find(id))
        .set((
            messages::content.eq(""),
            messages::html.eq(""),
            messages::deleted_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    let rows = message_recipients::table.filter(message_recipients::message_id.eq(id));
    diesel::delete(rows).execute(connection)?;
    index::forget(connection, id)
}

/// The people with these ids.
///
/// # Errors
/// The database failed.
pub fn people(
    connection: &mut Connection,
    ids: &[UserId],
) -> Result<HashMap<UserId, User>, DatabaseError> {
    let rows = users::table
        .filter(users::id.eq_any(ids))
        .select(User::as_select());
    let found: Vec<User> = rows.load(connection)?;
    Ok(found.into_iter().map(|user| (user.id, user)).collect())
}

/// Sets what becomes of a message for each of these recipients.
///
/// # Errors
/// The database failed.
pub fn set_recipients(
    connection: &mut Connection,
    message: MessageId,
    recipients: &[Recipient],
) -> Result<(), DatabaseError> {
    let old = message_recipients::table.filter(message_recipients::message_id.eq(message));
    diesel::delete(old).execute(connection)?;
    let rows = recipients.to_vec();
    each_backend!(connection, c => diesel::insert_into(message_recipients::table)
        .values(&rows)
        .execute(c))?;
    Ok(())
}

/// Whom these messages went to on other nodes, and what became of them.
///
/// # Errors
/// The database failed.
pub fn recipients(
    connection: &mut Connection,
    messages: &[MessageId],
) -> Result<HashMap<MessageId, Vec<(Recipient, User)>>, DatabaseError> {
    let rows: Vec<(Recipient, User)> = message_recipients::table
        .inner_join(users::table)
        .filter(message_recipients::message_id.eq_any(messages))
        .order((message_recipients::message_id, message_recipients::user_id))
        .select((Recipient::as_select(), User::as_select()))
        .load(connection)?;
    let mut found: HashMap<MessageId, Vec<_>> = HashMap::new();
    for (recipient, user) in rows {
        found
            .entry(recipient.message_id)
            .or_default()
            .push((recipient, user));
    }
    Ok(found)
}

/// Notes what became of an activity for one recipient; whether it is still the latest one.
///
/// # Errors
/// The database failed.
pub fn settle(connection: &mut Connection, settled: &Recipient) -> Result<bool, DatabaseError> {
    let row = message_recipients::table
        .find((settled.message_id, settled.user_id))
        .filter(message_recipients::activity_id.eq(&settled.activity_id));
    let changed = diesel::update(row)
        .set((
            message_recipients::state.eq(&settled.state),
            message_recipients::reason.eq(settled.reason.as_deref()),
            message_recipients::updated_at.eq(settled.updated_at),
        ))
        .execute(connection)?;
    Ok(changed > 0)
}

/// Drops up to `limit` messages of a channel that is gone; answers how many.
///
/// # Errors
/// The database failed.
pub fn clear_channel(
    connection: &mut Connection,
    channel: ChannelId,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let some: Vec<MessageId> = messages::table
        .filter(messages::channel_id.eq(channel))
        .limit(limit)
        .select(messages::id)
        .load(connection)?;
    for id in &some {
        index::forget(connection, *id)?;
        idempotency::forget(connection, id.as_str())?;
    }
    Ok(diesel::delete(messages::table.filter(messages::id.eq_any(&some))).execute(connection)?)
}
