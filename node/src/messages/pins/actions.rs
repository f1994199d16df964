//! What can be done with pins: one use case, one function, one transaction.

use federation_core::store::sql::Connection;
use serde::Serialize;
use serde_json::json;

use super::store;
use crate::accounts::acting::Acting;
use crate::base::ids::{ChannelId, MessageId, UserId};
use crate::base::permission::Permission;
use crate::channels::access;
use crate::channels::access::Seen;
use crate::communities::acts;
use crate::communities::error::CommunityError;
use crate::communities::known::Known;
use crate::messages::actions::{Place, find};
use crate::messages::apart::keep_apart;
use crate::messages::model::Message;
use crate::messages::showing::views;
use crate::messages::telling::tell_of;
use crate::messages::wire::MessageView;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::error::ApiError;

/// Pinned messages of one channel at most (I11).
pub(super) const MOST: i64 = 50;

/// What the events `message.pinned` and `message.unpinned` carry.
#[derive(Clone, Copy, Debug, Serialize)]
struct PinEvent {
    message_id: MessageId,
    channel_id: ChannelId,
    user_id: UserId,
}

/// Goes on only for those who pin here: moderators, and the people of a conversation.
fn may_pin(seen: &Seen) -> Result<(), CommunityError> {
    seen.needs(match seen.channel.community_id {
        Some(_) => Permission::ManageMessages,
        None => Permission::SendMessages,
    })
}

/// Pins a message, or unpins it; to be run in a transaction.
///
/// # Errors
/// 404 when the member does not see the message, 403 when they may not pin or one of two blocked the
/// other, 409 when as many are
/// pinned as may be.
pub(super) fn set(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    place: &Place,
    pinned: bool,
) -> Result<(), ApiError> {
    let (seen, message) = find(ctx, connection, place)?;
    may_pin(&seen)?;
    if pinned {
        keep_apart(connection, &seen.channel, place.user)?;
    }
    let is_pinned = store::of(connection, &[message.id])?.contains(&message.id);
    if is_pinned == pinned {
        return Ok(());
    }
    let now = ctx.now();
    let (op, act) = if pinned {
        if store::count(connection, place.channel)? >= MOST {
            let detail = "A channel has at most 50 pinned messages.";
            return Err(ApiError::conflict("too_many_pins", detail));
        }
        store::insert(connection, &message, place.user, now)?;
        ("message.pinned", "message.pin")
    } else {
        store::clear(connection, message.id)?;
        ("message.unpinned", "message.unpin")
    };
    if let Some(community) = seen.channel.community_id {
        let me = Acting {
            id: place.user,
            request: place.request,
        };
        let after = json!({"channel_id": place.channel});
        let entry = me.entry(act).on("message", &message.id);
        acts::record(connection, community, &entry.change(None, Some(after)), now)?;
    }
    tell(ctx, connection, log, op, &message, place.user)
}

fn tell(
    ctx: &Ctx,
    connection: &mut Connection,
    log: &EventLog,
    op: &'static str,
    message: &Message,
    by: UserId,
) -> Result<(), ApiError> {
    let data = PinEvent {
        message_id: message.id,
        channel_id: message.channel_id,
        user_id: by,
    };
    Ok(tell_of(ctx, connection, log, op, message, &data)?)
}

/// The pinned messages of a channel, the latest pinned first.
///
/// # Errors
/// 404 when the member does not see the channel, 403 when they may not read back.
pub(super) async fn list(
    ctx: &Ctx,
    known: &Known,
    user: UserId,
    channel: ChannelId,
) -> Result<Vec<MessageView>, ApiError> {
    let held = ctx.clone();
    access::check(ctx, known, (user, channel), Permission::ReadHistory).await?;
    ctx.db()
        .read(move |connection| {
            let from = access::visible_from(connection, user, channel)?;
            let mut found = store::list(connection, channel)?;
            found.retain(|message| message.is_seen_by(user, from));
            let shown = views(&held, connection, found)?.into_iter();
            Ok(shown.map(|view| view.seen_by(user, from)).collect())
        })
        .await
}
