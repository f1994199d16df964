//! From a change to the deliveries that carry it, in the transaction of the change (I6).

use diesel::dsl::{exists, not};
use diesel::prelude::*;
use federation_core::outbox::sql::{cancel_for_object, enqueue};
use federation_core::outbox::{Outgoing, plan_targets};
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, Object};
use url::Url;

use super::group;
use super::note::{self, Post, url};
use crate::accounts;
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, RequestId};
use crate::messages::model::{FAILED, QUEUED, Recipient};
use crate::messages::store;
use crate::messages::wire::DeliveryView;
use crate::platform::ctx::Ctx;
use crate::platform::db::schema::{channel_members, remote_actors, users};

/// Sends a new message to the nodes of the other members.
pub(in crate::messages) fn send_create(
    ctx: &Ctx,
    connection: &mut Connection,
    post: &Post<'_>,
    answers: Option<&str>,
) -> Result<Vec<DeliveryView>, DatabaseError> {
    if remote(post).next().is_none() {
        return group::created(ctx, connection, post);
    }
    let note = note::build(connection, ctx.origin(), post, answers)?;
    let id = activity_id(post, "create")?;
    deliver(
        ctx,
        connection,
        post,
        &Activity::create(id, url(&post.author.actor_uri)?, note),
    )
}

/// Sends the changed message, whole.
pub(in crate::messages) fn send_update(
    ctx: &Ctx,
    connection: &mut Connection,
    post: &Post<'_>,
    answers: Option<&str>,
) -> Result<Vec<DeliveryView>, DatabaseError> {
    if remote(post).next().is_none() {
        return group::updated(ctx, connection, post);
    }
    let note = note::build(connection, ctx.origin(), post, answers)?;
    let id = activity_id(post, &format!("updates/{}", RequestId::new(ctx.now())))?;
    deliver(
        ctx,
        connection,
        post,
        &Activity::update(id, url(&post.author.actor_uri)?, note),
    )
}

/// Tells the nodes of the other members that the message is gone, after taking back what of it
/// has not left yet.
pub(in crate::messages) fn send_delete(
    ctx: &Ctx,
    connection: &mut Connection,
    post: &Post<'_>,
) -> Result<(), DatabaseError> {
    if !post.author.is_local() || remote(post).next().is_none() {
        return group::deleted(ctx, connection, post);
    }
    let to = post
        .members
        .iter()
        .filter(|member| member.id != post.author.id);
    let to: Result<Vec<Url>, _> = to.map(|member| url(&member.actor_uri)).collect();
    let uri = url(&post.message.uri)?;
    cancel_for_object(connection, &uri, ctx.now(), None)?;
    let tombstone = Object::tombstone(uri);
    let id = activity_id(post, "delete")?;
    let activity = Activity::delete(id, url(&post.author.actor_uri)?, tombstone)
        .addressed_to(to?, Vec::new())
        .published_at(ctx.now());
    deliver(ctx, connection, post, &activity)?;
    Ok(())
}

/// Members of other nodes that can still get something.
fn remote<'a>(post: &Post<'a>) -> impl Iterator<Item = &'a User> + use<'a> {
    post.members
        .iter()
        .filter(|member| !member.is_local() && member.deleted_at.is_none())
}

/// Activities about a message have ids below its own, so that `settled` finds the message.
fn activity_id(post: &Post<'_>, name: &str) -> Result<Url, DatabaseError> {
    url(&format!("{}/{name}", post.message.uri))
}

fn deliver(
    ctx: &Ctx,
    connection: &mut Connection,
    post: &Post<'_>,
    activity: &Activity,
) -> Result<Vec<DeliveryView>, DatabaseError> {
    deliver_body(
        ctx,
        connection,
        post,
        activity,
        activity.to_value().to_string(),
    )
}

/// The same, with the document as it is to be sent.
pub(super) fn deliver_body(
    ctx: &Ctx,
    connection: &mut Connection,
    post: &Post<'_>,
    activity: &Activity,
    body: String,
) -> Result<Vec<DeliveryView>, DatabaseError> {
    let now = ctx.now();
    let people: Vec<&User> = remote(post).collect();
    let actors = accounts::federate::documents(connection, &people)?;
    let outgoing = Outgoing {
        activity_id: activity.id.clone(),
        actor_id: activity.actor.clone(),
        object_id: Some(url(&post.message.uri)?),
        body,
        ordering_key: Some(post.message.channel_id.to_string()),
        targets: plan_targets(actors.values(), false),
    };
    if !outgoing.targets.is_empty() {
        enqueue(connection, &outgoing, now)?;
    }
    let recipient = |user: &&User| {
        let reachable = actors.contains_key(&user.actor_uri);
        Recipient {
            message_id: post.message.id,
            user_id: user.id,
            activity_id: activity.id.to_string(),
            state: if reachable { QUEUED } else { FAILED }.to_owned(),
            reason: (!reachable).then(|| "no inbox of this person is known".to_owned()),
            updated_at: now.as_millis(),
        }
    };
    let recipients: Vec<Recipient> = people.iter().map(recipient).collect();
    store::set_recipients(connection, post.message.id, &recipients)?;
    let view =
        |(recipient, user): (&Recipient, &&User)| DeliveryView::new(recipient, user, ctx.origin());
    Ok(recipients.iter().zip(&people).map(view).collect())
}

/// Members of other nodes whose documents are not stored, so that nobody knows their inbox.
pub(in crate::messages) fn strangers(
    connection: &mut Connection,
    channel: ChannelId,
) -> Result<Vec<Url>, DatabaseError> {
    let known = remote_actors::table.filter(remote_actors::id.eq(users::actor_uri));
    let actors: Vec<String> = channel_members::table
        .inner_join(users::table)
        .filter(channel_members::channel_id.eq(channel))
        .filter(users::domain.is_not_null())
        .filter(users::deleted_at.is_null())
        .filter(not(exists(known)))
        .select(users::actor_uri)
        .load(connection)?;
    actors.iter().map(|actor| url(actor)).collect()
}
