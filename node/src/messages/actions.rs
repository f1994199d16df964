//! What members do with messages: one use case, one function, one transaction.

use std::collections::HashMap;

use federation_core::store::sql::{Connection, DatabaseError};
use serde_json::json;

use super::apart::keep_apart;
use super::drafts;
use super::federate;
use super::forwards::{self, ForwardSource};
use super::judged::{about, judged, texts};
use super::model::{Draft, Message, uri_of};
use super::notify::{Concerns, notify};
use super::polls;
use super::previews;
use super::reading;
use super::showing::{Fresh, view};
use super::telling::{remove, tell};
use super::wire::MessageView;
use super::{mentions, numbers, revisions, store};
use crate::accounts;
use crate::accounts::acting::Acting;
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, CommunityId, MessageId, RequestId, UserId};
use crate::base::permission::Permission;
use crate::channels;
use crate::channels::access::{self, Seen};
use crate::channels::structure;
use crate::communities::acts;
use crate::moderation::rules::Verdict;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::error::ApiError;

/// What a member wants to say, and where.
#[derive(Clone, Debug)]
pub struct NewMessage {
    /// The channel.
    pub channel: ChannelId,
    /// Who writes.
    pub author: UserId,
    /// The text.
    pub draft: Draft,
    /// The message it answers, in the same channel.
    pub reply_to: Option<MessageId>,
    /// What can be voted for.
    pub poll: Option<polls::model::PollDraft>,
    /// The message that it passes on.
    pub forward: Option<ForwardSource>,
    /// Whether its author is there and sends it: then they have read what was said before.
    pub is_present: bool,
}

/// A message as it was written, and what that did beside.
#[derive(Clone, Debug)]
pub struct Written {
    /// The message.
    pub view: MessageView,
    /// The community in which a rule silenced its author: once it is committed, what is remembered of
    /// permissions there counts no more.
    pub silenced_in: Option<CommunityId>,
    /// Whether a rule took it away at once.
    pub is_removed: bool,
}

impl Written {
    fn new(view: MessageView) -> Self {
        Self {
            view,
            silenced_in: None,
            is_removed: false,
        }
    }

    /// One that a rule deleted at once.
    fn removed(view: MessageView, verdict: &Verdict, seen: &Seen) -> Self {
        let community = seen.channel.community_id;
        Self {
            view,
            silenced_in: community.filter(|_| verdict.silences()),
            is_removed: true,
        }
    }
}

/// Sends a message; to be run in a transaction.
///
/// # Errors
/// 404 when the author does not see the channel, 403 when they may not write there or one of two
/// blocked the other, 429 in slow mode, 422 when it answers or passes on what is not there, or mentions
/// too many.
pub fn send(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    new: &NewMessage,
) -> Result<Written, ApiError> {
    let seen = access::require(connection, new.author, new.channel, ctx.now())?;
    seen.needs(Permission::SendMessages)?;
    structure::needs_joining(ctx.origin(), connection, &seen.channel, new.author)?;
    let is_slow = seen.channel.slow_mode_seconds > 0;
    if is_slow && !seen.permissions.contains(Permission::BypassSlowMode) {
        structure::take_turn(connection, &seen.channel, new.author, ctx.now())?;
    }
    let members = audience(connection, &seen, (new.author, i64::MAX))?;
    let author = members
        .iter()
        .find(|user| user.id == new.author && user.is_active())
        .ok_or_else(ApiError::not_found)?;
    keep_apart(connection, &seen.channel, new.author)?;
    let answered = answered(connection, &seen, (new.author, new.reply_to))?;
    let now = ctx.now();
    let id = MessageId::new(now);
    let passed_on = match new.forward {
        Some(source) => Some(forwards::take(ctx, connection, new.author, source, id)?),
        None => None,
    };
    let said = texts(&new.draft, new.poll.as_ref(), passed_on.as_ref());
    let verdict = judged(ctx, connection, &seen, (new.author, &said), false)?;
    let resolved = mentions::resolve(ctx, connection, &seen, &members, &new.draft)?;
    let message = Message {
        id,
        channel_id: new.channel,
        seq: numbers::next(ctx.origin(), connection, &seen.channel)?,
        author_id: author.id,
        uri: uri_of(ctx.origin(), id),
        content: new.draft.content.clone(),
        html: resolved.html,
        reply_to: new.reply_to,
        created_at: now.as_millis(),
        edited_at: None,
        deleted_at: None,
        origin_updated_at: None,
    };
    store::insert(connection, &message)?;
    verdict.carry_out(ctx, connection, log, &about(&seen, &message))?;
    if verdict.removes() {
        let view = view(ctx, connection, &message)?;
        remove(ctx, connection, log, &message)?;
        return Ok(Written::removed(view, &verdict, &seen));
    }
    polls::open(ctx, connection, &seen, &message, new.poll.as_ref())?;
    mentions::add(connection, id, &resolved.mentions)?;
    let has_previews = previews::ask(ctx, connection, &message)?;
    if let Some(passed_on) = &passed_on {
        forwards::insert(connection, passed_on)?;
    }
    let post = federate::Post {
        message: &message,
        author,
        members: &members,
        forwarded: passed_on.as_ref(),
    };
    let concerns = Concerns {
        answered: answered.as_ref().map(|message| message.author_id),
        mentions: &resolved.mentions,
    };
    let answered = answered.as_ref().map(|message| message.uri.as_str());
    let fresh = Fresh {
        author,
        delivery: federate::send_create(ctx, connection, &post, answered)?,
        mentions: &resolved.mentions,
        has_poll: new.poll.is_some(),
        has_previews,
        forwarded: passed_on.as_ref(),
    };
    let view = fresh.view(ctx, connection, &message)?;
    tell(ctx, connection, log, "message.created", &message, &view)?;
    let told = (&seen.channel, &message, author);
    notify(ctx, connection, log, told, &concerns)?;
    if new.is_present {
        let place = (new.channel, message.seq);
        reading::wrote(connection, new.author, place, now)?;
        drafts::sent(connection, log, (new.author, new.channel), now)?;
    }
    Ok(Written::new(view))
}

