//! Finds out whom a message concerns, and has them told.

use federation_core::store::sql::{Connection, DatabaseError};

use super::mentions::{MentionKind, MentionView};
use super::model::Message;
use crate::accounts::model::User;
use crate::base::ids::UserId;
use crate::channels;
use crate::channels::access;
use crate::channels::model::Channel;
use crate::follows;
use crate::notifications::model::{Call, NotificationKind};
use crate::notifications::{self, MessageFacts};
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// People named in one message who are told at most (I11).
const MOST_NAMED: usize = 50;

/// Whom a message concerns beside those who are in its conversation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Concerns<'a> {
    /// Who wrote the message that it answers.
    pub(super) answered: Option<UserId>,
    /// Whom it mentions.
    pub(super) mentions: &'a [MentionView],
}

/// Tells those whom a message concerns; to be run in its transaction, after the message is told.
pub(super) fn notify(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    (channel, message, author): (&Channel, &Message, &User),
    concerns: &Concerns<'_>,
) -> Result<(), DatabaseError> {
    // Who is told of it is told once it is there for others.
    if message.is_waiting() {
        return Ok(());
    }
    let named = concerns
        .mentions
        .iter()
        .filter_map(|mention| mention.user_id);
    let named = named.take(MOST_NAMED);
    let named = named.map(|user| (user, NotificationKind::Mention));
    let answered = concerns.answered.into_iter();
    let answered = answered.map(|user| (user, NotificationKind::Reply));
    let mut told = Vec::new();
    for (user, kind) in named.chain(answered) {
        // Nobody is told of what they do not see.
        let seen = access::see(connection, user, channel.id, ctx.now())?;
        let is_seen = seen.is_some_and(|seen| message.seq >= seen.visible_from);
        if is_seen && reaches(ctx, connection, author, user)? {
            told.push((user, kind));
        }
    }
    if channel.community_id.is_none() {
        let others = channels::store::members_at(connection, channel.id, message.seq)?;
        let others = others.iter().filter(|user| user.is_local());
        told.extend(others.map(|user| (user.id, NotificationKind::DirectMessage)));
    }
    let calls: Vec<Call> = concerns.mentions.iter().filter_map(call).collect();
    let facts = MessageFacts {
        message: message.id,
        channel: channel.id,
        community: channel.community_id,
        seq: message.seq,
        author,
        told: &told,
        calls: &calls,
    };
    notifications::of_message(ctx, connection, log, &facts)
}

/// Whether what somebody says reaches a member: always, or, where their domain is silenced, when the member
/// follows them or is in a conversation with them.
pub(super) fn reaches(
    ctx: &Ctx,
    connection: &mut Connection,
    author: &User,
    user: UserId,
) -> Result<bool, DatabaseError> {
    let domain = author.domain.as_deref().unwrap_or_default();
    if !ctx.domains().is_silenced(domain) {
        return Ok(true);
    }
    let follow = follows::store::between(connection, user, author.id)?;
    Ok(follow.is_some() || channels::store::share(connection, user, author.id)?)
}

/// The call that a mention is, where it is one. Who was there is not known later, so `@here` is shown and
/// leaves nothing.
fn call(mention: &MentionView) -> Option<Call> {
    match mention.kind {
        MentionKind::Everyone => Some(Call::Everyone),
        MentionKind::Role => mention.role_id.map(Call::Role),
        MentionKind::User | MentionKind::Here => None,
    }
}
