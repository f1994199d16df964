//! What can be done with read markers: one use case, one function, one transaction.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::counting;
use super::places::{self, Membership, Place};
use super::store;
use super::wire::{CommunityRead, UnreadView};
use crate::base::ids::{ChannelId, CommunityId, MessageId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::channels::access::{self, Seen};
use crate::messages;
use crate::messages::model::Message;
use crate::platform::ctx::Ctx;
use crate::platform::events::{EventLog, NewEvent, Topic};
use crate::platform::http::error::ApiError;

/// Notes that a member has read up to a message. A marker that is further on stays.
pub(super) async fn put(
    ctx: &Ctx,
    me: UserId,
    channel: ChannelId,
    message: MessageId,
) -> Result<UnreadView, ApiError> {
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            let log = EventLog::begin(connection)?;
            let seen = access::require(connection, me, channel, now)?;
            let read = messages::store::anywhere(connection, message)?;
            let is_here = |message: &Message| {
                message.channel_id == channel && message.is_seen_by(me, seen.visible_from)
            };
            let read = read.filter(is_here);
            let read = read.ok_or_else(ApiError::not_found)?;
            let is_moved = store::advance(connection, me, channel, read.seq, now)?;
            let view = view(connection, me, &seen, now)?;
            if is_moved {
                tell(connection, &log, me, ("read.updated", &view), now)?;
            }
            Ok::<_, ApiError>(view)
        })
        .await
}

fn view(
    connection: &mut Connection,
    me: UserId,
    seen: &Seen,
    now: Timestamp,
) -> Result<UnreadView, DatabaseError> {
    let channel = seen.channel.id;
    let membership = Membership::of(seen);
    let place = Place {
        channel,
        membership: membership.as_ref(),
        visible_from: seen.visible_from,
    };
    let marker = store::marker(connection, me, channel)?;
    let message = match marker {
        Some(seq) => store::at(connection, channel, seq)?,
        None => None,
    };
    let counted = counting::count(connection, me, &place, marker, now)?;
    Ok(UnreadView::new(
        (channel, place.community()),
        message,
        &counted,
    ))
}

fn tell(
    connection: &mut Connection,
    log: &EventLog,
    me: UserId,
    (op, data): (&'static str, &impl serde::Serialize),
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let event = NewEvent {
        topic: Topic::User(me),
        op,
        effect: None,
        subject: None,
    };
    log.append(connection, &event, data, now)?;
    Ok(())
}

/// Notes that a member has read all that they see in a community.
pub(super) async fn put_all(ctx: &Ctx, me: UserId, community: CommunityId) -> Result<(), ApiError> {
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            let log = EventLog::begin(connection)?;
            let memberships = places::memberships(connection, me, now)?;
            let membership = memberships.iter().find(|one| one.community == community);
            let membership = membership.ok_or_else(ApiError::not_found)?;
            let mut is_moved = false;
            for some in membership.channels.chunks(500) {
                for head in store::heads(connection, some)? {
                    is_moved |= store::advance(connection, me, head.channel, head.seq, now)?;
                }
            }
            if is_moved {
                let read = CommunityRead {
                    community_id: community,
                };
                tell(connection, &log, me, ("community.read", &read), now)?;
            }
            Ok::<_, ApiError>(())
        })
        .await
}

/// The channels in which something is unread, the newest channel first.
pub(super) async fn list(
    ctx: &Ctx,
    me: UserId,
    query: PageQuery<ChannelId>,
) -> Result<Page<UnreadView, ChannelId>, ApiError> {
    let now = ctx.now();
    ctx.db()
        .read(move |connection| {
            let memberships = places::memberships(connection, me, now)?;
            let mut wanted = places::all(connection, me, &memberships)?;
            let within = |place: &Place<'_>| {
                query.before.is_none_or(|before| place.channel < before)
                    && query.after.is_none_or(|after| place.channel > after)
            };
            wanted.retain(within);
            if query.is_forwards() {
                wanted.reverse();
            }
            let limit = usize::try_from(query.limit()).unwrap_or(usize::MAX);
            let mut found = Vec::new();
            for (place, marker) in counting::moved(connection, me, &wanted)? {
                if found.len() > limit {
                    break;
                }
                let counted = counting::count(connection, me, &place, marker, now)?;
                if counted.unread == 0 {
                    continue;
                }
                let message = match marker {
                    Some(seq) => store::at(connection, place.channel, seq)?,
                    None => None,
                };
                let of = (place.channel, place.community());
                found.push(UnreadView::new(of, message, &counted));
            }
            Ok(Page::newest_first(found, &query, |view| view.channel_id))
        })
        .await
}
