//! The people of conversations as JSON.

use federation_core::Timestamp;
use serde::Serialize;

use super::store::Participant;
use crate::accounts::wire::UserView;
use crate::base::ids::{ChannelId, UserId};
use crate::config::Origin;

/// Somebody in a conversation.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(in crate::channels) struct ParticipantView {
    /// Who.
    pub(super) user: UserView,
    /// Since when.
    #[schema(value_type = String, format = DateTime)]
    pub(super) joined_at: Timestamp,
}

impl ParticipantView {
    pub(super) fn new(participant: &Participant, origin: &Origin) -> Self {
        Self {
            user: UserView::new(&participant.user, origin),
            joined_at: Timestamp::from_millis(participant.joined_at),
        }
    }
}

/// What the event `participant.added` carries.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Added {
    pub(super) channel_id: ChannelId,
    pub(super) user: UserView,
    pub(super) by: UserId,
}

/// What the event `participant.removed` carries.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Removed {
    pub(super) channel_id: ChannelId,
    pub(super) user_id: UserId,
    pub(super) by: UserId,
    /// `left` or `removed`.
    pub(super) reason: &'static str,
}

/// What the event `channel.hidden` carries.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Hidden {
    pub(super) id: ChannelId,
}
