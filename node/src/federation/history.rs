//! What was said in a channel of another node before a member of this one joined: read once from the
//! outbox of its Group, as far as the bounds reach.

use std::sync::Arc;
use std::time::Duration;

use federation_core::fetch::CollectionLimits;
use federation_core::store::sql::Connection;
use federation_core::vocab::{
    Activity, ActivityKind, Actor, ActorKind, Object, ObjectOrId, Value, same_origin,
};
use url::Url;

use super::Edge;
use crate::base::ids::ChannelId;
use crate::channels;
use crate::channels::structure::is_mirror;
use crate::messages::federate::group::{Announced, GroupNote, backfill, backfilled};
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// Messages that are fetched at most.
const MOST: usize = 500;
/// Pages that are read at most.
const PAGES: usize = 25;
/// How long one note of a third node is waited for.
const EACH: Duration = Duration::from_secs(10);

/// Fetches the history of a Group in the background, when a channel of this node stands for it.
pub(super) fn fetch(ctx: &Ctx, edge: &Edge, group: &Arc<Actor>) {
    if group.kind != ActorKind::Group {
        return;
    }
    // Each Group once in a while, and few at a time: an answer that comes again asks nothing again.
    let Some(place) = edge.comparisons().begin(&group.id) else {
        return;
    };
    let (held, edge, group) = (ctx.clone(), edge.clone(), Arc::clone(group));
    ctx.tasks().spawn(async move {
        let shutdown = held.tasks().shutdown().clone();
        let fetching = fill(&held, &edge, &group);
        match shutdown.run_until_cancelled(fetching).await {
            Some(Err(error)) => {
                tracing::info!(group = %group.id, %error, "the history of a channel was not fetched");
            }
            Some(Ok(taken)) => tracing::debug!(group = %group.id, taken, "fetched a history"),
            None => {}
        }
        drop(place);
    });
}

/// How many messages were taken in.
async fn fill(ctx: &Ctx, edge: &Edge, group: &Actor) -> Result<usize, ApiError> {
    let uri = group.id.to_string();
    let find = move |connection: &mut Connection| channels::store::by_actor(connection, &uri);
    let found = ctx.db().read(find).await?;
    let channel = found.filter(|channel| is_mirror(ctx.origin(), channel));
    let outbox = group.outbox.as_ref();
    let outbox = outbox.filter(|outbox| same_origin(outbox, &group.id));
    let (Some(channel), Some(outbox)) = (channel, outbox) else {
        return Ok(0);
    };
    let limits = CollectionLimits::new(PAGES, MOST);
    let read = edge.directory().collection(outbox, limits).await;
    let read = read.map_err(ApiError::internal)?;
    let mut taken = 0;
    let mut done = Ok(());
    for entry in read.items {
        match one(ctx, edge, (channel.id, group), &entry).await {
            Ok(true) => taken += 1,
            Ok(false) => {}
            Err(error) => {
                done = Err(error);
                break;
            }
        }
    }
    // Also what came before a failure is there to be read.
    if taken > 0 {
        let (held, channel) = (ctx.clone(), channel.id);
        let tell = move |connection: &mut Connection| backfilled(&held, connection, channel);
        ctx.db().write(tell).await?;
    }
    done.map(|()| taken)
}

/// Takes in one entry; whether there was something new in it.
async fn one(
    ctx: &Ctx,
    edge: &Edge,
    (channel, group): (ChannelId, &Actor),
    entry: &ObjectOrId,
) -> Result<bool, ApiError> {
    let Some(Ok(announce)) = entry.as_activity() else {
        return Ok(false);
    };
    if announce.kind != ActivityKind::Announce || announce.actor != group.id {
        return Ok(false);
    }
    let at = Announced::of(channel, &announce, ctx.now());
    let Some((note, author)) = note_of(ctx, edge, &announce, &group.id).await else {
        return Ok(false);
    };
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        backfill(&held, connection, at, (&note, author.as_ref()))
    };
    let taken = ctx.db().write(write).await?;
    Ok(taken.is_ok())
}

/// The note of an entry, with its author.
///
/// # Security
/// A copy counts when it is of the Group's own node; every other note is fetched from its own.
async fn note_of(
    ctx: &Ctx,
    edge: &Edge,
    announce: &Activity,
    group: &Url,
) -> Option<(GroupNote, Arc<Actor>)> {
    let inner = announce.single_object()?;
    let copy = match inner.as_activity() {
        // Groups of other software announce activities here too.
        Some(Ok(create)) if create.kind == ActivityKind::Create => create.single_object().cloned(),
        _ => Some(inner.clone()),
    }?;
    let id = copy.id()?.clone();
    if ctx.origin().owns(&id) {
        return None;
    }
    let object = match copy.as_object().filter(|_| same_origin(&id, group)) {
        Some(object) => object.clone(),
        None => {
            let fetching = tokio::time::timeout(EACH, edge.directory().document(&id));
            let found = fetching.await.ok()?.ok()?;
            if found.id != id {
                return None;
            }
            Object::from_value(Value::Object(found.map)).ok()?
        }
    };
    let [author] = object.attributed_to.as_slice() else {
        return None;
    };
    if !same_origin(author, &id) || ctx.origin().owns(author) {
        return None;
    }
    let finding = tokio::time::timeout(EACH, edge.directory().actor(author));
    let author = finding.await.ok()?.ok()?;
    let limits = &ctx.config().limits;
    let note = GroupNote::of(&object, &author, ctx.origin(), limits).ok()?;
    // A note says itself for which Group it is.
    let lists = [&object.audience, &object.to, &object.cc];
    let is_for = lists.into_iter().flatten().any(|named| named == group);
    is_for.then_some((note, author))
}
