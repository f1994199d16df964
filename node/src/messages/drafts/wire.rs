//! Drafts as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::store::DraftRow;
use crate::base::ids::{ChannelId, MessageId};

/// The body of `PUT …/draft`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutDraft {
    /// Markdown, as long as a message may be.
    pub(super) content: String,
    /// The message it is to answer.
    #[serde(default)]
    pub(super) reply_to: Option<MessageId>,
}

/// What a member has begun to write; in events without content once it is gone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct DraftView {
    channel_id: ChannelId,
    /// Markdown; `null` when there is no draft any more.
    content: Option<String>,
    /// The message it is to answer.
    reply_to: Option<MessageId>,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl DraftView {
    pub(super) const fn gone(channel_id: ChannelId, now: Timestamp) -> Self {
        Self {
            channel_id,
            content: None,
            reply_to: None,
            updated_at: now,
        }
    }

    pub(super) const fn channel(&self) -> ChannelId {
        self.channel_id
    }
}

impl From<DraftRow> for DraftView {
    fn from(draft: DraftRow) -> Self {
        Self {
            channel_id: draft.channel_id,
            content: Some(draft.content),
            reply_to: draft.reply_to,
            updated_at: Timestamp::from_millis(draft.updated_at),
        }
    }
}
