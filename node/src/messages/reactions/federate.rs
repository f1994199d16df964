//! Reactions as activities (FEP-c0e0): sent to the others of a direct conversation, and by way of the
//! channel in channels.
//!
//! Sent as `Like` with `content`: whoever knows no reactions shows a like, and everybody who knows
//! `EmojiReact` takes this too. Both are taken alike, and a `Like` without an emoji is a heart.

use federation_core::outbox::sql::enqueue;
use federation_core::outbox::{Outgoing, plan_targets};
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, ActivityKind, Actor, parse_id};
use url::Url;

use super::actions::{self, Put};
use super::model::{Key, Reaction};
use super::store;
use crate::accounts;
use crate::accounts::federate::person;
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, UserId};
use crate::base::permission::Permission;
use crate::channels;
use crate::channels::access;
use crate::messages;
use crate::messages::apart::are_apart;
use crate::messages::federate::{Ignored, group};
use crate::messages::model::Message;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// Sends a new reaction of a member to the nodes of the others in the conversation.
pub(super) fn send_like(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
    reaction: &Reaction,
) -> Result<(), DatabaseError> {
    let id = format!("{}/reactions/{}", ctx.origin().as_str(), reaction.id);
    let members = channels::store::members_at(connection, message.channel_id, message.seq)?;
    let Some(like) = like(message, reaction, &members, &id)? else {
        return Ok(());
    };
    store::set_activity(connection, reaction, &id)?;
    deliver(ctx, connection, message, &members, &like)
}

/// Takes a reaction of a member back, at the nodes that were sent it.
pub(super) fn send_undo(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
    reaction: &Reaction,
) -> Result<(), DatabaseError> {
    let Some(id) = &reaction.activity_id else {
        return Ok(());
    };
    let members = channels::store::members_at(connection, message.channel_id, message.seq)?;
    let Some(like) = like(message, reaction, &members, id)? else {
        return Ok(());
    };
    let undo = Activity::undo(url(&format!("{id}/undo"))?, &like).published_at(ctx.now());
    deliver(ctx, connection, message, &members, &undo)
}

/// Tells of a new reaction of a member in a channel, which is written as `name`.
pub(super) fn announce_like(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
    (reaction, name): (&Reaction, &str),
) -> Result<(), DatabaseError> {
    let Some(actor) = accounts::store::by_id(connection, reaction.user_id)? else {
        return Ok(());
    };
    let id = format!("{}/reactions/{}", ctx.origin().as_str(), reaction.id);
    let like = like_of(message, (reaction, name), &actor, &id)?;
    if group::reacted(ctx, connection, (message, &actor), like)? {
        store::set_activity(connection, reaction, &id)?;
    }
    Ok(())
}

/// Tells that a member of this node took a reaction in a channel back, where it was told.
pub(super) fn announce_undo(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
    (reaction, name): (&Reaction, &str),
) -> Result<(), DatabaseError> {
    let actor = accounts::store::by_id(connection, reaction.user_id)?;
    let (Some(id), Some(actor)) = (&reaction.activity_id, actor) else {
        return Ok(());
    };
    let like = like_of(message, (reaction, name), &actor, id)?;
    let undo = Activity::undo(url(&format!("{id}/undo"))?, &like).published_at(ctx.now());
    group::reacted(ctx, connection, (message, &actor), undo).map(drop)
}

fn like_of(
    message: &Message,
    (reaction, name): (&Reaction, &str),
    actor: &User,
    id: &str,
) -> Result<Activity, DatabaseError> {
    let (id, actor) = (url(id)?, url(&actor.actor_uri)?);
    let like = Activity::like(id, actor, url(&message.uri)?, Some(name.to_owned()));
    let at = federation_core::Timestamp::from_millis(reaction.created_at);
    Ok(like.published_at(at))
}

