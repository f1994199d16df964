//! Threads: opening and listing them, and what they may be called.

use std::fmt;

use federation_core::store::sql::Connection;

use super::actions::community_of;
use super::store;
use super::wire::{NewThread, SeenChannel};
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, UserId};
use crate::base::permission::{Permission, Permissions};
use crate::channels::access::{self, Seen};
use crate::channels::model::{Channel, ChannelKind, actor_of};
use crate::channels::wire::ChannelView;
use crate::communities::error::CommunityError;
use crate::communities::model;
use crate::platform::ctx::Ctx;
use crate::platform::events::{Effect, EventLog, NewEvent, Topic};
use crate::platform::http::error::ApiError;

/// Threads of one community at most (I11).
const MAX_THREADS: i64 = 5000;

/// Says what threads may be called; the rules of what may be written stand above channels.
pub trait Naming: fmt::Debug + Send + Sync {
    /// Goes on only when somebody may have this read in or above a channel; to be asked in the
    /// transaction that writes it.
    ///
    /// # Errors
    /// A rule refuses it, or the database failed.
    fn allow(
        &self,
        ctx: &Ctx,
        connection: &mut Connection,
        seen: &Seen,
        said: (UserId, &str),
    ) -> Result<(), ApiError>;
}

/// Goes on only when a thread may be called and described so. Whoever looks after the threads there
/// is not judged, nor are channels, which only they make who look after those.
pub(super) fn judge(
    ctx: &Ctx,
    connection: &mut Connection,
    naming: &dyn Naming,
    (seen, me): (&Seen, UserId),
    thread: &Channel,
) -> Result<(), CommunityError> {
    if thread.kind != ChannelKind::Thread || seen.permissions.contains(Permission::ManageThreads) {
        return Ok(());
    }
    let texts = [thread.name.as_deref(), thread.topic.as_deref()];
    let texts: Vec<&str> = texts.into_iter().flatten().collect();
    Ok(naming.allow(ctx, connection, seen, (me, &texts.join("\n")))?)
}

/// Opens a thread; to be run in a transaction.
pub(super) fn open_thread(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    (me, naming): (&Acting, &dyn Naming),
    parent: ChannelId,
    new: &NewThread,
) -> Result<ChannelView, CommunityError> {
    let now = ctx.now();
    let seen = access::require(connection, me.id, parent, now)?;
    let id = community_of(&seen)?;
    let kind = seen.channel.kind;
    if !matches!(kind, ChannelKind::Text | ChannelKind::Announcement) {
        let place = "Threads are opened in text and announcement channels.";
        return Err(CommunityError::InvalidPlace(place));
    }
    seen.needs(Permission::CreateThreads)?;
    if store::count(connection, id, true)? >= MAX_THREADS {
        let (what, most) = ("threads", MAX_THREADS);
        return Err(CommunityError::TooMany { what, most });
    }
    let thread_id = ChannelId::new(now);
    let thread = Channel {
        kind: ChannelKind::Thread,
        name: Some(model::name(&new.name)?),
        community_id: Some(id),
        parent_id: Some(parent),
        actor_uri: Some(actor_of(ctx.origin(), thread_id)),
        created_by: Some(me.id),
        ..Channel::conversation(thread_id, now.as_millis())
    };
    judge(ctx, connection, naming, (&seen, me.id), &thread)?;
    store::insert(connection, &thread)?;
    let view = ChannelView::new(&thread, &[], ctx.origin());
    // Whoever sees the channel sees its threads.
    let event = NewEvent {
        topic: Topic::Channel(parent),
        op: "channel.created",
        effect: Some(Effect::Join(Topic::Channel(thread_id))),
        subject: None,
    };
    log.append(connection, &event, &view, now)?;
    Ok(view)
}

/// The threads of a channel, newest first.
pub(super) async fn threads(
    ctx: &Ctx,
    me: UserId,
    parent: ChannelId,
) -> Result<Vec<SeenChannel>, CommunityError> {
    let (held, now) = (ctx.clone(), ctx.now());
    ctx.db()
        .read(move |connection| {
            let seen = access::require(connection, me, parent, now)?;
            let (Some(id), Some(stands)) = (seen.channel.community_id, &seen.stands) else {
                return Ok(Vec::new());
            };
            let mut all = access::seen_of(connection, id, stands)?;
            all.retain(|(channel, _)| {
                channel.parent_id == Some(parent) && channel.kind == ChannelKind::Thread
            });
            all.sort_unstable_by_key(|(channel, _)| std::cmp::Reverse(channel.id));
            let show = |(channel, permissions): (Channel, Permissions)| SeenChannel {
                channel: ChannelView::new(&channel, &[], held.origin()),
                permissions,
            };
            Ok(all.into_iter().map(show).collect())
        })
        .await
}
