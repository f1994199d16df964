//! What members of this node do in channels that reach other nodes: announced by the Group here, or
//! sent to the Group that is elsewhere.

use federation_core::Timestamp;
use federation_core::outbox::sql::{cancel_for_object, enqueue};
use federation_core::outbox::{Outgoing, plan_targets};
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, Object};
use url::Url;

use super::announce::{Does, Passed, announce, remove};
use super::note::{Group, build, is_ours};
use super::prove::prove;
use crate::accounts;
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, RequestId};
use crate::channels;
use crate::groups;
use crate::messages::federate::note::{Post, url};
use crate::messages::federate::outgoing::deliver_body;
use crate::messages::model::Message;
use crate::messages::wire::DeliveryView;
use crate::platform::ctx::Ctx;

/// A member said something.
pub(in crate::messages::federate) fn created(
    ctx: &Ctx,
    connection: &mut Connection,
    post: &Post<'_>,
) -> Result<Vec<DeliveryView>, DatabaseError> {
    said(
        ctx,
        connection,
        post,
        ("create", Activity::create, Does::Create),
    )
}

/// A member changed what they said.
pub(in crate::messages::federate) fn updated(
    ctx: &Ctx,
    connection: &mut Connection,
    post: &Post<'_>,
) -> Result<Vec<DeliveryView>, DatabaseError> {
    let rest = format!("updates/{}", RequestId::new(ctx.now()));
    said(
        ctx,
        connection,
        post,
        (&rest, Activity::update, Does::Update),
    )
}

/// The end of an activity's id, what makes the activity of id, actor and note, and what it does.
type Telling<'a> = (&'a str, fn(Url, Url, Object) -> Activity, Does);

/// Tells what a message says.
fn said(
    ctx: &Ctx,
    connection: &mut Connection,
    post: &Post<'_>,
    (rest, make, does): Telling<'_>,
) -> Result<Vec<DeliveryView>, DatabaseError> {
    let Some(group) = reached(ctx, connection, post.message.channel_id)? else {
        return Ok(Vec::new());
    };
    let said = (post.message, post.author);
    let note = build(connection, ctx.origin(), &group, said)?;
    let id = url(&format!("{}/{rest}", post.message.uri))?;
    let activity = make(id, url(&post.author.actor_uri)?, note);
    tell(ctx, connection, (&group, post), &activity, does)
}

/// A message is gone: by its author, or by somebody who may do that here.
pub(in crate::messages::federate) fn deleted(
    ctx: &Ctx,
    connection: &mut Connection,
    post: &Post<'_>,
) -> Result<(), DatabaseError> {
    // Also where nothing is announced any more: what was public is with others.
    let Some(group) = group_of(ctx, connection, post.message.channel_id)? else {
        return Ok(());
    };
    let uri = url(&post.message.uri)?;
    cancel_for_object(connection, &uri, ctx.now(), None)?;
    if !is_ours(ctx.origin(), &post.message.uri) {
        if group.is_mirror {
            // Not for this node to say.
            return Ok(());
        }
        return remove(ctx, connection, (&group, post.message), None);
    }
    let activity = deletion(&group, (post.message, post.author), ctx.now())?;
    if !group.is_public {
        return remove(ctx, connection, (&group, post.message), Some(&activity));
    }
    if !group.is_mirror && !groups::store::has_followers(connection, post.message.channel_id)? {
        return Ok(());
    }
    tell(ctx, connection, (&group, post), &activity, Does::Delete).map(drop)
}

/// The `Delete` of a message of this node by its author.
pub(super) fn deletion(
    group: &Group,
    (message, author): (&Message, &User),
    now: Timestamp,
) -> Result<Activity, DatabaseError> {
    let (to, mut cc) = group.audience();
    cc.push(group.id.clone());
    let id = url(&format!("{}/delete", message.uri))?;
    let (actor, uri) = (url(&author.actor_uri)?, url(&message.uri)?);
    let mut activity = Activity::delete(id, actor, Object::tombstone(uri))
        .addressed_to(to, cc)
        .published_at(now);
    activity.audience = vec![group.id.clone()];
    Ok(activity)
}

