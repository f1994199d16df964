//! What a client shows first: the latest messages of the channels written in last.

use federation_core::store::sql::DatabaseError;
use serde::{Deserialize, Serialize};

use super::Sources;
use crate::base::ids::{ChannelId, MessageId, UserId};
use crate::messages::recent::{self, Rendered};
use crate::platform::ctx::Ctx;
use crate::platform::events::{Form, Topic};

/// Channels in one welcome at most.
const CHANNELS: u32 = 20;
/// Messages of each at most.
const MESSAGES: u32 = 50;

/// How much of it a client wants; more than there may be counts as what there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    pub(super) channels: u32,
    pub(super) messages: u32,
}

/// What `ready.welcome` carries.
#[derive(Debug, Serialize)]
pub(super) struct Welcome {
    channels: Vec<Part>,
}

#[derive(Debug, Serialize)]
struct Part {
    channel_id: ChannelId,
    /// Newest first.
    messages: Vec<Rendered>,
    /// Where older ones go on (`before`); null when these are all.
    next: Option<MessageId>,
}

/// Gathers it; `topics` is what the socket receives. Read after the place was taken: whatever was
/// committed before is in it, and what comes after is told too.
pub(super) async fn gather(
    ctx: &Ctx,
    sources: &Sources,
    user: UserId,
    (wanted, form): (Wanted, Form),
    topics: Vec<Topic>,
) -> Result<Welcome, DatabaseError> {
    let limit = usize::try_from(wanted.channels.min(CHANNELS)).unwrap_or(0);
    let messages = wanted.messages.min(MESSAGES);
    let now = ctx.now();
    let found = ctx
        .db()
        .read(move |connection| recent::lately(connection, user, &topics, limit, now))
        .await?;
    let mut channels = Vec::new();
    for lately in found {
        let page =
            recent::first_page(ctx, &sources.recent, (user, lately.channel), messages).await?;
        let messages = match form {
            Form::Full => page.items,
            Form::Light => page
                .items
                .iter()
                .map(Rendered::light)
                .collect::<Result<_, _>>()?,
        };
        channels.push(Part {
            channel_id: lately.channel,
            messages,
            next: page.next,
        });
    }
    Ok(Welcome { channels })
}