/// The message that one answers, which its author has to see.
pub(super) fn answered(
    connection: &mut Connection,
    seen: &Seen,
    (author, reply_to): (UserId, Option<MessageId>),
) -> Result<Option<Message>, ApiError> {
    let Some(id) = reply_to else {
        return Ok(None);
    };
    let found = store::by_id(connection, seen.channel.id, id)?;
    let found = found.filter(|message| message.is_seen_by(author, seen.visible_from));
    let detail = "The message it answers is not in this channel.";
    let unknown = || ApiError::invalid("unknown_reply_to", detail);
    found.map(Some).ok_or_else(unknown)
}

/// Changes the text of a message; to be run in a transaction.
///
/// # Errors
/// 404 when there is no such message for this member, 403 when somebody else wrote it, 422 when it
/// mentions too many.
pub fn edit(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    place: &Place,
    draft: &Draft,
) -> Result<Written, ApiError> {
    let (seen, mut message, members) = own(ctx, connection, place)?;
    keep_apart(connection, &seen.channel, place.user)?;
    let author = members
        .iter()
        .find(|user| user.id == place.user)
        .ok_or_else(ApiError::not_found)?;
    let resolved = mentions::resolve(ctx, connection, &seen, &members, draft)?;
    if message.content == draft.content && message.html == resolved.html {
        return Ok(Written::new(view(ctx, connection, &message)?));
    }
    let verdict = judged(ctx, connection, &seen, (place.user, &draft.content), true)?;
    revisions::keep(connection, &message)?;
    message.content.clone_from(&draft.content);
    message.html = resolved.html;
    message.edited_at = Some(ctx.now().as_millis());
    store::rewrite(connection, &message)?;
    verdict.carry_out(ctx, connection, log, &about(&seen, &message))?;
    if verdict.removes() {
        let view = view(ctx, connection, &message)?;
        withdraw(ctx, connection, log, &seen, &message)?;
        return Ok(Written::removed(view, &verdict, &seen));
    }
    mentions::put(connection, message.id, &resolved.mentions)?;
    previews::ask_again(ctx, connection, &message)?;
    let passed_on = forwards::one(connection, message.id)?;
    let answered = match message.reply_to {
        Some(id) => store::anywhere(connection, id)?.map(|message| message.uri),
        None => None,
    };
    let post = federate::Post {
        message: &message,
        author,
        members: &members,
        forwarded: passed_on.as_ref(),
    };
    federate::send_update(ctx, connection, &post, answered.as_deref())?;
    let view = view(ctx, connection, &message)?;
    tell(ctx, connection, log, "message.updated", &message, &view)?;
    let concerns = Concerns {
        answered: None,
        mentions: &resolved.mentions,
    };
    let told = (&seen.channel, &message, author);
    notify(ctx, connection, log, told, &concerns)?;
    Ok(Written::new(view))
}