/// A member put an emoji on a message, or took it off; whether anybody is told. Software that does not
/// read groups is not.
pub(in crate::messages) fn reacted(
    ctx: &Ctx,
    connection: &mut Connection,
    (message, actor): (&Message, &User),
    activity: Activity,
) -> Result<bool, DatabaseError> {
    let Some(group) = reached(ctx, connection, message.channel_id)? else {
        return Ok(false);
    };
    let (to, mut cc) = group.audience();
    cc.push(group.id.clone());
    let mut activity = activity.addressed_to(to, cc);
    activity.audience = vec![group.id.clone()];
    let (now, author) = (ctx.now(), actor.actor_uri.as_str());
    let proven = prove(ctx, connection, activity.to_value(), author, now)?;
    if !group.is_mirror {
        let passed = Passed {
            activity: proven,
            does: Does::React,
            local_actor: Some(activity.actor),
        };
        announce(ctx, connection, (&group, message), passed)?;
        return Ok(true);
    }
    let Some(known) = accounts::store::by_actor(connection, group.id.as_str())? else {
        return Ok(false);
    };
    let actors = accounts::federate::documents(connection, &[&known])?;
    let outgoing = Outgoing {
        activity_id: activity.id,
        actor_id: activity.actor,
        object_id: Some(url(&message.uri)?),
        body: proven.to_string(),
        ordering_key: Some(message.channel_id.to_string()),
        targets: plan_targets(actors.values(), false),
    };
    if outgoing.targets.is_empty() {
        return Ok(false);
    }
    enqueue(connection, &outgoing, now)?;
    Ok(true)
}

/// The Group of a channel about which other nodes are told.
fn reached(
    ctx: &Ctx,
    connection: &mut Connection,
    channel: ChannelId,
) -> Result<Option<Group>, DatabaseError> {
    let Some(channel) = channels::store::by_id(connection, channel)? else {
        return Ok(None);
    };
    let is_reached = channel.community_id.is_some()
        && (channels::structure::is_mirror(ctx.origin(), &channel)
            || groups::store::has_followers(connection, channel.id)?);
    if !is_reached {
        return Ok(None);
    }
    let group = Group::of(ctx, connection, &channel)?;
    Ok(group.filter(|group| group.is_public))
}

/// The Group that a channel is, whoever may read it.
fn group_of(
    ctx: &Ctx,
    connection: &mut Connection,
    channel: ChannelId,
) -> Result<Option<Group>, DatabaseError> {
    match channels::store::by_id(connection, channel)? {
        Some(channel) => Group::of(ctx, connection, &channel),
        None => Ok(None),
    }
}

fn tell(
    ctx: &Ctx,
    connection: &mut Connection,
    (group, post): (&Group, &Post<'_>),
    activity: &Activity,
    does: Does,
) -> Result<Vec<DeliveryView>, DatabaseError> {
    // Everybody may read it, so everybody may see whose it is.
    let author = post.author.actor_uri.as_str();
    let proven = prove(ctx, connection, activity.to_value(), author, ctx.now())?;
    if !group.is_mirror {
        let passed = Passed {
            activity: proven,
            does,
            local_actor: Some(activity.actor.clone()),
        };
        announce(ctx, connection, (group, post.message), passed)?;
        return Ok(Vec::new());
    }
    let Some(known) = accounts::store::by_actor(connection, group.id.as_str())? else {
        return Ok(Vec::new());
    };
    let members = [post.author.clone(), known];
    let post = Post {
        message: post.message,
        author: post.author,
        members: &members,
        forwarded: post.forwarded,
    };
    deliver_body(ctx, connection, &post, activity, proven.to_string())
}
