//! Whom a message concerns that came from another node into a channel: those whom it mentions and
//! answers are told as of a message that was said here.

use federation_core::store::sql::{Connection, DatabaseError};

use super::incoming::GroupNote;
use crate::accounts;
use crate::base::ids::{ChannelId, UserId};
use crate::channels;
use crate::channels::access::{self, Seen};
use crate::messages::federate::receive::announce;
use crate::messages::mentions::{self, MentionView};
use crate::messages::model::Message;
use crate::messages::notify::{Concerns, notify};
use crate::messages::previews;
use crate::messages::store;
use crate::moderation::rules::{self, About, Said, Verdict};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// Which rules a note breaks: those of this node, and where it is said in a channel of this node, as
/// its author sees that, those of the community.
pub(super) fn judged(
    ctx: &Ctx,
    connection: &mut Connection,
    (author, seen): (UserId, Option<&Seen>),
    note: &GroupNote,
    is_edit: bool,
) -> Result<Verdict, DatabaseError> {
    let said = Said {
        author,
        seen,
        content: &note.said.content,
        is_edit,
    };
    rules::judge(ctx, connection, &said)
}

/// Whether a note is not to be there, by what it breaks.
pub(super) fn is_refused(verdict: &Verdict) -> bool {
    verdict.removes() || verdict.allow().is_err()
}

/// A note as rules tell of it.
pub(super) fn about<'a>(
    note: &'a GroupNote,
    author: UserId,
    seen: Option<&Seen>,
    message: Option<&Message>,
) -> About<'a> {
    let of_message = message.map(|message| message.channel_id);
    About {
        message: message.map(|message| message.id),
        uri: &note.said.uri,
        channel: seen.map(|seen| seen.channel.id).or(of_message),
        community: seen.and_then(|seen| seen.channel.community_id),
        author,
        content: &note.said.content,
    }
}

/// Notes whom a message mentions: people who are known, and of this node those who see the channel.
pub(super) fn mention(
    ctx: &Ctx,
    connection: &mut Connection,
    message: &Message,
    note: &GroupNote,
) -> Result<Vec<MentionView>, DatabaseError> {
    let mut people = Vec::new();
    for actor in &note.mentioned {
        let Some(user) = accounts::store::by_actor(connection, actor.as_str())? else {
            continue;
        };
        if !user.is_local() || sees(ctx, connection, user.id, message.channel_id)? {
            people.push(user);
        }
    }
    let mentioned = mentions::tagged(&people, &note.mentioned);
    mentions::put(connection, message.id, &mentioned)?;
    Ok(mentioned)
}

fn sees(
    ctx: &Ctx,
    connection: &mut Connection,
    user: UserId,
    channel: ChannelId,
) -> Result<bool, DatabaseError> {
    Ok(access::see(connection, user, channel, ctx.now())?.is_some())
}

/// Shows a new message to the members of its channel, and tells those whom it concerns.
pub(super) fn created(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    (message, note): (&Message, &GroupNote),
) -> Result<(), DatabaseError> {
    let concerns = (
        answered(connection, message)?,
        mention(ctx, connection, message, note)?,
    );
    previews::ask(ctx, connection, message)?;
    tell(ctx, connection, log, ("message.created", message), concerns)
}

/// Shows a changed message, and tells those whom it concerns only now.
pub(super) fn changed(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    (message, note): (&Message, &GroupNote),
) -> Result<(), DatabaseError> {
    let concerns = (None, mention(ctx, connection, message, note)?);
    previews::ask_again(ctx, connection, message)?;
    tell(ctx, connection, log, ("message.updated", message), concerns)
}

/// Shows what a member of this node said, once it has its place, and tells those whom it concerns.
pub(super) fn settled(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    message: &Message,
) -> Result<(), DatabaseError> {
    let mentioned = mentions::of(connection, &[message.id])?.remove(&message.id);
    let concerns = (
        answered(connection, message)?,
        mentioned.unwrap_or_default(),
    );
    tell(ctx, connection, log, ("message.created", message), concerns)
}

/// Who wrote what a message answers.
fn answered(
    connection: &mut Connection,
    message: &Message,
) -> Result<Option<UserId>, DatabaseError> {
    let answered = match message.reply_to {
        Some(id) => store::anywhere(connection, id)?,
        None => None,
    };
    Ok(answered.map(|answered| answered.author_id))
}

fn tell(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    (op, message): (&'static str, &Message),
    (answered, mentioned): (Option<UserId>, Vec<MentionView>),
) -> Result<(), DatabaseError> {
    announce(ctx, connection, log, op, message.clone())?;
    let author = accounts::store::by_id(connection, message.author_id)?;
    let channel = channels::store::by_id(connection, message.channel_id)?;
    let (Some(author), Some(channel)) = (author, channel) else {
        return Ok(());
    };
    let concerns = Concerns {
        answered,
        mentions: &mentioned,
    };
    let told = (&channel, message, &author);
    notify(ctx, connection, log, told, &concerns)
}
