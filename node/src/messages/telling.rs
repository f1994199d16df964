//! What the log tells of a message, to those who see it, and takes back with it.

use federation_core::store::sql::{Connection, DatabaseError};
use serde::Serialize;

use super::marks;
use super::model::Message;
use super::parts;
use super::store;
use super::wire::{DeletedView, MessageView};
use crate::channels;
use crate::notifications;
use crate::platform::ctx::Ctx;
use crate::platform::events::{EventLog, NewEvent, Topic};
use crate::platform::http::idempotency;

/// Leaves a tombstone, and takes back what the log told of the message.
pub(super) fn remove(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    message: &Message,
) -> Result<(), DatabaseError> {
    store::bury(connection, message.id, ctx.now())?;
    marks::clear(connection, message.id)?;
    parts::clear(connection, message.id)?;
    log.retract(connection, message.id.as_str())?;
    idempotency::forget(connection, message.id.as_str())?;
    notifications::store::forget_message(connection, message.id)?;
    let topic = if message.is_waiting() {
        Topic::User(message.author_id)
    } else {
        Topic::Channel(message.channel_id)
    };
    let event = NewEvent {
        topic,
        op: "message.deleted",
        effect: None,
        subject: None,
    };
    let view = DeletedView {
        id: message.id,
        channel_id: message.channel_id,
    };
    log.append(connection, &event, &view, ctx.now())?;
    Ok(())
}

/// Tells those who see the message: everybody in the channel, or each of them by name when others came
/// into the conversation since it was said, or its author alone while it has no place.
///
/// Nothing of another message goes into the log with it, so that what is deleted is gone from there.
pub(super) fn tell(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    op: &'static str,
    message: &Message,
    view: &MessageView,
) -> Result<(), DatabaseError> {
    let mut told = view.told();
    if let Some(answered) = told.answers.as_mut() {
        let seers =
            channels::conversations::store::seers(connection, message.channel_id, answered.seq)?;
        if seers.is_some() {
            // Those who came since are told the same.
            answered.author_id = None;
        }
    }
    tell_of(ctx, connection, log, op, message, &told)
}

/// Tells something about a message to those who see it; it leaves the log with the message.
pub(super) fn tell_of(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    op: &'static str,
    message: &Message,
    data: &impl Serialize,
) -> Result<(), DatabaseError> {
    let (channel, seq) = (message.channel_id, message.seq);
    let seers = match op {
        _ if message.is_waiting() => Some(vec![message.author_id]),
        // Nobody came since.
        "message.created" => None,
        _ => channels::conversations::store::seers(connection, channel, seq)?,
    };
    let topics = match seers {
        None => vec![Topic::Channel(channel)],
        Some(people) => people.into_iter().map(Topic::User).collect(),
    };
    for topic in topics {
        let event = NewEvent {
            topic,
            op,
            effect: None,
            subject: Some(message.id.as_str()),
        };
        log.append(connection, &event, data, ctx.now())?;
    }
    Ok(())
}
