//! What other nodes send about channels: read before the transaction, and carried out in it.
//!
//! To a channel of this node: follows, and what members of other nodes say. From a Group of another
//! node: what it announces to those who follow it here.

use std::time::Duration;

use federation_core::discovery::node_info;
use federation_core::inbox::Verified;
use federation_core::inbox::ownership::in_group;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Activity, ActivityKind, ObjectOrId, Value};
use url::Url;

use super::Edge;
use super::dispatch::Unread;
use super::history;
use crate::accounts;
use crate::base::ids::ChannelId;
use crate::channels;
use crate::channels::group::Outcome;
use crate::channels::structure::is_mirror;
use crate::groups;
use crate::groups::federate::channel_in;
use crate::groups::model::Form;
use crate::messages::federate::Ignored;
use crate::messages::federate::group::{self as messages, Announced, GroupNote, channel_for};
use crate::messages::reactions::federate::{self as reactions, IncomingReaction};
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// How long a server is asked what software it is.
const ASKED_FOR: Duration = Duration::from_secs(5);
/// How long a sender waits whose announcement cannot be confirmed now.
const RETRY_AFTER: Duration = Duration::from_mins(1);

/// What is asked for about a channel.
pub(super) enum GroupRequest {
    /// To be in a channel of this node.
    Follow(ChannelId, Form),
    /// To be in it no longer.
    Leave(ChannelId),
    /// Something said in it.
    Post(ChannelId, Box<GroupNote>),
    /// Something said in it, changed.
    Change(ChannelId, Box<GroupNote>),
    /// What a Group of another node announces.
    Announced(Announced, Box<Inner>),
    /// What a Group of another node takes out.
    Removed(ChannelId, Url),
}

/// What is inside an `Announce`.
pub(super) enum Inner {
    Created(GroupNote, Verified),
    Changed(GroupNote, Verified),
    Deleted(Url, Verified),
    /// An emoji on a message.
    Reacted(IncomingReaction, Verified),
    /// An emoji that was taken off.
    Unreacted(Verified),
    /// What a member of this node said, back from the Group.
    Returned(Url),
}

/// Reads what an activity asks for about a channel; `None` when it is about something else. The
/// network is used here and nowhere after (I6).
pub(super) async fn read(
    ctx: &Ctx,
    edge: &Edge,
    verified: &Verified,
) -> Result<Option<GroupRequest>, Unread> {
    let (activity, origin) = (verified.activity(), ctx.origin());
    let named = || activity.object_id().and_then(|id| channel_in(origin, id));
    match &activity.kind {
        ActivityKind::Follow | ActivityKind::Join => match named() {
            Some(channel) => {
                let known = known(ctx, channel).await?;
                if !known {
                    return Err(Ignored::NobodyHere.into());
                }
                let form = form_of(edge, &activity.actor).await?;
                Ok(Some(GroupRequest::Follow(channel, form)))
            }
            None => Ok(None),
        },
        ActivityKind::Leave => Ok(named().map(GroupRequest::Leave)),
        ActivityKind::Create | ActivityKind::Update => {
            let Some(channel) = channel_for(activity, origin) else {
                return Ok(None);
            };
            let limits = &ctx.config().limits;
            let note = GroupNote::read(activity, verified.actor(), origin, limits)?;
            let note = Box::new(note);
            Ok(Some(if activity.kind == ActivityKind::Create {
                GroupRequest::Post(channel, note)
            } else {
                GroupRequest::Change(channel, note)
            }))
        }
        ActivityKind::Announce => announced(ctx, edge, verified).await.map(Some),
        ActivityKind::Remove => removed(ctx, activity).await,
        _ => Ok(None),
    }
}

/// Whether there is such a channel: nothing is fetched for one that never was.
async fn known(ctx: &Ctx, channel: ChannelId) -> Result<bool, Unread> {
    let find = move |connection: &mut Connection| channels::store::by_id(connection, channel);
    let found = ctx.db().read(find).await.map_err(later)?;
    Ok(found.is_some())
}

fn later(error: DatabaseError) -> Unread {
    Unread::Later(error.into())
}

/// What the node of an actor is told, by the software that it says it is. Whoever cannot be asked now
/// sends the `Follow` again: what it is told then it is told for good.
async fn form_of(edge: &Edge, actor: &Url) -> Result<Form, Unread> {
    let asking = node_info(edge.directory(), actor);
    match tokio::time::timeout(ASKED_FOR, asking).await {
        Ok(Ok(found)) => Ok(Form::of_software(&found.software.name)),
        Ok(Err(error)) if error.is_retryable() => {
            let wait = error.retry_after().unwrap_or(RETRY_AFTER);
            let detail = format!("the follower's server does not say what it is: {error}");
            Err(Unread::Later(ApiError::unavailable(detail, wait)))
        }
        Ok(Err(_it_does_not_say)) => Ok(Form::Object),
        Err(_elapsed) => {
            let detail = "the follower's server does not say in time what it is";
            Err(Unread::Later(ApiError::unavailable(detail, RETRY_AFTER)))
        }
    }
}

