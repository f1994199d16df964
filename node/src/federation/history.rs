//! What was said in a channel of another node before a member of this one joined: read from the outbox
//! of its Group when a member comes in, as far as the bounds reach.

use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use federation_core::fetch::CollectionLimits;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{
    Activity, ActivityKind, Actor, ActorKind, Object, ObjectOrId, Value, same_origin,
};
use moka::sync::Cache;
use tokio::sync::Semaphore;
use url::Url;

use super::Edge;
use crate::base::ids::ChannelId;
use crate::channels;
use crate::channels::structure::is_mirror;
use crate::groups;
use crate::messages::federate::group::{Announced, GroupNote, backfill, backfilled};
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// Messages that are fetched at most.
const MOST: usize = 500;
/// Pages that are read at most.
const PAGES: usize = 25;
/// How long the node of one note or author is waited for; shorter than a connection may take, so that
/// one that is not there is known by it.
const EACH: Duration = Duration::from_secs(4);
/// How long the history of one Group may take.
const WHOLE: Duration = Duration::from_mins(5);
/// Histories that are fetched at the same time.
const AT_ONCE: usize = 4;
/// How long the history of a Group is not fetched again.
const EVERY: Duration = Duration::from_mins(10);
/// Groups that are remembered at most.
const MAX_GROUPS: u64 = 10_000;

/// Which histories are fetched, or were a while ago, and how many at a time (I11).
pub(super) struct Histories {
    asked: Cache<Url, ()>,
    places: Semaphore,
}

impl Histories {
    /// Whether the history of a Group is to be fetched now.
    fn begin(&self, group: &Url) -> bool {
        self.asked.entry(group.clone()).or_insert(()).is_fresh()
    }

    /// Lets the history of a Group be fetched again when the next member comes in.
    fn give_up(&self, group: &Url) {
        self.asked.invalidate(group);
    }
}

impl Default for Histories {
    fn default() -> Self {
        Self {
            asked: Cache::builder()
                .max_capacity(MAX_GROUPS)
                .time_to_live(EVERY)
                .build(),
            places: Semaphore::new(AT_ONCE),
        }
    }
}

impl fmt::Debug for Histories {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Histories").finish_non_exhaustive()
    }
}

/// Fetches the history of a Group in the background, once a member of this node has come into it.
pub(super) fn fetch(ctx: &Ctx, edge: &Edge, group: &Arc<Actor>) {
    if group.kind != ActorKind::Group || !edge.histories().begin(&group.id) {
        return;
    }
    let (held, edge, group) = (ctx.clone(), edge.clone(), Arc::clone(group));
    ctx.tasks().spawn(async move {
        let shutdown = held.tasks().shutdown().clone();
        let fetching = Box::pin(in_turn(&held, &edge, &group));
        match shutdown.run_until_cancelled(fetching).await {
            Some(Err(error)) => {
                edge.histories().give_up(&group.id);
                tracing::info!(group = %group.id, %error, "the history of a channel was not fetched");
            }
            Some(Ok(taken)) => tracing::debug!(group = %group.id, taken, "fetched a history"),
            None => {}
        }
    });
}

/// Waits for its turn.
async fn in_turn(ctx: &Ctx, edge: &Edge, group: &Actor) -> Result<usize, ApiError> {
    let place = edge.histories().places.acquire().await;
    let _place = place.map_err(ApiError::internal)?;
    fill(ctx, edge, group).await
}

/// How many messages were taken in.
async fn fill(ctx: &Ctx, edge: &Edge, group: &Actor) -> Result<usize, ApiError> {
    let uri = group.id.to_string();
    let find = move |connection: &mut Connection| {
        let found = channels::store::by_actor(connection, &uri)?;
        let joined = match &found {
            Some(channel) => groups::store::is_joined(connection, channel.id)?,
            None => false,
        };
        Ok::<_, DatabaseError>(found.filter(|_| joined))
    };
    let found = ctx.db().read(find).await?;
    let channel = found.filter(|channel| is_mirror(ctx.origin(), channel));
    let outbox = group.outbox.as_ref();
    let outbox = outbox.filter(|outbox| same_origin(outbox, &group.id));
    let (Some(channel), Some(outbox)) = (channel, outbox) else {
        return Ok(0);
    };
    let mut taken = 0;
    let reading = read_all(ctx, edge, (channel.id, group, outbox), &mut taken);
    let read = tokio::time::timeout(WHOLE, reading).await;
    let done = read.unwrap_or_else(|_elapsed| {
        let detail = "the history of the channel takes too long";
        Err(ApiError::unavailable(detail, EVERY))
    });
    // Also what came before a failure is there to be read.
    if taken > 0 {
        let (held, channel) = (ctx.clone(), channel.id);
        let tell = move |connection: &mut Connection| backfilled(&held, connection, channel);
        ctx.db().write(tell).await?;
    }
    done.map(|()| taken)
}

