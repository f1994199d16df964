//! What can be done with drafts: one use case, one function, one transaction.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::store::{self, DraftRow};
use super::wire::{DraftView, PutDraft};
use crate::base::ids::{ChannelId, UserId};
use crate::base::permission::Permission;
use crate::channels::access;
use crate::messages::actions::answered;
use crate::platform::ctx::Ctx;
use crate::platform::events::{EventLog, NewEvent, Topic};
use crate::platform::http::error::ApiError;

/// Drafts of one member at most (I11).
const MOST: i64 = 200;

/// Keeps what a member has begun to write in a channel where they may write.
pub(super) async fn put(
    ctx: &Ctx,
    me: UserId,
    channel: ChannelId,
    body: PutDraft,
) -> Result<DraftView, ApiError> {
    check(&body.content, ctx.config().limits.message_characters)?;
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            let log = EventLog::begin(connection)?;
            let seen = access::require(connection, me, channel, now)?;
            seen.needs(Permission::SendMessages)?;
            answered(connection, &seen, (me, body.reply_to))?;
            let is_new = store::find(connection, me, channel)?.is_none();
            if is_new && store::count(connection, me)? >= MOST {
                let detail = format!("There are too many drafts: at most {MOST}.");
                return Err(ApiError::conflict("too_many", detail));
            }
            let draft = DraftRow {
                user_id: me,
                channel_id: channel,
                content: body.content.clone(),
                reply_to: body.reply_to,
                updated_at: now.as_millis(),
            };
            store::put(connection, &draft)?;
            let view = DraftView::from(draft);
            tell(connection, &log, me, &view, now)?;
            Ok(view)
        })
        .await
}

fn check(content: &str, limit: usize) -> Result<(), ApiError> {
    if content.is_empty() {
        return Err(ApiError::invalid("empty_content", "Write something."));
    }
    if content.chars().count() > limit {
        let detail = format!("A message has at most {limit} characters.");
        return Err(ApiError::invalid("content_too_long", detail));
    }
    if content.contains('\0') {
        let detail = "A message holds no U+0000.";
        return Err(ApiError::invalid("invalid_content", detail));
    }
    Ok(())
}

/// The draft of a member in a channel that they see.
pub(super) async fn show(ctx: &Ctx, me: UserId, channel: ChannelId) -> Result<DraftView, ApiError> {
    let now = ctx.now();
    ctx.db()
        .read(move |connection| {
            access::require(connection, me, channel, now)?;
            let draft = store::find(connection, me, channel)?;
            let draft = draft.ok_or_else(ApiError::not_found)?;
            Ok(DraftView::from(draft))
        })
        .await
}

/// Drops a draft, also where the member sees the channel no longer.
pub(super) async fn remove(ctx: &Ctx, me: UserId, channel: ChannelId) -> Result<(), ApiError> {
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            let log = EventLog::begin(connection)?;
            Ok(sent(connection, &log, (me, channel), now)?)
        })
        .await
}

/// Drops the draft of somebody who wrote in a channel, if there is one; to be run in the
/// transaction of the message.
pub(in crate::messages) fn sent(
    connection: &mut Connection,
    log: &EventLog,
    (me, channel): (UserId, ChannelId),
    now: Timestamp,
) -> Result<(), DatabaseError> {
    if store::remove(connection, me, channel)? {
        tell(connection, log, me, &DraftView::gone(channel, now), now)?;
    }
    Ok(())
}

fn tell(
    connection: &mut Connection,
    log: &EventLog,
    me: UserId,
    view: &DraftView,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    // What was begun before is not told again to a device that comes back.
    let subject = format!("draft:{me}:{}", view.channel());
    log.retract(connection, &subject)?;
    let event = NewEvent {
        topic: Topic::User(me),
        op: "draft.updated",
        effect: None,
        subject: Some(&subject),
    };
    log.append(connection, &event, view, now)?;
    Ok(())
}