/// The channel of this node that stands for a Group of another one.
async fn find_mirror(ctx: &Ctx, group: &Url) -> Result<Option<ChannelId>, Unread> {
    let uri = group.to_string();
    let find = move |connection: &mut Connection| channels::store::by_actor(connection, &uri);
    let found = ctx.db().read(find).await.map_err(later)?;
    let mirror = found.filter(|channel| is_mirror(ctx.origin(), channel));
    Ok(mirror.map(|channel| channel.id))
}

/// Whether a member of this node is in the Group that a channel stands for.
async fn is_joined(ctx: &Ctx, channel: ChannelId) -> Result<bool, Unread> {
    let find = move |connection: &mut Connection| groups::store::is_joined(connection, channel);
    ctx.db().read(find).await.map_err(later)
}

/// Reads what a Group announces.
///
/// # Security
/// Somebody here is in the Group; where nobody is any more, what was deleted still goes. The Group is
/// the one that sent it, the activity inside is proven for itself and addressed to that
/// Group, and an `Announce` inside an `Announce` is nothing.
async fn announced(ctx: &Ctx, edge: &Edge, verified: &Verified) -> Result<GroupRequest, Unread> {
    let announce = verified.activity();
    // Whoever announces something that nobody here follows costs no look-up.
    let mirror = find_mirror(ctx, &announce.actor).await?;
    let channel = mirror.ok_or(Ignored::NotAMessage)?;
    let at = Announced::of(channel, announce, verified.received_at());
    let copy = announce.single_object().and_then(ObjectOrId::as_activity);
    let deletes = matches!(&copy, Some(Ok(copy)) if copy.kind == ActivityKind::Delete);
    if !deletes && !is_joined(ctx, channel).await? {
        return Err(Ignored::NobodyHere.into());
    }
    if let Some(Ok(copy)) = &copy {
        if copy.kind == ActivityKind::Announce {
            return Err(Ignored::NotAMessage.into());
        }
        if ctx.origin().owns(&copy.actor) {
            // Of its own members this node knows best what they said; only the place is news.
            return returned(ctx, at, copy);
        }
    }
    let inner = match edge.inbox().announced(verified).await {
        Ok(inner) => inner,
        Err(error) if error.is_retryable() => {
            let wait = error.retry_after().unwrap_or(RETRY_AFTER);
            let detail = format!("what is announced cannot be confirmed: {error}");
            return Err(Unread::Later(ApiError::unavailable(detail, wait)));
        }
        Err(error) => {
            tracing::info!(group = %announce.actor, %error, "an announced activity is not proven");
            return Err(Ignored::NotProven.into());
        }
    };
    if in_group(&inner, &announce.actor).is_err() {
        return Err(Ignored::OtherGroup.into());
    }
    let (origin, limits) = (ctx.origin(), &ctx.config().limits);
    let note = || GroupNote::read(inner.activity(), inner.actor(), origin, limits);
    let inner = match &inner.activity().kind {
        ActivityKind::Create => Inner::Created(note()?, inner.clone()),
        ActivityKind::Update => Inner::Changed(note()?, inner.clone()),
        ActivityKind::Delete => {
            let object = inner.activity().object_id();
            let object = object.filter(|id| **id != inner.activity().actor);
            Inner::Deleted(object.ok_or(Ignored::NotAMessage)?.clone(), inner.clone())
        }
        ActivityKind::Like | ActivityKind::EmojiReact => {
            Inner::Reacted(IncomingReaction::read(inner.activity())?, inner.clone())
        }
        ActivityKind::Undo => Inner::Unreacted(inner.clone()),
        _ => return Err(Ignored::NotAMessage.into()),
    };
    Ok(GroupRequest::Announced(at, Box::new(inner)))
}

fn returned(ctx: &Ctx, at: Announced, copy: &Activity) -> Result<GroupRequest, Unread> {
    let object = copy.object_id().filter(|id| ctx.origin().owns(id));
    match (object, &copy.kind) {
        (Some(object), ActivityKind::Create) => {
            let inner = Inner::Returned(object.clone());
            Ok(GroupRequest::Announced(at, Box::new(inner)))
        }
        _ => Err(Ignored::Duplicate.into()),
    }
}

