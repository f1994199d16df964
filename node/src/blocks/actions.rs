//! What can be done with blocks and mutes: one use case, one function, one transaction.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{BlockKind, UserBlock};
use super::store;
use super::wire::{BlockChange, UserBlockView};
use crate::accounts;
use crate::base::ids::UserId;
use crate::base::page::{Page, PageQuery};
use crate::follows;
use crate::notifications;
use crate::platform::ctx::Ctx;
use crate::platform::events::{EventLog, NewEvent, Topic};
use crate::platform::http::error::ApiError;

/// People that one member blocks, or mutes, at most (I11).
const MOST: i64 = 10_000;

/// Blocks or mutes a person of any node. A block ends the follows between the two.
pub(super) async fn put(
    ctx: &Ctx,
    me: UserId,
    kind: BlockKind,
    target: UserId,
) -> Result<UserBlockView, ApiError> {
    if me == target {
        let detail = "That is you.";
        return Err(ApiError::invalid("cannot_block_oneself", detail));
    }
    let held = ctx.clone();
    ctx.db()
        .write(move |connection| {
            let (log, now) = (EventLog::begin(connection)?, held.now());
            let user = accounts::store::by_id(connection, target)?;
            let user = user.ok_or_else(ApiError::not_found)?;
            if let Some(known) = store::find(connection, me, kind, target)? {
                return Ok(UserBlockView::new(&known, &user, held.origin()));
            }
            if store::count(connection, me, kind)? >= MOST {
                let detail = format!("There are too many: at most {MOST}.");
                return Err(ApiError::conflict("too_many", detail));
            }
            let block = UserBlock {
                user_id: me,
                target_id: target,
                kind,
                created_at: now.as_millis(),
            };
            store::put(connection, &block)?;
            if kind == BlockKind::Block {
                follows::actions::sever(&held, connection, me, &user)?;
                notifications::store::forget_actor(connection, me, target)?;
            }
            tell(connection, &log, me, (kind, target, true), now)?;
            Ok(UserBlockView::new(&block, &user, held.origin()))
        })
        .await
}

/// Lifts a block or mute; nothing happens when there is none.
pub(super) async fn remove(
    ctx: &Ctx,
    me: UserId,
    kind: BlockKind,
    target: UserId,
) -> Result<(), ApiError> {
    let now = ctx.now();
    ctx.db()
        .write(move |connection| {
            let log = EventLog::begin(connection)?;
            if store::remove(connection, me, kind, target)? {
                tell(connection, &log, me, (kind, target, false), now)?;
            }
            Ok(())
        })
        .await
}

/// Tells the sockets of the member alone.
fn tell(
    connection: &mut Connection,
    log: &EventLog,
    me: UserId,
    (kind, target, is_set): (BlockKind, UserId, bool),
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let event = NewEvent {
        topic: Topic::User(me),
        op: "block.updated",
        effect: None,
        subject: None,
    };
    let changed = BlockChange {
        user_id: target,
        kind,
        is_set,
    };
    log.append(connection, &event, &changed, now)?;
    Ok(())
}

/// One block or mute.
pub(super) async fn show(
    ctx: &Ctx,
    me: UserId,
    kind: BlockKind,
    target: UserId,
) -> Result<UserBlockView, ApiError> {
    let held = ctx.clone();
    ctx.db()
        .read(move |connection| {
            let block = store::find(connection, me, kind, target)?;
            let user = accounts::store::by_id(connection, target)?;
            match (block, user) {
                (Some(block), Some(user)) => Ok(UserBlockView::new(&block, &user, held.origin())),
                _ => Err(ApiError::not_found()),
            }
        })
        .await
}

/// Whom a member blocked or muted.
pub(super) async fn list(
    ctx: &Ctx,
    me: UserId,
    kind: BlockKind,
    query: PageQuery<UserId>,
) -> Result<Page<UserBlockView, UserId>, ApiError> {
    let held = ctx.clone();
    ctx.db()
        .read(move |connection| {
            let found = store::page(connection, me, kind, &query)?;
            Ok(found.map(|(block, user)| UserBlockView::new(&block, &user, held.origin())))
        })
        .await
}
