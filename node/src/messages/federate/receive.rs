//! What a remote activity about a message does here, inside the transaction of its inbox (I2).

use std::iter;

use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, Actor};

use super::group;
use super::incoming::{Ignored, IncomingNote};
use super::placing::{Placing, place};
use super::said::Placed;
use crate::accounts;
use crate::accounts::federate::person;
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, MessageId, UserId};
use crate::blocks;
use crate::channels;
use crate::messages::model::Message;
use crate::messages::notify::{Concerns, notify, reaches};
use crate::messages::polls::federate as polls;
use crate::messages::showing::views;
use crate::messages::telling::{remove, tell};
use crate::messages::{mentions, previews, revisions, store, tombstones};
use crate::moderation::rules::{self, About, Said, Verdict};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// What an activity did: told of this message, or nothing for a reason.
pub type Received = Result<MessageId, Ignored>;

/// Takes in a new message.
///
/// # Errors
/// The database failed.
///
/// # Security
/// The activity must have been proven to be `author`'s. Only people it addresses get it, an object
/// that is known or was deleted changes nothing, and ids of this node cannot be taken.
pub fn receive_create(
    ctx: &Ctx,
    connection: &mut Connection,
    note: &IncomingNote,
    author: &Actor,
) -> Result<Received, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let now = ctx.now();
    if note.actor != author.id {
        return Ok(Err(Ignored::NotTheOwner));
    }
    if let Some(name) = &note.vote {
        let vote = (note.answers.as_deref(), name.as_str());
        return polls::receive_vote(ctx, connection, &log, vote, author);
    }
    if tombstones::was_buried(connection, &note.said.uri, author.id.as_str())? {
        return Ok(Err(Ignored::Deleted));
    }
    if let Some(known) = store::by_uri(connection, &note.said.uri, author.id.as_str())? {
        let why = if known.deleted_at.is_some() {
            Ignored::Deleted
        } else {
            Ignored::Duplicate
        };
        return Ok(Err(why));
    }
    let person = person(author);
    if person.username.is_empty() {
        return Ok(Err(Ignored::ActorRefused));
    }
    let locals = active_locals(connection, &note.local)?;
    if locals.is_empty() {
        return Ok(Err(Ignored::NobodyHere));
    }
    let author_id = accounts::store::upsert_remote(connection, &person, now)?;
    let Some(user) = accounts::store::by_id(connection, author_id)?.filter(User::is_active) else {
        return Ok(Err(Ignored::ActorRefused));
    };
    if note.others.is_empty() && all_blocked(connection, user.id, locals.iter())? {
        return Ok(Err(Ignored::ActorRefused));
    }
    let locals = reached(ctx, connection, &user, locals)?;
    if locals.is_empty() {
        return Ok(Err(Ignored::ActorRefused));
    }
    let verdict = judged(ctx, connection, note, author_id, false)?;
    if verdict.removes() || verdict.allow().is_err() {
        verdict.record(ctx, connection, &about(note, author_id, None))?;
        return Ok(Err(Ignored::Refused));
    }
    let mut others = Vec::new();
    for person in &note.people {
        let id = accounts::store::upsert_remote(connection, person, now)?;
        others.extend(accounts::store::by_id(connection, id)?);
    }
    let placing = Placing {
        note,
        author: &user,
        locals,
        others,
    };
    let channel = match place(ctx, connection, &log, &placing)? {
        Ok(channel) => channel,
        Err(why) => return Ok(Err(why)),
    };
    let message = take_in(ctx, connection, &log, (note, &user), channel)?;
    verdict.record(ctx, connection, &about(note, author_id, Some(&message)))?;
    Ok(Ok(message.id))
}