/// Takes in what an outbox shows, and counts it.
async fn read_all(
    ctx: &Ctx,
    edge: &Edge,
    (channel, group, outbox): (ChannelId, &Actor, &Url),
    taken: &mut usize,
) -> Result<(), ApiError> {
    let limits = CollectionLimits::new(PAGES, MOST);
    let read = edge.directory().collection(outbox, limits).await;
    let read = read.map_err(ApiError::internal)?;
    let mut silent = Silent::default();
    for entry in read.items {
        if one(ctx, edge, (channel, group), &entry, &mut silent).await? {
            *taken = taken.saturating_add(1);
        }
    }
    Ok(())
}

/// Servers that did not answer in time, and are asked nothing more.
#[derive(Debug, Default)]
struct Silent(HashSet<String>);

impl Silent {
    /// What the server of `id` answers, when it does.
    async fn ask<T: Send, E: Send>(
        &mut self,
        id: &Url,
        asking: impl Future<Output = Result<T, E>> + Send,
    ) -> Option<T> {
        let server = id.origin().ascii_serialization();
        if self.0.contains(&server) {
            return None;
        }
        let answer = tokio::time::timeout(EACH, asking).await;
        if answer.is_err() {
            self.0.insert(server);
        }
        answer.ok()?.ok()
    }
}

/// Takes in one entry; whether there was something new in it.
async fn one(
    ctx: &Ctx,
    edge: &Edge,
    (channel, group): (ChannelId, &Actor),
    entry: &ObjectOrId,
    silent: &mut Silent,
) -> Result<bool, ApiError> {
    let Some(Ok(announce)) = entry.as_activity() else {
        return Ok(false);
    };
    if announce.kind != ActivityKind::Announce || announce.actor != group.id {
        return Ok(false);
    }
    let at = Announced::of(channel, &announce, ctx.now());
    let Some((note, author)) = note_of(ctx, edge, (&announce, &group.id), silent).await else {
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
    (announce, group): (&Activity, &Url),
    silent: &mut Silent,
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
    let object = if let Some(object) = copy.as_object().filter(|_| same_origin(&id, group)) {
        object.clone()
    } else {
        let fetching = edge.directory().document(&id);
        let found = silent.ask(&id, fetching).await?;
        if found.id != id {
            return None;
        }
        Object::from_value(Value::Object(found.map)).ok()?
    };
    let [author] = object.attributed_to.as_slice() else {
        return None;
    };
    if !same_origin(author, &id) || ctx.origin().owns(author) {
        return None;
    }
    let finding = edge.directory().actor(author);
    let author = silent.ask(author, finding).await?;
    let limits = &ctx.config().limits;
    let note = GroupNote::of(&object, &author, ctx.origin(), limits).ok()?;
    // A note says itself for which Group it is.
    let lists = [&object.audience, &object.to, &object.cc];
    let is_for = lists.into_iter().flatten().any(|named| named == group);
    is_for.then_some((note, author))
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::future::{pending, ready};

    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn a_history_is_fetched_once_in_a_while_and_again_when_that_failed() {
        let histories = Histories::default();
        let groups: Vec<Url> = (0..AT_ONCE + 2)
            .map(|n| url(&format!("https://there.example/{n}")))
            .collect();
        // None is left out for others that are under way.
        assert!(groups.iter().all(|group| histories.begin(group)));
        assert!(!groups.iter().any(|group| histories.begin(group)));
        histories.give_up(&groups[0]);
        assert!(histories.begin(&groups[0]));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_silent_once_is_asked_nothing_more() {
        let mut silent = Silent::default();
        let id = url("https://there.example/notes/1");
        let answer = silent.ask(&id, pending::<Result<(), Infallible>>()).await;
        assert_eq!(answer, None);
        let other = url("https://there.example/notes/2");
        let answer = silent.ask(&other, ready(Ok::<_, Infallible>(1))).await;
        assert_eq!(answer, None);
        let third = url("https://third.example/notes/2");
        let answer = silent.ask(&third, ready(Ok::<_, Infallible>(1))).await;
        assert_eq!(answer, Some(1));
        let answer = silent.ask(&third, ready(Err::<u8, _>("gone"))).await;
        assert_eq!(answer, None);
        let answer = silent.ask(&third, ready(Ok::<_, Infallible>(1))).await;
        assert_eq!(answer, Some(1));
    }
}
