//! Tells members of what happened, in the transaction in which it happens.

use std::collections::HashSet;

use federation_core::store::sql::{Connection, DatabaseError};

use super::calls::{self, Called};
use super::model::{Call, Notification, NotificationKind};
use super::preferences;
use super::store;
use super::wire::NotificationView;
use crate::accounts;
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, CommunityId, MessageId, NotificationId, UserId};
use crate::blocks;
use crate::platform::ctx::Ctx;
use crate::platform::events::{EventLog, NewEvent, Topic};

/// People whom one message tells by name at most (I11).
const MOST_TOLD: usize = 100;

/// A message, as far as somebody is told of it.
#[derive(Clone, Copy, Debug)]
pub struct MessageFacts<'a> {
    /// The message.
    pub message: MessageId,
    /// Its channel.
    pub channel: ChannelId,
    /// The community of the channel.
    pub community: Option<CommunityId>,
    /// Its place in the channel.
    pub seq: i64,
    /// Who wrote it.
    pub author: &'a User,
    /// Whom it concerns by name, and why; the first reason counts. All of them see the channel.
    pub told: &'a [(UserId, NotificationKind)],
    /// Whom it calls beside them.
    pub calls: &'a [Call],
}

/// Tells those whom a message concerns; to be run in its transaction. A second time, such as after
/// a change, it tells those alone who were not told.
///
/// # Errors
/// The database failed.
pub fn of_message(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    facts: &MessageFacts<'_>,
) -> Result<(), DatabaseError> {
    let now = ctx.now();
    if let Some(community) = facts.community {
        for call in facts.calls {
            let called = Called {
                message_id: facts.message,
                role_id: calls::role_of(*call),
                community_id: community,
                channel_id: facts.channel,
                seq: facts.seq,
                author_id: facts.author.id,
                created_at: now.as_millis(),
            };
            calls::insert(connection, &called)?;
        }
    }
    let people: Vec<UserId> = facts.told.iter().map(|(user, _)| *user).collect();
    let mut passed = blocks::store::silencing_among(connection, facts.author.id, &people)?;
    passed.insert(facts.author.id);
    let mut told = HashSet::new();
    for (user, kind) in facts.told {
        if passed.contains(user) || told.len() >= MOST_TOLD || !told.insert(*user) {
            continue;
        }
        let place = (Some(facts.channel), facts.community);
        let holds = preferences::effective(connection, *user, place, now)?;
        let is_direct = *kind == NotificationKind::DirectMessage;
        if !holds.lets(*kind) || !is_member(connection, *user)? {
            continue;
        }
        // One that waits stands for all that is said in the conversation after it.
        if is_direct && store::is_waiting(connection, *user, *kind, (place.0, None))? {
            continue;
        }
        let new = Notification {
            id: NotificationId::new(now),
            user_id: *user,
            kind: *kind,
            actor_id: Some(facts.author.id),
            community_id: facts.community,
            channel_id: Some(facts.channel),
            message_id: Some(facts.message),
            seq: Some(facts.seq),
            ends_at: None,
            created_at: now.as_millis(),
            read_at: None,
            dismissed_at: None,
        };
        make(ctx, connection, log, &new, Some(facts.author))?;
    }
    Ok(())
}

/// Tells a member that somebody follows them; to be run in the transaction of the follow.
///
/// # Errors
/// The database failed.
pub fn of_follow(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    follower: &User,
    member: UserId,
) -> Result<(), DatabaseError> {
    let now = ctx.now();
    let passed = blocks::store::silencing_among(connection, follower.id, &[member])?;
    let kind = NotificationKind::Follow;
    let holds = preferences::effective(connection, member, (None, None), now)?;
    if !passed.is_empty()
        || !holds.lets(kind)
        || !is_member(connection, member)?
        // Who follows and takes it back again and again is told of once.
        || store::is_waiting(connection, member, kind, (None, Some(follower.id)))?
    {
        return Ok(());
    }
    let new = Notification {
        id: NotificationId::new(now),
        user_id: member,
        kind,
        actor_id: Some(follower.id),
        community_id: None,
        channel_id: None,
        message_id: None,
        seq: None,
        ends_at: None,
        created_at: now.as_millis(),
        read_at: None,
        dismissed_at: None,
    };
    make(ctx, connection, log, &new, Some(follower))
}

/// Tells a member what moderators did to them, whatever they chose, and not who it was; to be run in
/// the transaction of the act. `ends_at` is in milliseconds since the Unix epoch.
///
/// # Errors
/// The database failed.
pub fn of_moderation(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    (user, kind): (UserId, NotificationKind),
    (community, ends_at): (Option<CommunityId>, Option<i64>),
) -> Result<(), DatabaseError> {
    if !is_member(connection, user)? {
        return Ok(());
    }
    let now = ctx.now();
    let new = Notification {
        id: NotificationId::new(now),
        user_id: user,
        kind,
        actor_id: None,
        community_id: community,
        channel_id: None,
        message_id: None,
        seq: None,
        ends_at,
        created_at: now.as_millis(),
        read_at: None,
        dismissed_at: None,
    };
    make(ctx, connection, log, &new, None)
}

fn is_member(connection: &mut Connection, user: UserId) -> Result<bool, DatabaseError> {
    let user = accounts::store::by_id(connection, user)?;
    Ok(user.is_some_and(|user| user.is_local() && user.is_active()))
}

fn make(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    new: &Notification,
    actor: Option<&User>,
) -> Result<(), DatabaseError> {
    if !store::insert(connection, new)? {
        return Ok(());
    }
    let event = NewEvent {
        topic: Topic::User(new.user_id),
        op: "notification.created",
        effect: None,
        subject: new.message_id.as_ref().map(MessageId::as_str),
    };
    let view = NotificationView::new(new, actor, None, ctx.origin());
    log.append(connection, &event, &view, ctx.now())?;
    Ok(())
}