/// Stores a note in the conversation that it belongs to, and tells those whom it concerns.
fn take_in(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    (note, author): (&IncomingNote, &User),
    channel: ChannelId,
) -> Result<Message, DatabaseError> {
    let answered = match &note.answers {
        Some(uri) => store::by_uri_in(connection, channel, uri)?,
        None => None,
    };
    let said = match answered {
        Some(id) => store::anywhere(connection, id)?,
        None => None,
    };
    let placed = Placed {
        channel,
        seq: channels::store::take_seq(connection, channel)?,
        author: author.id,
        answered,
    };
    let message = note.said.message(placed, ctx.now());
    store::insert(connection, &message)?;
    polls::take_in(ctx, connection, message.id, note.poll.as_ref())?;
    let people = channels::store::members_at(connection, channel, message.seq)?;
    let mentioned = mentions::tagged(&people, &note.mentioned);
    mentions::add(connection, message.id, &mentioned)?;
    previews::ask(ctx, connection, &message)?;
    announce(ctx, connection, log, "message.created", message.clone())?;
    let concerns = Concerns {
        answered: said.map(|message| message.author_id),
        mentions: &mentioned,
    };
    if let Some(place) = channels::store::by_id(connection, channel)? {
        notify(ctx, connection, log, (&place, &message, author), &concerns)?;
    }
    Ok(message)
}

/// Takes in a changed message.
///
/// # Errors
/// The database failed.
///
/// # Security
/// The stored author decides whose it is (I4), and a state older than the stored one is dropped.
/// One of the same time is taken: many servers write times in whole seconds. Both times are the
/// author's node's, whose clock may run ahead; only what is shown is held to this node's.
pub fn receive_update(
    ctx: &Ctx,
    connection: &mut Connection,
    note: &IncomingNote,
    author: &Actor,
) -> Result<Received, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let mut message = match owned(connection, &note.said.uri, author)? {
        Ok(message) => message,
        // The change overtook the message, which is a duplicate when it comes.
        Err(Ignored::Unknown) => return receive_create(ctx, connection, note, author),
        Err(why) => return Ok(Err(why)),
    };
    // What is said in a channel changes by way of the channel, which judges it.
    let place = channels::store::by_id(connection, message.channel_id)?;
    if place.is_some_and(|place| place.community_id.is_some()) {
        return Ok(Err(Ignored::OtherGroup));
    }
    let is_new = match note.said.renews(&mut message) {
        Ok(is_new) => is_new,
        Err(why) => return Ok(Err(why)),
    };
    let people = channels::store::members_at(connection, message.channel_id, message.seq)?;
    let is_in = people.iter().any(|person| person.id == message.author_id);
    let others = people
        .iter()
        .filter(|person| person.id != message.author_id);
    // Who was taken out says nothing there any more, nor to whoever blocked them.
    if !is_in || all_blocked(connection, message.author_id, others)? {
        return Ok(Err(Ignored::ActorRefused));
    }
    if !is_new {
        // New counts: the options are those that were judged, or nothing is taken over.
        polls::take_over(ctx, connection, &log, &message, note.poll.as_ref())?;
        store::rewrite(connection, &message)?;
        return Ok(Ok(message.id));
    }
    let verdict = judged(ctx, connection, note, message.author_id, true)?;
    verdict.record(
        ctx,
        connection,
        &about(note, message.author_id, Some(&message)),
    )?;
    if verdict.removes() || verdict.allow().is_err() {
        remove(ctx, connection, &log, &message)?;
        return Ok(Err(Ignored::Refused));
    }
    polls::take_over(ctx, connection, &log, &message, note.poll.as_ref())?;
    revisions::keep(connection, &message)?;
    note.said.replace(&mut message, ctx.now());
    store::rewrite(connection, &message)?;
    let mentioned = mentions::tagged(&people, &note.mentioned);
    mentions::put(connection, message.id, &mentioned)?;
    previews::ask_again(ctx, connection, &message)?;
    announce(ctx, connection, &log, "message.updated", message).map(Ok)
}

