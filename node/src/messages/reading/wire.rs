//! Read markers and unread counts as JSON.

use serde::{Deserialize, Serialize};

use super::counting::Counted;
use crate::base::ids::{ChannelId, CommunityId, MessageId};
use crate::notifications::model::Level;

/// The body of `PUT …/read`.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutRead {
    /// The newest message that was read.
    pub(super) message_id: MessageId,
}

/// How far the member has read in a channel, and what is unread after that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct UnreadView {
    pub(super) channel_id: ChannelId,
    pub(super) community_id: Option<CommunityId>,
    /// The newest message that was read; `null` when none ever was.
    pub(super) message_id: Option<MessageId>,
    /// Unread messages of others, 1,000 at most.
    pub(super) unread: usize,
    /// Whether there are more than that.
    pub(super) more: bool,
    /// How many of them are for the member: mentions, answers and calls; in a conversation all.
    pub(super) mentions: usize,
    /// Of what the member wants to be told there.
    pub(super) level: Level,
    /// Whether the member muted it.
    pub(super) muted: bool,
}

impl UnreadView {
    pub(super) fn new(
        (channel_id, community_id): (ChannelId, Option<CommunityId>),
        message_id: Option<MessageId>,
        counted: &Counted,
    ) -> Self {
        Self {
            channel_id,
            community_id,
            message_id,
            unread: counted.unread,
            more: counted.more,
            mentions: counted.mentions,
            level: counted.holds.level,
            muted: counted.holds.is_muted,
        }
    }
}

/// What the event `community.read` carries.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct CommunityRead {
    pub(super) community_id: CommunityId,
}
