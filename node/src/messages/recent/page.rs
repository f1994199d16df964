//! The first page of a channel, from memory where that is good.

use std::sync::Arc;

use federation_core::store::sql::DatabaseError;

use super::read::read;
use super::{Held, Recent, Rendered};
use crate::base::ids::{ChannelId, MessageId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::channels;
use crate::channels::model::Channel;
use crate::channels::structure::is_mirror;
use crate::messages::showing::page;
use crate::messages::wire::MessageView;
use crate::platform::ctx::Ctx;

/// Messages of one channel that are remembered.
pub const SIZE: u32 = 50;

/// What was read of a channel.
enum Found {
    /// A channel of a community, where all see the same.
    Shared(Held),
    /// A conversation, where each sees what was said since they came, or a channel of another node,
    /// where each sees how far their own messages have come.
    Own(Page<MessageView, MessageId>),
}

/// The newest messages of a channel, at most `limit` and at most [`SIZE`]. Whoever calls it has
/// judged that they may be read.
///
/// # Errors
/// The database failed.
pub async fn first_page(
    ctx: &Ctx,
    recent: &Recent,
    (user, channel): (UserId, ChannelId),
    limit: u32,
) -> Result<Page<Rendered, MessageId>, DatabaseError> {
    let query = PageQuery {
        before: None,
        after: None,
        limit: Some(limit.min(SIZE)),
    };
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
        .read(move |connection| {
            let known = channels::store::by_id(connection, channel)?;
            let shared = |known: Channel| {
                let is_mirror = is_mirror(shown.origin(), &known);
                known.community_id.filter(|_| !is_mirror)
            };
            if let Some(community) = known.and_then(shared) {
                let place = (channel, community);
                let held = read(&shown, connection, place, (as_of, commit))?;
                return Ok(Found::Shared(held));
            }
            let found = page(&shown, connection, (user, channel), &query)?;
            found
                .map(Found::Own)
                .ok_or(DatabaseError::Malformed { what: "cursor" })
        })
        .await?;
    let held = match found {
        Found::Own(Page { items, next, prev }) => {
            let items = items.iter().map(Rendered::new).collect::<Result<_, _>>()?;
            return Ok(Page { items, next, prev });
        }
        Found::Shared(held) => Arc::new(held),
    };
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
