//! What a Group of another node announces, taken into the channel that stands for it here.
//!
//! The order is that of the Group: each message has the number that the other node gave it.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, Actor};
use serde_json::json;
use url::Url;

use super::change::{changed, told_again};
use super::incoming::{GroupNote, MAX_PLACE, place_of};
use super::telling::{self, about, is_refused, judged};
use crate::accounts;
use crate::accounts::federate::person;
use crate::accounts::model::User;
use crate::base::ids::ChannelId;
use crate::messages::federate::incoming::Ignored;
use crate::messages::federate::receive::Received;
use crate::messages::federate::said::Placed;
use crate::messages::model::Message;
use crate::messages::telling::remove;
use crate::messages::{numbers, revisions, store, tombstones};
use crate::platform::ctx::Ctx;
use crate::platform::events::{EventLog, NewEvent, Topic};

/// Where something was announced.
#[derive(Clone, Copy, Debug)]
pub struct Announced {
    /// The channel of this node that stands for the Group.
    pub channel: ChannelId,
    /// The place of the message in it.
    pub place: i64,
}

impl Announced {
    /// Reads the place that an `Announce` tells; one that tells none has that of its time.
    pub fn of(channel: ChannelId, announce: &Activity, now: Timestamp) -> Self {
        let at = announce.published.unwrap_or(now).min(now);
        let by_time = at.as_millis().clamp(0, MAX_PLACE >> 10) << 10;
        let place = place_of(announce).unwrap_or(by_time);
        Self { channel, place }
    }
}

/// Takes in a message that a Group announces.
///
/// # Errors
/// The database failed.
///
/// # Security
/// The Group must have announced it, and the note have been proven to be `author`'s.
pub fn mirrored(
    ctx: &Ctx,
    connection: &mut Connection,
    at: Announced,
    (note, author): (&GroupNote, &Actor),
) -> Result<Received, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let message = match take_in(ctx, connection, at, (note, author), true)? {
        Ok(message) => message,
        Err(why) => return Ok(Err(why)),
    };
    telling::created(ctx, connection, &log, (&message, note))?;
    Ok(Ok(message.id))
}

/// Takes in a message of before a member joined; nobody is told of it as of something new. Once all of
/// them are in, [`backfilled`] says so.
///
/// # Errors
/// The database failed.
///
/// # Security
/// As [`mirrored`].
pub fn backfill(
    ctx: &Ctx,
    connection: &mut Connection,
    at: Announced,
    (note, author): (&GroupNote, &Actor),
) -> Result<Received, DatabaseError> {
    let _log = EventLog::begin(connection)?;
    let message = match take_in(ctx, connection, at, (note, author), false)? {
        Ok(message) => message,
        Err(why) => return Ok(Err(why)),
    };
    telling::mention(ctx, connection, &message, note)?;
    Ok(Ok(message.id))
}

/// Tells the members of a channel that what was said before they came is there now.
///
/// # Errors
/// The database failed.
pub fn backfilled(
    ctx: &Ctx,
    connection: &mut Connection,
    channel: ChannelId,
) -> Result<(), DatabaseError> {
    let log = EventLog::begin(connection)?;
    let event = NewEvent {
        topic: Topic::Channel(channel),
        op: "history.added",
        effect: None,
        subject: None,
    };
    let data = json!({"channel_id": channel});
    log.append(connection, &event, &data, ctx.now())?;
    Ok(())
}

/// Stores a message, unless a rule of this node refuses it. What `is_new` is judged whole, and what
/// it breaks is written down; of what was said before the text alone counts.
fn take_in(
    ctx: &Ctx,
    connection: &mut Connection,
    at: Announced,
    (note, author): (&GroupNote, &Actor),
    is_new: bool,
) -> Result<Result<Message, Ignored>, DatabaseError> {
    let now = ctx.now();
    if note.actor != author.id {
        return Ok(Err(Ignored::NotTheOwner));
    }
    if tombstones::was_buried(connection, &note.said.uri, author.id.as_str())? {
        return Ok(Err(Ignored::Deleted));
    }
    if store::by_uri(connection, &note.said.uri, author.id.as_str())?.is_some() {
        return Ok(Err(Ignored::Duplicate));
    }
    let person = person(author);
    if person.username.is_empty() {
        return Ok(Err(Ignored::ActorRefused));
    }
    let author_id = accounts::store::upsert_remote(connection, &person, now)?;
    let author = accounts::store::by_id(connection, author_id)?;
    if !author.as_ref().is_some_and(User::is_active) {
        return Ok(Err(Ignored::ActorRefused));
    }
    let verdict = judged(ctx, connection, (author_id, None), note, !is_new)?;
    if is_refused(&verdict) {
        if is_new {
            verdict.record(ctx, connection, &about(note, author_id, None, None))?;
        }
        return Ok(Err(Ignored::Refused));
    }
    let answered = match &note.answers {
        Some(uri) => store::by_uri_in(connection, at.channel, uri)?,
        None => None,
    };
    let placed = Placed {
        channel: at.channel,
        seq: numbers::take(connection, at.channel, at.place)?,
        author: author_id,
        answered,
    };
    let message = note.said.message(placed, now);
    store::insert(connection, &message)?;
    if is_new {
        let about = about(note, author_id, None, Some(&message));
        verdict.record(ctx, connection, &about)?;
    }
    Ok(Ok(message))
}

