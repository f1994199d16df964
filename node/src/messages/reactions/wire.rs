//! Reactions as JSON.

use federation_core::Timestamp;
use serde::Serialize;

use crate::accounts::wire::UserView;
use crate::base::ids::{ChannelId, EmojiId, MessageId, UserId};

/// One emoji on a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ReactionView {
    /// The emoji, or `:shortcode:`.
    pub emoji: String,
    /// How many put it there.
    pub count: i64,
    /// Those who did so first, at most 20.
    pub users: Vec<UserId>,
    /// Which custom emoji it is; absent for all others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom: Option<CustomEmojiView>,
}

/// A custom emoji where it is used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct CustomEmojiView {
    /// Which.
    pub id: EmojiId,
    /// Where its picture is.
    pub url: String,
}

/// Somebody who put an emoji on a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct ReactorView {
    /// Who.
    pub(super) user: UserView,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub(super) reacted_at: Timestamp,
}

/// What the events `reaction.added` and `reaction.removed` carry.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ReactionEvent<'a> {
    pub(super) message_id: MessageId,
    pub(super) channel_id: ChannelId,
    pub(super) user_id: UserId,
    pub(super) emoji: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) custom: Option<CustomEmojiView>,
}

/// What the event `reaction.cleared` carries.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct ClearedEvent {
    pub(super) message_id: MessageId,
    pub(super) channel_id: ChannelId,
}
