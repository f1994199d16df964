//! Actors of other nodes that follow channels of this one, inside the transaction of the inbox (I2).

use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, ActivityKind, Actor, ObjectOrId};
use url::Url;

use crate::accounts;
use crate::accounts::federate::person;
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, UserId};
use crate::base::permission::Permission;
use crate::channels::access;
use crate::channels::model::Channel;
use crate::channels::reach;
use crate::channels::store;
use crate::channels::structure::is_mirror;
use crate::communities;
use crate::groups;
use crate::groups::federate::{Answer, channel_in};
use crate::groups::model::{Follower, Form, MAX_FOLLOWERS, MAX_FOLLOWERS_OF_NODE, inbox_of};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// What became of a `Follow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They are in the channel now, or were.
    Accepted,
    /// They may not come in, and are told so.
    Rejected,
    /// For them there is no such channel, and nothing is said.
    Ignored,
}

/// Takes in a `Follow` or `Join` of a channel, and queues the answer; whoever follows is a member of
/// the community.
///
/// # Errors
/// The database failed.
///
/// # Security
/// `activity` must have been proven to be `actor`'s. A channel that is not public does not
/// answer: nobody learns by asking that it is there. An actor whose inbox is of another node than the
/// actor gets no answer either: whose inbox it is has not asked for anything.
pub fn receive_follow(
    ctx: &Ctx,
    connection: &mut Connection,
    id: ChannelId,
    (activity, actor): (&Activity, &Actor),
    form: Form,
) -> Result<Outcome, DatabaseError> {
    let (log, now) = (EventLog::begin(connection)?, ctx.now());
    let Some(channel) = store::by_id(connection, id)? else {
        return Ok(Outcome::Ignored);
    };
    let Some(community) = channel.community_id.filter(|_| is_ours(ctx, &channel)) else {
        return Ok(Outcome::Ignored);
    };
    let Some(community) = communities::store::by_id(connection, community)? else {
        return Ok(Outcome::Ignored);
    };
    if !reach::is_public(connection, &channel, now)? {
        tracing::info!(actor = %actor.id, channel = %id, "a Follow of a channel that is not public");
        return Ok(Outcome::Ignored);
    }
    let Some(inbox) = inbox_of(actor) else {
        tracing::info!(actor = %actor.id, inbox = %actor.inbox, "a Follow for the inbox of another node");
        return Ok(Outcome::Ignored);
    };
    let user = accounts::store::upsert_remote(connection, &person(actor), now)?;
    let user = accounts::store::by_id(connection, user)?;
    let Some(user) = user.filter(User::is_active) else {
        return Ok(Outcome::Ignored);
    };
    let agrees = has_room(connection, id, &user)?
        && communities::remote::admit(ctx, connection, &log, &community, user.id)?
        && sees(ctx, connection, user.id, id)?;
    if agrees {
        let follower = Follower {
            channel_id: id,
            user_id: user.id,
            activity_id: activity.id.to_string(),
            form,
            inbox: inbox.to_string(),
            created_at: now.as_millis(),
            ended_at: None,
        };
        groups::store::follow(connection, &follower)?;
    }
    let answer = Answer {
        channel: id,
        follow: &activity.id,
        follower: &actor.id,
        inbox: &actor.inbox,
        agrees,
    };
    groups::federate::answer(ctx, connection, &answer)?;
    Ok(if agrees {
        Outcome::Accepted
    } else {
        Outcome::Rejected
    })
}

/// Whether one more may follow a channel, or somebody follows it already.
fn has_room(
    connection: &mut Connection,
    channel: ChannelId,
    user: &User,
) -> Result<bool, DatabaseError> {
    if groups::store::follower(connection, channel, user.id)?.is_some() {
        return Ok(true);
    }
    if groups::store::count(connection, channel)? >= MAX_FOLLOWERS {
        return Ok(false);
    }
    let domain = user.domain.as_deref().unwrap_or_default();
    let of_node = groups::store::count_of_node(connection, channel, domain)?;
    Ok(of_node < MAX_FOLLOWERS_OF_NODE)
}

fn is_ours(ctx: &Ctx, channel: &Channel) -> bool {
    channel.kind.is_group() && !is_mirror(ctx.origin(), channel)
}

/// Whether somebody is in the community of a channel, and sees it as a member.
fn sees(
    ctx: &Ctx,
    connection: &mut Connection,
    user: UserId,
    channel: ChannelId,
) -> Result<bool, DatabaseError> {
    let seen = access::see(connection, user, channel, ctx.now())?;
    Ok(seen.is_some_and(|seen| {
        let stands = seen.stands.as_ref();
        stands.is_some_and(|stands| stands.standing.is_member)
            && seen.permissions.contains(Permission::ReadHistory)
    }))
}

/// Takes in an `Undo` of a `Follow` of a channel by its follower; whether there was one.
///
/// # Errors
/// The database failed.
///
/// # Security
/// `undo` must have been proven to be `actor`'s: only what the actor follows itself ends.
pub fn receive_undo(
    ctx: &Ctx,
    connection: &mut Connection,
    (undo, actor): (&Activity, &Url),
) -> Result<bool, DatabaseError> {
    let Some(user) = remote(connection, actor)? else {
        return Ok(false);
    };
    let by_id = match undo.object_id() {
        Some(id) => groups::store::asked_by(connection, user, id.as_str())?,
        None => None,
    };
    let channel = match by_id {
        Some(follower) => Some(follower.channel_id),
        // Some servers lose or replace the id: then the Group tells which follow is meant.
        None => followed(undo).and_then(|group| channel_in(ctx.origin(), &group)),
    };
    match channel {
        Some(channel) => end(ctx, connection, channel, user),
        None => Ok(false),
    }
}

/// The Group of the `Follow` or `Join` inside an activity, when it is there whole.
fn followed(undo: &Activity) -> Option<Url> {
    let inner = undo.single_object().and_then(ObjectOrId::as_activity)?;
    let inner = inner.ok()?;
    let asks = matches!(inner.kind, ActivityKind::Follow | ActivityKind::Join);
    inner.object_id().filter(|_| asks).cloned()
}

/// Takes in that an actor leaves a channel; whether it was in it.
///
/// # Errors
/// The database failed.
///
/// # Security
/// As [`receive_undo`].
pub fn receive_leave(
    ctx: &Ctx,
    connection: &mut Connection,
    channel: ChannelId,
    actor: &Url,
) -> Result<bool, DatabaseError> {
    match remote(connection, actor)? {
        Some(user) => end(ctx, connection, channel, user),
        None => Ok(false),
    }
}

fn remote(connection: &mut Connection, actor: &Url) -> Result<Option<UserId>, DatabaseError> {
    let known = accounts::store::by_actor(connection, actor.as_str())?;
    Ok(known.filter(|user| !user.is_local()).map(|user| user.id))
}

/// Ends a follow; who follows nothing of a community any more is no longer in it.
fn end(
    ctx: &Ctx,
    connection: &mut Connection,
    id: ChannelId,
    user: UserId,
) -> Result<bool, DatabaseError> {
    let log = EventLog::begin(connection)?;
    if !groups::store::unfollow(connection, id, user)? {
        return Ok(false);
    }
    let Some(community) = store::by_id(connection, id)?.and_then(|it| it.community_id) else {
        return Ok(true);
    };
    if groups::store::followed_in(connection, community, user)?.is_empty()
        && let Some(community) = communities::store::by_id(connection, community)?
    {
        communities::remote::leave(ctx, connection, &log, &community, user)?;
    }
    Ok(true)
}
