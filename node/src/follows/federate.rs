//! Follows as activities: those sent, and those received under the inbox's transaction.
//!
//! Each answer or withdrawal is held against the stored follow: only the followee answers
//! it, only the follower takes it back.

use federation_core::Timestamp;
use federation_core::inbox::Verified;
use federation_core::outbox::sql::enqueue;
use federation_core::outbox::{Outgoing, Target};
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, ActivityKind, Actor, parse_id};
use url::Url;

use super::model::Follow;
use super::store;
use crate::accounts;
use crate::accounts::model::User;
use crate::base::ids::FollowId;
use crate::config::Origin;
use crate::platform::ctx::Ctx;

/// The id of the `Follow` of a member.
pub(super) fn follow_uri(origin: &Origin, id: FollowId) -> Url {
    origin.join(&format!("/follows/{id}"))
}

/// Queues the `Follow` that asks.
pub(super) fn send_follow(
    connection: &mut Connection,
    follow: &Follow,
    follower: &User,
    target: &Actor,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let activity = asked(follow, &follower.actor_uri, target.id.as_str())?;
    send(connection, &activity, target, now)
}

/// Queues the `Undo` that takes a `Follow` back.
pub(super) fn send_undo(
    connection: &mut Connection,
    origin: &Origin,
    follow: &Follow,
    follower: &User,
    target: &Actor,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let undone = asked(follow, &follower.actor_uri, target.id.as_str())?;
    let id = origin.join(&format!("/follows/{}/undo", follow.id));
    send(connection, &Activity::undo(id, &undone), target, now)
}

/// The stored follow as the activity that asked for it.
fn asked(follow: &Follow, follower: &str, target: &str) -> Result<Activity, DatabaseError> {
    match (
        parse_id(&follow.activity_id),
        parse_id(follower),
        parse_id(target),
    ) {
        (Some(id), Some(follower), Some(target)) => Ok(Activity::follow(id, follower, target)),
        _ => Err(DatabaseError::Malformed { what: "follow" }),
    }
}

/// Queues an activity for one actor; those between the same two keep their order.
fn send(
    connection: &mut Connection,
    activity: &Activity,
    recipient: &Actor,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let outgoing = Outgoing {
        activity_id: activity.id.clone(),
        actor_id: activity.actor.clone(),
        object_id: None,
        body: activity.to_value().to_string(),
        ordering_key: Some(format!("follow {} {}", activity.actor, recipient.id)),
        targets: vec![Target {
            inbox: recipient.inbox.clone(),
            recipients: vec![recipient.id.clone()],
        }],
    };
    enqueue(connection, &outgoing, now).map(drop)
}

/// Takes in a `Follow` of a member, and queues the `Accept`.
///
/// A second one by the same follower takes the place of the first and is accepted again: the
/// answer to the first may have been lost.
///
/// # Errors
/// The database failed.
pub fn receive_follow(
    connection: &mut Connection,
    ctx: &Ctx,
    verified: &Verified,
) -> Result<(), DatabaseError> {
    let now = ctx.now();
    let (activity, actor) = (verified.activity(), verified.actor());
    let Some(target) = local_object(connection, activity)? else {
        tracing::debug!(id = %activity.id, "a Follow of nobody here");
        return Ok(());
    };
    let person = accounts::federate::person(actor);
    let follower = accounts::store::upsert_remote(connection, &person, now)?;
    let known = accounts::store::by_id(connection, follower)?;
    if !known.is_some_and(|user| user.is_active()) {
        return Ok(());
    }
    match store::between(connection, follower, target.id)? {
        Some(follow) => store::ask_again(connection, follow.id, activity.id.as_str(), now)?,
        None => store::insert(
            connection,
            &Follow {
                id: FollowId::new(now),
                follower_id: follower,
                followee_id: target.id,
                activity_id: activity.id.to_string(),
                created_at: now.as_millis(),
                accepted_at: Some(now.as_millis()),
            },
        )?,
    }
    let Some(target) = parse_id(&target.actor_uri) else {
        return Err(DatabaseError::Malformed { what: "actor" });
    };
    let answered = Activity::follow(activity.id.clone(), actor.id.clone(), target.clone());
    let id = ctx
        .origin()
        .join(&format!("/accepts/{}", FollowId::new(now)));
    send(
        connection,
        &Activity::accept(id, target, &answered),
        actor,
        now,
    )
}

