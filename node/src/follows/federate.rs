//! Follows as activities: those sent, and those received under the inbox's transaction.
//!
//! Each answer or withdrawal is held against the stored follow: only the followee answers
//! it, only the follower takes it back.

use federation_core::Timestamp;
use federation_core::followers::Reconciliation;
use federation_core::inbox::Verified;
use federation_core::inbox::ownership::{self, StoredActivity};
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
use crate::blocks;
use crate::config::Origin;
use crate::notifications;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

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
    let (log, now) = (EventLog::begin(connection)?, ctx.now());
    let (activity, actor) = (verified.activity(), verified.actor());
    let Some(target) = local_object(connection, activity)? else {
        tracing::debug!(id = %activity.id, "a Follow of nobody here");
        return Ok(());
    };
    let person = accounts::federate::person(actor);
    let follower = accounts::store::upsert_remote(connection, &person, now)?;
    let known = accounts::store::by_id(connection, follower)?;
    let Some(known) = known.filter(User::is_active) else {
        return Ok(());
    };
    if blocks::store::is_blocked(connection, target.id, follower)? {
        // Neither agreed to nor refused: that would tell of the block.
        return Ok(());
    }
    if let Some(follow) = store::between(connection, follower, target.id)? {
        store::ask_again(connection, follow.id, activity.id.as_str(), now)?;
    } else {
        let follow = Follow {
            id: FollowId::new(now),
            follower_id: follower,
            followee_id: target.id,
            activity_id: activity.id.to_string(),
            created_at: now.as_millis(),
            accepted_at: Some(now.as_millis()),
        };
        store::insert(connection, &follow)?;
        notifications::of_follow(ctx, connection, &log, &known, target.id)?;
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
    let by_id = match answer.object_id() {
        Some(id) => store::asked_of(connection, sender.id, id.as_str())?,
        None => None,
    };
    // Some servers lose or replace the id: then the two people tell which follow is meant.
    let found = match (by_id, embedded_follow(answer)) {
        (None, Some(embedded)) => {
            match accounts::store::by_actor(connection, embedded.actor.as_str())? {
                Some(follower) => store::between(connection, follower.id, sender.id)?,
                None => None,
            }
        }
        (by_id, _) => by_id,
    };
    let Some(follow) = found else {
        return Ok(None);
    };
    let Some(follower) = accounts::store::by_id(connection, follow.follower_id)? else {
        return Ok(None);
    };
    if !follower.is_local() {
        return Ok(None);
    }
    let asked = asked(&follow, &follower.actor_uri, &sender.actor_uri)?;
    let judged = as_stored(&asked, |stored| ownership::answer(verified, Some(stored)));
    Ok(judged
        .is_some_and(|judged| judged.is_ok())
        .then_some(follow))
}

/// A follow as the rules of ownership see it.
fn as_stored<T>(follow: &Activity, judge: impl FnOnce(&StoredActivity<'_>) -> T) -> Option<T> {
    Some(judge(&StoredActivity {
        id: &follow.id,
        kind: &follow.kind,
        actor: &follow.actor,
        object: follow.object_id()?,
    }))
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
    let by_id = match undo.object_id() {
        Some(id) => store::asked_by(connection, sender.id, id.as_str())?,
        None => None,
    };
    let found = match (by_id, embedded_follow(undo)) {
        (None, Some(embedded)) => match local_object(connection, &embedded)? {
            Some(target) => store::between(connection, sender.id, target.id)?,
            None => None,
        },
        (by_id, _) => by_id,
    };
    let Some(follow) = found else {
        return Ok(false);
    };
    let Some(target) = accounts::store::by_id(connection, follow.followee_id)? else {
        return Ok(false);
    };
    let done = asked(&follow, &sender.actor_uri, &target.actor_uri)?;
    let judged = as_stored(&done, |stored| ownership::undo(verified, Some(stored)));
    if judged.is_none_or(|judged| judged.is_err()) {
        return Ok(false);
    }
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

/// Follows that one comparison takes back at most: a list that names every member must not make
/// this node send to its author without end.
const TAKEN_BACK_AT_ONCE: usize = 20;

/// Takes over what a comparison with the followers of `sender` has shown (FEP-8fcf); how many
/// follows changed.
///
/// Follows made after `before` are left alone: the list may be older than they are.
///
/// # Errors
/// The database failed.
pub fn receive_comparison(
    connection: &mut Connection,
    ctx: &Ctx,
    sender: &Actor,
    change: &Reconciliation,
    before: Timestamp,
) -> Result<usize, DatabaseError> {
    let now = ctx.now();
    let Some(followee) = accounts::store::by_actor(connection, sender.id.as_str())? else {
        return Ok(0);
    };
    if followee.suspended_at.is_some() {
        // What it sends has no effect, and this is something it sends.
        return Ok(0);
    }
    let (mut changed, mut taken_back) = (0, 0);
    for member in &change.ended {
        let Some(follow) = follow_of(connection, member, &followee)? else {
            continue;
        };
        let old = follow
            .accepted_at
            .is_some_and(|accepted| accepted < before.as_millis());
        if old {
            store::remove(connection, follow.id)?;
            changed += 1;
        }
    }
    for member in &change.unknown {
        match follow_of(connection, member, &followee)? {
            Some(follow) if follow.accepted_at.is_none() => {
                store::accept(connection, follow.id, now)?;
                changed += 1;
            }
            Some(_) => {}
            // What is left over is taken back after the next comparison.
            None if taken_back >= TAKEN_BACK_AT_ONCE => {}
            None => {
                let known = accounts::store::by_actor(connection, member.as_str())?;
                if let Some(user) = known.filter(User::is_local) {
                    take_back(connection, ctx.origin(), &user, sender, now)?;
                    taken_back += 1;
                    changed += 1;
                }
            }
        }
    }
    Ok(changed)
}

/// The follow of a member that a list names.
fn follow_of(
    connection: &mut Connection,
    member: &Url,
    followee: &User,
) -> Result<Option<Follow>, DatabaseError> {
    let known = accounts::store::by_actor(connection, member.as_str())?;
    match known.filter(User::is_local) {
        Some(user) => store::between(connection, user.id, followee.id),
        None => Ok(None),
    }
}

/// Tells the other node that a follow which it knows of is none.
fn take_back(
    connection: &mut Connection,
    origin: &Origin,
    member: &User,
    followed: &Actor,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let Some(actor) = parse_id(&member.actor_uri) else {
        return Err(DatabaseError::Malformed { what: "actor" });
    };
    let id = FollowId::new(now);
    let unknown = Activity::follow(follow_uri(origin, id), actor, followed.id.clone());
    let undo = Activity::undo(origin.join(&format!("/follows/{id}/undo")), &unknown);
    send(connection, &undo, followed, now)
}
