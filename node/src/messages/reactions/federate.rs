//! Reactions in direct conversations as activities (FEP-c0e0).
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
use crate::accounts::model::User;
use crate::base::ids::UserId;
use crate::base::permission::Permission;
use crate::channels;
use crate::channels::access;
use crate::messages;
use crate::messages::federate::Ignored;
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

/// Takes in a reaction.
///
/// # Errors
/// The database failed.
///
/// # Security
/// The activity must have been proven to be `author`'s. Only who takes part in the conversation of
/// the message reacts to it; for all others there is no such message.
pub fn receive_reaction(
    ctx: &Ctx,
    connection: &mut Connection,
    (activity, reaction): (&Activity, &IncomingReaction),
    author: &Actor,
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
    let id = activity.id.to_string();
    let new = (user.id, Some(id.clone()));
    match actions::put(ctx, connection, &log, &message, &reaction.key, new)? {
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

/// Takes in that a reaction was taken back; whether there was one.
///
/// # Errors
/// The database failed.
///
/// # Security
/// The activity must have been proven to be `author`'s. Only one's own reactions are looked at (I4).
pub fn receive_undo(
    ctx: &Ctx,
    connection: &mut Connection,
    undo: &Activity,
    author: &Actor,
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
        Some(message) => actions::take(ctx, connection, &log, &message, &reaction)?,
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
