//! Who is writing, as JSON.

use axum::extract::ws::Utf8Bytes;
use serde::{Deserialize, Serialize};

use crate::base::ids::{ChannelId, UserId};

/// What a client says by its frame `typing`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartTyping {
    /// Where the member is writing.
    pub channel_id: ChannelId,
}

/// What the event `typing` carries.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct TypingView {
    pub(super) channel_id: ChannelId,
    pub(super) user_id: UserId,
}

#[derive(Serialize)]
struct Whisper<'a> {
    op: &'static str,
    d: &'a TypingView,
}

impl TypingView {
    pub(super) fn frame(&self) -> Utf8Bytes {
        // Ids always serialise.
        let whisper = Whisper {
            op: "typing",
            d: self,
        };
        serde_json::to_string(&whisper).unwrap_or_default().into()
    }
}