/// Takes in that a message was deleted, also when the message itself has not come yet. `raw` is the
/// activity as it came, for the channel that passes it on.
///
/// # Errors
/// The database failed.
///
/// # Security
/// The stored author decides whose it is (I4).
pub fn receive_delete(
    ctx: &Ctx,
    connection: &mut Connection,
    activity: &Activity,
    author: &Actor,
    raw: &[u8],
) -> Result<Received, DatabaseError> {
    let Some(uri) = activity.object_id().filter(|id| **id != author.id) else {
        return Ok(Err(Ignored::NotAMessage));
    };
    let log = EventLog::begin(connection)?;
    match owned(connection, uri.as_str(), author)? {
        Ok(message) => {
            remove(ctx, connection, &log, &message)?;
            group::passed_on_delete(ctx, connection, &message, raw)?;
            Ok(Ok(message.id))
        }
        Err(Ignored::Unknown) if uri.origin() == author.id.origin() => {
            tombstones::bury_unseen(connection, uri.as_str(), author.id.as_str(), ctx.now())?;
            Ok(Err(Ignored::Unknown))
        }
        Err(why) => Ok(Err(why)),
    }
}

/// The message that is this object, if it is the actor's and still there.
fn owned(
    connection: &mut Connection,
    uri: &str,
    actor: &Actor,
) -> Result<Result<Message, Ignored>, DatabaseError> {
    let Some(message) = store::by_uri(connection, uri, actor.id.as_str())? else {
        let somebody_elses = store::is_uri_known(connection, uri)?;
        return Ok(Err(if somebody_elses {
            Ignored::NotTheOwner
        } else {
            Ignored::Unknown
        }));
    };
    let owner = accounts::store::by_id(connection, message.author_id)?;
    let Some(owner) = owner else {
        return Ok(Err(Ignored::Unknown));
    };
    if !owner.is_active() {
        return Ok(Err(Ignored::ActorRefused));
    }
    if message.deleted_at.is_some() {
        return Ok(Err(Ignored::Deleted));
    }
    Ok(Ok(message))
}

fn active_locals(
    connection: &mut Connection,
    actors: &[String],
) -> Result<Vec<User>, DatabaseError> {
    let mut found = Vec::new();
    for actor in actors {
        let user = accounts::store::by_actor(connection, actor)?;
        found.extend(user.filter(|user| user.is_local() && user.is_active()));
    }
    Ok(found)
}

/// Whether every member whom a message is for blocked its author, who is not told of it.
fn all_blocked<'a>(
    connection: &mut Connection,
    author: UserId,
    members: impl Iterator<Item = &'a User>,
) -> Result<bool, DatabaseError> {
    for member in members {
        if !blocks::store::is_blocked(connection, member.id, author)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Those members whom somebody reaches: all of them, or, where the domain is silenced, those who follow
/// the author or talk with them already.
fn reached(
    ctx: &Ctx,
    connection: &mut Connection,
    author: &User,
    locals: Vec<User>,
) -> Result<Vec<User>, DatabaseError> {
    let mut kept = Vec::new();
    for user in locals {
        if reaches(ctx, connection, author, user.id)? {
            kept.push(user);
        }
    }
    Ok(kept)
}

/// Which rules of this node a note breaks, by its text and by what can be voted for.
fn judged(
    ctx: &Ctx,
    connection: &mut Connection,
    note: &IncomingNote,
    author: UserId,
    is_edit: bool,
) -> Result<Verdict, DatabaseError> {
    let options = note.poll.iter().flat_map(polls::IncomingPoll::texts);
    let texts: Vec<&str> = iter::once(note.said.content.as_str())
        .chain(options)
        .collect();
    let said = Said {
        author,
        seen: None,
        content: &texts.join("\n"),
        is_edit,
    };
    rules::judge(ctx, connection, &said)
}

fn about<'a>(note: &'a IncomingNote, author: UserId, message: Option<&Message>) -> About<'a> {
    About {
        message: message.map(|message| message.id),
        uri: &note.said.uri,
        channel: message.map(|message| message.channel_id),
        community: None,
        author,
        content: &note.said.content,
    }
}

/// Tells the members of the channel of a message as it is now.
pub(super) fn announce(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    op: &'static str,
    message: Message,
) -> Result<MessageId, DatabaseError> {
    let id = message.id;
    let told = message.clone();
    if let Some(view) = views(ctx, connection, vec![message])?.pop() {
        tell(ctx, connection, log, op, &told, &view)?;
    }
    Ok(id)
}
