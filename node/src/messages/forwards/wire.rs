//! Messages that are passed on, as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::Forward;
use crate::base::ids::{ChannelId, MessageId};

/// Which message is to be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForwardSource {
    /// The channel it is in.
    pub channel_id: ChannelId,
    /// The message.
    pub message_id: MessageId,
}

/// What a message said when it was passed on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ForwardView {
    /// The id of the object that was passed on; it may be gone.
    pub uri: String,
    /// The handle of who wrote it.
    pub author: String,
    /// Markdown.
    pub content: String,
    /// Sanitised HTML.
    pub html: String,
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl From<Forward> for ForwardView {
    fn from(forward: Forward) -> Self {
        Self {
            uri: forward.uri,
            author: forward.author,
            content: forward.content,
            html: forward.html,
            created_at: Timestamp::from_millis(forward.created_at),
        }
    }
}