/// The activity that a reaction is; `None` when nobody of another node is there to get it.
fn like(
    message: &Message,
    reaction: &Reaction,
    members: &[User],
    id: &str,
) -> Result<Option<Activity>, DatabaseError> {
    let own = |user: &&User| user.id == reaction.user_id;
    let Some(actor) = members.iter().find(own).filter(|user| user.is_local()) else {
        return Ok(None);
    };
    if remote(members).is_empty() {
        return Ok(None);
    }
    let others = members.iter().filter(|user| user.id != actor.id);
    let to: Result<Vec<Url>, _> = others.map(|user| url(&user.actor_uri)).collect();
    let at = federation_core::Timestamp::from_millis(reaction.created_at);
    // In conversations there are no custom emoji of this node, so that no tag is needed.
    let content = Some(reaction.emoji.clone());
    let like = Activity::like(
        url(id)?,
        url(&actor.actor_uri)?,
        url(&message.uri)?,
        content,
    );
    Ok(Some(like.addressed_to(to?, Vec::new()).published_at(at)))
}

/// Members of other nodes that can still get something.
fn remote(members: &[User]) -> Vec<&User> {
    let reachable = |user: &&User| !user.is_local() && user.deleted_at.is_none();
    members.iter().filter(reachable).collect()
}

fn deliver(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
    members: &[User],
    activity: &Activity,
) -> Result<(), DatabaseError> {
    let actors = accounts::federate::documents(connection, &remote(members))?;
    let outgoing = Outgoing {
        activity_id: activity.id.clone(),
        actor_id: activity.actor.clone(),
        object_id: Some(url(&message.uri)?),
        body: activity.to_value().to_string(),
        ordering_key: Some(message.channel_id.to_string()),
        targets: plan_targets(actors.values(), false),
    };
    if !outgoing.targets.is_empty() {
        enqueue(connection, &outgoing, ctx.now())?;
    }
    Ok(())
}

fn url(text: &str) -> Result<Url, DatabaseError> {
    parse_id(text).ok_or(DatabaseError::Malformed { what: "id" })
}

/// A reaction that came, read as far as that goes without a database.
#[derive(Clone, Debug)]
pub struct IncomingReaction {
    object: Url,
    key: Key,
}

impl IncomingReaction {
    /// Reads a `Like` or an `EmojiReact`.
    ///
    /// # Errors
    /// It is about nothing, or its emoji is none.
    pub fn read(activity: &Activity) -> Result<Self, Ignored> {
        let object = activity.object_id().ok_or(Ignored::NotAMessage)?;
        let is_like = activity.kind == ActivityKind::Like;
        let key = Key::of_peer(activity.content.as_deref(), is_like);
        Ok(Self {
            object: object.clone(),
            key: key.ok_or(Ignored::NotAMessage)?,
        })
    }
}

/// Takes in a reaction. `raw` is the activity as it came, for the channel that passes it on.
///
/// # Errors
/// The database failed.
///
/// # Security
/// The activity must have been proven to be `author`'s. Only who takes part in the conversation of
/// the message, or may react in its channel, reacts to it; for all others there is no such message.
pub fn receive_reaction(
    ctx: &Ctx,
    connection: &mut Connection,
    (activity, reaction): (&Activity, &IncomingReaction),
    author: &Actor,
    raw: &[u8],
) -> Result<Result<(), Ignored>, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let Some(user) = accounts::store::by_actor(connection, author.id.as_str())? else {
        return Ok(Err(Ignored::Unknown));
    };
    if user.is_local() || !user.is_active() {
        return Ok(Err(Ignored::ActorRefused));
    }
    let Some(message) = seen_by(ctx, connection, &reaction.object, user.id)? else {
        return Ok(Err(Ignored::Unknown));
    };
    let channel = channels::store::by_id(connection, message.channel_id)?;
    if let Some(channel) = channel
        && are_apart(connection, &channel, user.id)?
    {
        return Ok(Err(Ignored::ActorRefused));
    }
    let told = (activity, reaction);
    let taken = take_in(ctx, connection, &log, (&message, user.id), told)?;
    if taken.is_ok() {
        group::passed_on_reaction(ctx, connection, &message, raw)?;
    }
    Ok(taken)
}

