//! The first page of a channel, from memory where that is good.

use std::sync::Arc;

use federation_core::store::sql::DatabaseError;

use super::read::read;
use super::{Held, Recent, Rendered};
use crate::base::ids::{ChannelId, MessageId};
use crate::base::page::Page;
use crate::platform::ctx::Ctx;

/// Messages of one channel that are remembered.
pub const SIZE: u32 = 50;

/// The newest messages of a channel, at most `limit` and at most [`SIZE`]. Whoever calls it has
/// judged that they may be read.
///
/// # Errors
/// The database failed.
pub async fn first_page(
    ctx: &Ctx,
    recent: &Recent,
    channel: ChannelId,
    limit: u32,
) -> Result<Page<Rendered, MessageId>, DatabaseError> {
    let limit = usize::try_from(limit.min(SIZE)).unwrap_or(usize::MAX);
    if let Some(held) = recent.certain(ctx, channel).await? {
        return Ok(held.page(limit));
    }
    // Both before the rows: what changes while they are read makes what is remembered old.
    let as_of = recent.0.bus.position();
    let commit = *ctx.db().committed().borrow();
    let shown = ctx.clone();
    let found = ctx
        .db()
        .read(move |connection| read(&shown, connection, channel, (as_of, commit)))
        .await?;
    let held = Arc::new(found);
    recent.put(channel, Arc::clone(&held));
    Ok(held.page(limit))
}

impl Held {
    fn page(&self, limit: usize) -> Page<Rendered, MessageId> {
        let shown = self.messages.iter().take(limit);
        let last = shown.clone().next_back().map(|(id, _)| *id);
        let more = self.more || self.messages.len() > limit;
        Page {
            next: last.filter(|_| more),
            prev: self.messages.first().map(|(id, _)| *id),
            items: shown.map(|(_, text)| text.clone()).collect(),
        }
    }
}