/// The member whom an activity is about.
fn local_object(
    connection: &mut Connection,
    activity: &Activity,
) -> Result<Option<User>, DatabaseError> {
    let Some(object) = activity.object_id() else {
        return Ok(None);
    };
    let found = accounts::store::by_actor(connection, object.as_str())?;
    Ok(found.filter(|user| user.is_local() && user.is_active()))
}

/// Takes in an `Accept` of a member's follow; whether it answered one.
///
/// # Errors
/// The database failed.
pub fn receive_accept(
    connection: &mut Connection,
    ctx: &Ctx,
    verified: &Verified,
) -> Result<bool, DatabaseError> {
    let Some(follow) = answered(connection, verified)? else {
        return Ok(false);
    };
    store::accept(connection, follow.id, ctx.now())?;
    Ok(true)
}

/// Takes in a `Reject` of a member's follow, also of one accepted before; whether it answered one.
///
/// # Errors
/// The database failed.
pub fn receive_reject(
    connection: &mut Connection,
    verified: &Verified,
) -> Result<bool, DatabaseError> {
    let Some(follow) = answered(connection, verified)? else {
        return Ok(false);
    };
    store::remove(connection, follow.id)?;
    Ok(true)
}

/// The stored follow that an answer is about: asked by a member, of the one who answers.
fn answered(
    connection: &mut Connection,
    verified: &Verified,
) -> Result<Option<Follow>, DatabaseError> {
    let answer = verified.activity();
    let Some(sender) = accounts::store::by_actor(connection, verified.actor().id.as_str())? else {
        return Ok(None);
    };
    if let Some(id) = answer.object_id()
        && let Some(follow) = store::asked_of(connection, sender.id, id.as_str())?
    {
        let follower = accounts::store::by_id(connection, follow.follower_id)?;
        let asked_here = follower.is_some_and(|user| user.is_local());
        return Ok(Some(follow).filter(|_| asked_here));
    }
    // Some servers lose or replace the id: then the two people tell which follow is meant.
    let Some(embedded) = embedded_follow(answer) else {
        return Ok(None);
    };
    if embedded.object_id() != Some(&verified.actor().id) {
        return Ok(None);
    }
    match accounts::store::by_actor(connection, embedded.actor.as_str())? {
        Some(follower) if follower.is_local() => store::between(connection, follower.id, sender.id),
        _ => Ok(None),
    }
}

/// Takes in an `Undo` of a follow by its follower; whether there was one.
///
/// # Errors
/// The database failed.
pub fn receive_undo(
    connection: &mut Connection,
    verified: &Verified,
) -> Result<bool, DatabaseError> {
    let undo = verified.activity();
    let Some(sender) = accounts::store::by_actor(connection, verified.actor().id.as_str())? else {
        return Ok(false);
    };
    let mut follow = match undo.object_id() {
        Some(id) => store::asked_by(connection, sender.id, id.as_str())?,
        None => None,
    };
    if follow.is_none()
        && let Some(embedded) = embedded_follow(undo)
        && embedded.actor == verified.actor().id
        && let Some(target) = local_object(connection, &embedded)?
    {
        follow = store::between(connection, sender.id, target.id)?;
    }
    let Some(follow) = follow else {
        return Ok(false);
    };
    store::remove(connection, follow.id)?;
    Ok(true)
}

/// The `Follow` inside an activity, when it is there whole.
fn embedded_follow(activity: &Activity) -> Option<Activity> {
    let read = activity.single_object()?.as_activity()?;
    read.ok().filter(|inner| inner.kind == ActivityKind::Follow)
}

/// Ends every follow by and of a person who is gone.
///
/// # Errors
/// The database failed.
pub fn receive_departure(
    connection: &mut Connection,
    verified: &Verified,
) -> Result<(), DatabaseError> {
    let gone = accounts::store::by_actor(connection, verified.actor().id.as_str())?;
    match gone {
        Some(user) if !user.is_local() => store::remove_all_of(connection, user.id).map(drop),
        _ => Ok(()),
    }
}