/// Takes in a reaction that the Group announces for which a channel of this node stands.
///
/// # Errors
/// The database failed.
///
/// # Security
/// The Group must have announced it, and the activity have been proven to be `author`'s: who may react
/// in the channel, the Group has judged.
pub fn mirrored(
    ctx: &Ctx,
    connection: &mut Connection,
    channel: ChannelId,
    (activity, reaction): (&Activity, &IncomingReaction),
    author: &Actor,
) -> Result<Result<(), Ignored>, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let object = reaction.object.as_str();
    let Some(id) = messages::store::by_uri_in(connection, channel, object)? else {
        return Ok(Err(Ignored::Unknown));
    };
    let Some(message) = messages::store::by_id(connection, channel, id)? else {
        return Ok(Err(Ignored::Deleted));
    };
    let person = person(author);
    if person.username.is_empty() {
        return Ok(Err(Ignored::ActorRefused));
    }
    let user = accounts::store::upsert_remote(connection, &person, ctx.now())?;
    let known = accounts::store::by_id(connection, user)?;
    if !known.as_ref().is_some_and(User::is_active) {
        return Ok(Err(Ignored::ActorRefused));
    }
    let told = (activity, reaction);
    take_in(ctx, connection, &log, (&message, user), told)
}

fn take_in(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    (message, user): (&Message, UserId),
    (activity, reaction): (&Activity, &IncomingReaction),
) -> Result<Result<(), Ignored>, DatabaseError> {
    let id = activity.id.to_string();
    let new = (user, Some(id.clone()));
    match actions::put(ctx, connection, log, message, &reaction.key, new)? {
        Put::Added(_) => Ok(Ok(())),
        Put::Present(known) => {
            // What takes it back names the activity that came last.
            store::set_activity(connection, &known, &id)?;
            Ok(Err(Ignored::Duplicate))
        }
        Put::Full => Ok(Err(Ignored::Full)),
    }
}

/// The message that is this object, in a conversation that the person may react in.
fn seen_by(
    ctx: &Ctx,
    connection: &mut Connection,
    object: &Url,
    user: UserId,
) -> Result<Option<Message>, DatabaseError> {
    for message in messages::store::all_by_uri(connection, object.as_str())? {
        let seen = access::see(connection, user, message.channel_id, ctx.now())?;
        let may = seen.is_some_and(|seen| {
            seen.permissions.contains(Permission::AddReactions) && message.seq >= seen.visible_from
        });
        if may {
            return Ok(Some(message));
        }
    }
    Ok(None)
}

/// Takes in that a reaction was taken back; whether there was one. `raw` is the activity as it came, for
/// the channel that passes it on.
///
/// # Errors
/// The database failed.
///
/// # Security
/// The activity must have been proven to be `author`'s. Only one's own reactions are looked at (I4).
pub fn receive_undo(
    ctx: &Ctx,
    connection: &mut Connection,
    (undo, author): (&Activity, &Actor),
    raw: Option<&[u8]>,
) -> Result<bool, DatabaseError> {
    let log = EventLog::begin(connection)?;
    let Some(user) = accounts::store::by_actor(connection, author.id.as_str())? else {
        return Ok(false);
    };
    if user.is_local() {
        return Ok(false);
    }
    let by_id = match undo.object_id() {
        Some(id) => store::by_activity(connection, user.id, id.as_str())?,
        None => None,
    };
    let found = match (by_id, embedded(undo)) {
        // Some servers lose or replace the id: then message and emoji tell which one is meant.
        (None, Some(reaction)) => match seen_by(ctx, connection, &reaction.object, user.id)? {
            Some(message) => store::find(connection, message.id, &reaction.key.emoji, user.id)?,
            None => None,
        },
        (by_id, _) => by_id,
    };
    let Some(reaction) = found else {
        return Ok(false);
    };
    match messages::store::anywhere(connection, reaction.message_id)? {
        Some(message) => {
            actions::take(ctx, connection, &log, &message, &reaction)?;
            if let Some(raw) = raw {
                group::passed_on_reaction(ctx, connection, &message, raw)?;
            }
        }
        None => store::remove(connection, &reaction)?,
    }
    Ok(true)
}

/// The reaction inside an `Undo`, when it is there whole.
fn embedded(undo: &Activity) -> Option<IncomingReaction> {
    let inner = undo.single_object()?.as_activity()?.ok()?;
    let is_reaction = matches!(inner.kind, ActivityKind::Like | ActivityKind::EmojiReact);
    is_reaction
        .then(|| IncomingReaction::read(&inner).ok())
        .flatten()
}