/// Deletes a message; to be run in a transaction.
///
/// # Errors
/// 404 when there is no such message for this member, 403 when somebody else wrote it and they may
/// not delete what others write.
pub fn delete(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    place: &Place,
) -> Result<(), ApiError> {
    let (seen, message) = find(ctx, connection, place)?;
    if message.author_id != place.user {
        moderate(&seen)?;
        if let Some(community) = seen.channel.community_id {
            let author = json!({"author_id": message.author_id, "channel_id": place.channel});
            let entry = acting(place).entry("message.delete");
            let entry = entry.on("message", &message.id).change(Some(author), None);
            acts::record(connection, community, &entry, ctx.now())?;
        }
    }
    Ok(withdraw(ctx, connection, log, &seen, &message)?)
}

/// Deletes a message, here and at the nodes that have it.
pub(super) fn withdraw(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    seen: &Seen,
    message: &Message,
) -> Result<(), DatabaseError> {
    let mut members = audience(connection, seen, (message.author_id, message.seq))?;
    // Who has it and left since is told too; a channel tells of its own.
    let sent = match seen.channel.community_id {
        Some(_) => HashMap::new(),
        None => store::recipients(connection, &[message.id])?,
    };
    for (_, user) in sent.into_values().flatten() {
        if members.iter().all(|member| member.id != user.id) {
            members.push(user);
        }
    }
    if let Some(author) = members.iter().find(|user| user.id == message.author_id) {
        let post = federate::Post {
            message,
            author,
            members: &members,
            forwarded: None,
        };
        federate::send_delete(ctx, connection, &post)?;
    }
    remove(ctx, connection, log, message)
}

/// A message, and who asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Place {
    /// The channel.
    pub channel: ChannelId,
    /// The message.
    pub message: MessageId,
    /// Who asks.
    pub user: UserId,
    /// By which request.
    pub request: Option<RequestId>,
}

fn acting(place: &Place) -> Acting {
    Acting {
        id: place.user,
        request: place.request,
    }
}

/// A message that somebody sees, with its channel.
pub(super) fn find(
    ctx: &Ctx,
    connection: &mut Connection,
    place: &Place,
) -> Result<(Seen, Message), ApiError> {
    let seen = access::require(connection, place.user, place.channel, ctx.now())?;
    let message = store::by_id(connection, place.channel, place.message)?;
    let message = message.filter(|message| message.is_seen_by(place.user, seen.visible_from));
    Ok((seen, message.ok_or_else(ApiError::not_found)?))
}

/// A message of one's own, where one may still write, its channel, and those whom it concerns.
fn own(
    ctx: &Ctx,
    connection: &mut Connection,
    place: &Place,
) -> Result<(Seen, Message, Vec<User>), ApiError> {
    let (seen, message) = find(ctx, connection, place)?;
    if message.author_id != place.user {
        return Err(not_the_author());
    }
    seen.needs(Permission::SendMessages)?;
    structure::needs_joining(ctx.origin(), connection, &seen.channel, place.user)?;
    let members = audience(connection, &seen, (place.user, message.seq))?;
    Ok((seen, message, members))
}

fn not_the_author() -> ApiError {
    ApiError::forbidden("not_the_author", "Only its author may change a message.")
}

/// Goes on only for those who delete messages of others here.
pub(super) fn moderate(seen: &Seen) -> Result<(), ApiError> {
    if seen.channel.community_id.is_none() {
        return Err(not_the_author());
    }
    Ok(seen.needs(Permission::ManageMessages)?)
}

/// Those whom the message of this number concerns by name: the people of a conversation who were there
/// by then; in a channel, which tells other nodes of its own, its author alone.
fn audience(
    connection: &mut Connection,
    seen: &Seen,
    (author, seq): (UserId, i64),
) -> Result<Vec<User>, DatabaseError> {
    if seen.channel.community_id.is_none() {
        return channels::store::members_at(connection, seen.channel.id, seq);
    }
    let author = accounts::store::by_id(connection, author)?;
    Ok(author.into_iter().collect())
}
