//! What can be done with channels: one use case, one function.

use federation_core::store::sql::{Connection, DatabaseError};

use super::access;
use super::conversations::store as people;
use super::model::{Channel, participants_key};
use super::store;
use super::wire::ChannelView;
use crate::accounts::model::User;
use crate::accounts::online::Online;
use crate::base::ids::{ChannelId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::platform::ctx::Ctx;
use crate::platform::events::{Effect, EventLog, NewEvent, Topic};
use crate::platform::http::error::ApiError;

/// A conversation, and whether it was made just now.
#[derive(Clone, Debug)]
pub struct Opened {
    /// The conversation.
    pub channel: Channel,
    /// Whether it is new.
    pub created: bool,
}

/// The direct conversation of these people, made if they have none; to be run in a transaction.
///
/// `others` are actors that belong to the set but could not be reached, so that they are no
/// members until somebody reaches them. Each new member of this node is told of the conversation,
/// and their sockets follow it.
///
/// # Errors
/// The database failed.
pub fn open_dm(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    members: &[User],
    others: &[String],
) -> Result<Opened, DatabaseError> {
    let actors = members.iter().map(|user| user.actor_uri.as_str());
    let key = participants_key(actors.chain(others.iter().map(String::as_str)));
    let is_group = members.len().saturating_add(others.len()) > 2;
    let now = ctx.now();
    let new = Channel {
        is_group,
        ..Channel::conversation(ChannelId::new(now), now.as_millis())
    };
    open_keyed(ctx, connection, log, &new, &key, members)
}

/// Whether these people have a direct conversation of their own already.
///
/// # Errors
/// The database failed.
pub fn is_open(connection: &mut Connection, members: &[User]) -> Result<bool, DatabaseError> {
    let actors = members.iter().map(|user| user.actor_uri.as_str());
    Ok(store::by_participants(connection, &participants_key(actors))?.is_some())
}

/// The conversation that this key finds, or else `channel` with these members.
pub(super) fn open_keyed(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    channel: &Channel,
    key: &str,
    members: &[User],
) -> Result<Opened, DatabaseError> {
    if let Some(channel) = store::by_participants(connection, key)? {
        return reopen(ctx, connection, log, channel, members);
    }
    let ids: Vec<UserId> = members.iter().map(|user| user.id).collect();
    if !store::insert_dm(connection, channel, Some(key), &ids)? {
        let known = store::by_participants(connection, key)?;
        let channel = known.ok_or(DatabaseError::Malformed { what: "channel" })?;
        return reopen(ctx, connection, log, channel, members);
    }
    let view = ChannelView::new(channel, members, ctx.origin());
    welcome(ctx, connection, log, members, &view)?;
    Ok(Opened {
        channel: channel.clone(),
        created: true,
    })
}

/// A conversation that is there, with those members who could not be reached when it was made.
fn reopen(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    channel: Channel,
    members: &[User],
) -> Result<Opened, DatabaseError> {
    let known = store::members(connection, channel.id)?;
    let is_new = |user: &&User| known.iter().all(|member| member.id != user.id);
    let missing: Vec<User> = members.iter().filter(is_new).cloned().collect();
    if !missing.is_empty() {
        let ids: Vec<UserId> = missing.iter().map(|user| user.id).collect();
        let since = people::next_seq(connection, channel.id)?;
        let joined = (ctx.now().as_millis(), since);
        store::insert_members(connection, channel.id, &ids, joined)?;
        let all = store::members(connection, channel.id)?;
        let view = ChannelView::new(&channel, &all, ctx.origin());
        welcome(ctx, connection, log, &missing, &view)?;
    }
    Ok(Opened {
        channel,
        created: false,
    })
}

/// Tells new members of this node of their conversation.
pub(super) fn welcome(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    members: &[User],
    view: &ChannelView,
) -> Result<(), DatabaseError> {
    let now = ctx.now();
    for member in members.iter().filter(|user| user.is_local()) {
        let event = NewEvent {
            topic: Topic::User(member.id),
            op: "channel.created",
            effect: Some(Effect::Join(Topic::Channel(view.id))),
            subject: None,
        };
        log.append(connection, &event, view, now)?;
    }
    Ok(())
}

/// A channel as somebody sees it.
///
/// # Errors
/// 404 when there is no such channel, or the caller does not see it.
pub async fn show(
    ctx: &Ctx,
    online: &Online,
    user: UserId,
    id: ChannelId,
) -> Result<ChannelView, ApiError> {
    let now = ctx.now();
    let found = ctx
        .db()
        .read(move |connection| {
            let Some(seen) = access::see(connection, user, id, now)? else {
                return Ok(None);
            };
            let members = store::members(connection, id)?;
            Ok::<_, DatabaseError>(Some((seen.channel, members)))
        })
        .await?;
    match found {
        Some((channel, members)) => {
            let seen_by = (user, online);
            Ok(ChannelView::live(&channel, &members, ctx.origin(), seen_by))
        }
        None => Err(ApiError::not_found()),
    }
}

/// The channels of a member, newest first.
///
/// # Errors
/// The database failed.
pub async fn list(
    ctx: &Ctx,
    online: &Online,
    user: UserId,
    page: PageQuery<ChannelId>,
) -> Result<Page<ChannelView, ChannelId>, ApiError> {
    let (page, members) = ctx
        .db()
        .read(move |connection| {
            let page = store::page_of_member(connection, user, &page)?;
            let ids: Vec<ChannelId> = page.items.iter().map(|channel| channel.id).collect();
            let members = store::members_of(connection, &ids)?;
            Ok::<_, DatabaseError>((page, members))
        })
        .await?;
    let nobody = Vec::new();
    Ok(page.map(|channel| {
        let members = members.get(&channel.id).unwrap_or(&nobody);
        ChannelView::live(&channel, members, ctx.origin(), (user, online))
    }))
}