/// Reads what a Group takes out: it says so itself, of what is in its own history.
///
/// # Security
/// A Group takes things out of other lists too: pins, moderators, members. What it takes out of one of
/// these is still said.
async fn removed(ctx: &Ctx, activity: &Activity) -> Result<Option<GroupRequest>, Unread> {
    let target = activity.target.as_ref().and_then(ObjectOrId::id);
    let (Some(target), Some(object)) = (target, activity.object_id()) else {
        return Ok(None);
    };
    // Conversations put people out by the same word.
    let Some(channel) = find_mirror(ctx, &activity.actor).await? else {
        return Ok(None);
    };
    let is_said = holds_what_was_said(ctx, &activity.actor, target).await?;
    Ok(is_said.then(|| GroupRequest::Removed(channel, object.clone())))
}

/// Whether a list of a Group of another node is the one of what was said there: as servers of this
/// software call it, or as its document says.
async fn holds_what_was_said(ctx: &Ctx, group: &Url, list: &Url) -> Result<bool, Unread> {
    if list.origin() != group.origin() {
        return Ok(false);
    }
    let mut history = group.clone();
    history.set_path(&format!("{}/history", group.path()));
    if *list == history {
        return Ok(true);
    }
    let uri = group.to_string();
    let find = move |connection: &mut Connection| accounts::store::remote_actor(connection, &uri);
    let Some(known) = ctx.db().read(find).await.map_err(later)? else {
        return Ok(false);
    };
    let history = known.extra.get("history").and_then(Value::as_str);
    Ok(history == Some(list.as_str())
        || known.outbox.as_ref() == Some(list)
        || known.context.as_ref() == Some(list))
}

/// Carries it out.
pub(super) fn run(
    ctx: &Ctx,
    connection: &mut Connection,
    request: &GroupRequest,
    verified: &Verified,
) -> Result<Result<(), Ignored>, DatabaseError> {
    let (activity, author) = (verified.activity(), verified.actor().as_ref());
    let raw = verified.raw().as_ref();
    let done = match request {
        GroupRequest::Follow(channel, form) => {
            let asking = (activity, author);
            let outcome =
                channels::group::receive_follow(ctx, connection, *channel, asking, *form)?;
            return Ok(match outcome {
                Outcome::Accepted | Outcome::Rejected => Ok(()),
                Outcome::Ignored => Err(Ignored::NobodyHere),
            });
        }
        GroupRequest::Leave(channel) => {
            let left = channels::group::receive_leave(ctx, connection, *channel, &activity.actor)?;
            return Ok(if left { Ok(()) } else { Err(Ignored::Unknown) });
        }
        GroupRequest::Post(channel, note) => {
            messages::receive_post(ctx, connection, *channel, (note.as_ref(), author), raw)?
        }
        GroupRequest::Change(channel, note) => {
            messages::receive_change(ctx, connection, *channel, (note.as_ref(), author), raw)?
        }
        GroupRequest::Announced(at, inner) => match inner.as_ref() {
            Inner::Created(note, inner) => {
                messages::mirrored(ctx, connection, *at, (note, inner.actor().as_ref()))?
            }
            Inner::Changed(note, inner) => {
                messages::mirrored_change(ctx, connection, *at, (note, inner.actor().as_ref()))?
            }
            Inner::Deleted(uri, inner) => {
                let author = &inner.activity().actor;
                messages::mirrored_delete(ctx, connection, *at, (uri, author))?
            }
            Inner::Reacted(reaction, inner) => {
                let (told, by) = ((inner.activity(), reaction), inner.actor().as_ref());
                return reactions::mirrored(ctx, connection, at.channel, told, by);
            }
            Inner::Unreacted(inner) => {
                let undo = (inner.activity(), inner.actor().as_ref());
                let found = reactions::receive_undo(ctx, connection, undo, None)?;
                return Ok(if found { Ok(()) } else { Err(Ignored::Unknown) });
            }
            Inner::Returned(uri) => messages::settled(ctx, connection, *at, uri)?,
        },
        GroupRequest::Removed(channel, uri) => {
            messages::mirrored_removal(ctx, connection, *channel, uri)?
        }
    };
    Ok(done.map(drop))
}

/// Takes in a Group's `Accept`; whether a member came in by it.
pub(super) fn accepted(
    ctx: &Ctx,
    connection: &mut Connection,
    verified: &Verified,
) -> Result<bool, DatabaseError> {
    let answer = (verified.activity(), verified.actor().as_ref());
    let joined = channels::group::receive_accept(ctx, connection, answer)?;
    Ok(joined.is_some())
}

/// What follows once it is committed that a member came into a Group.
pub(super) fn joined(ctx: &Ctx, edge: &Edge, verified: &Verified) {
    history::fetch(ctx, edge, verified.actor());
}