/// Takes in a changed message that a Group announces.
///
/// # Errors
/// The database failed.
///
/// # Security
/// As [`mirrored`]; the stored author decides whose it is (I4).
pub fn mirrored_change(
    ctx: &Ctx,
    connection: &mut Connection,
    at: Announced,
    (note, author): (&GroupNote, &Actor),
) -> Result<Received, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let mut message = match changed(connection, at.channel, (note, author))? {
        Ok(message) => message,
        Err(why) => return Ok(Err(why)),
    };
    let owner = accounts::store::by_id(connection, message.author_id)?;
    if !owner.as_ref().is_some_and(User::is_active) {
        return Ok(Err(Ignored::ActorRefused));
    }
    if let Some(received) = told_again(connection, note, &mut message)? {
        return Ok(received);
    }
    let verdict = judged(ctx, connection, (message.author_id, None), note, true)?;
    let about = about(note, message.author_id, None, Some(&message));
    verdict.record(ctx, connection, &about)?;
    if is_refused(&verdict) {
        remove(ctx, connection, &log, &message)?;
        return Ok(Err(Ignored::Refused));
    }
    revisions::keep(connection, &message)?;
    note.said.replace(&mut message, ctx.now());
    store::rewrite(connection, &message)?;
    telling::changed(ctx, connection, &log, (&message, note))?;
    Ok(Ok(message.id))
}

/// Takes in that an author deleted a message, as a Group announces it.
///
/// # Errors
/// The database failed.
///
/// # Security
/// The deletion must have been proven to be `author`'s.
pub fn mirrored_delete(
    ctx: &Ctx,
    connection: &mut Connection,
    at: Announced,
    (uri, author): (&Url, &Url),
) -> Result<Received, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let known = store::by_uri(connection, uri.as_str(), author.as_str())?;
    match known.filter(|known| known.channel_id == at.channel) {
        Some(known) if known.deleted_at.is_some() => Ok(Err(Ignored::Deleted)),
        Some(known) => {
            remove(ctx, connection, &log, &known)?;
            Ok(Ok(known.id))
        }
        None if uri.origin() == author.origin() => {
            tombstones::bury_unseen(connection, uri.as_str(), author.as_str(), ctx.now())?;
            Ok(Err(Ignored::Unknown))
        }
        None => Ok(Err(Ignored::NotTheOwner)),
    }
}

/// Takes in that a Group has taken a message out.
///
/// # Errors
/// The database failed.
///
/// # Security
/// The Group itself must have said so; what is in other channels stays.
pub fn mirrored_removal(
    ctx: &Ctx,
    connection: &mut Connection,
    channel: ChannelId,
    uri: &Url,
) -> Result<Received, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let Some(id) = store::by_uri_in(connection, channel, uri.as_str())? else {
        return Ok(Err(Ignored::Unknown));
    };
    let message = store::by_id(connection, channel, id)?;
    let Some(message) = message else {
        return Ok(Err(Ignored::Deleted));
    };
    remove(ctx, connection, &log, &message)?;
    Ok(Ok(id))
}

/// Gives a message of a member of this node the place that the Group has given it: from now on it is
/// there for everybody.
///
/// # Errors
/// The database failed.
///
/// # Security
/// Nothing but the place is taken from what the Group announces, once.
pub fn settled(
    ctx: &Ctx,
    connection: &mut Connection,
    at: Announced,
    uri: &Url,
) -> Result<Received, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let Some(id) = store::by_uri_in(connection, at.channel, uri.as_str())? else {
        return Ok(Err(Ignored::Unknown));
    };
    let Some(mut message) = store::by_id(connection, at.channel, id)? else {
        return Ok(Err(Ignored::Deleted));
    };
    if !message.is_waiting() {
        return Ok(Err(Ignored::Duplicate));
    }
    message.seq = numbers::settle(connection, &message, at.place)?;
    telling::settled(ctx, connection, &log, &message)?;
    Ok(Ok(id))
}
