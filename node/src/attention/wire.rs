//! What members read and choose of what they are told, as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::accounts::wire::UserView;
use crate::base::ids::{ChannelId, CommunityId, NotificationId};
use crate::notifications::model::{Effective, Level, Preference};

/// How many unread notifications there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct NotificationCount {
    /// How many, 1,000 at most.
    pub(super) count: usize,
    /// Whether there are more than that.
    pub(super) more: bool,
}

/// The body of `POST /api/v1/notifications/read`: one of the three.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReadNotifications {
    /// These, 100 at most.
    #[serde(default)]
    pub(super) ids: Option<Vec<NotificationId>>,
    /// All up to this one.
    #[serde(default)]
    pub(super) up_to: Option<NotificationId>,
    /// All.
    #[serde(default)]
    pub(super) all: bool,
}

/// What the event `notification.read` carries.
#[derive(Clone, Debug, Serialize)]
pub(super) struct ReadEvent {
    pub(super) ids: Vec<NotificationId>,
    pub(super) up_to: Option<NotificationId>,
}

/// What the event `notification.deleted` carries.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct DismissedView {
    pub(super) id: NotificationId,
}

/// What the event `ping` carries.
#[derive(Clone, Debug, Serialize)]
pub(super) struct PingEvent {
    pub(super) user: UserView,
    pub(super) expires_at: Timestamp,
}

/// The body of `PUT …/preferences`.
#[derive(Clone, Copy, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PutPreferences {
    /// Of what to be told; `default` as the next wider place says.
    pub(super) level: Level,
    /// Until when to be told nothing.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) muted_until: Option<Timestamp>,
    /// Whether calls to everybody are left out; `null` as the next wider place says.
    #[serde(default)]
    pub(super) suppress_everyone: Option<bool>,
}

/// What a member chose for a place, and what holds there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct PreferencesView {
    channel_id: Option<ChannelId>,
    community_id: Option<CommunityId>,
    level: Level,
    #[schema(value_type = Option<String>, format = DateTime)]
    muted_until: Option<Timestamp>,
    suppress_everyone: Option<bool>,
    effective: EffectiveView,
}

/// What holds in a place by all that the member chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct EffectiveView {
    level: Level,
    muted: bool,
    suppress_everyone: bool,
}

impl PreferencesView {
    pub(super) fn new(
        (channel_id, community_id): (Option<ChannelId>, Option<CommunityId>),
        chosen: Preference,
        holds: Effective,
    ) -> Self {
        Self {
            channel_id,
            community_id,
            level: chosen.level,
            muted_until: chosen.muted_until.map(Timestamp::from_millis),
            suppress_everyone: chosen.suppress_everyone,
            effective: EffectiveView {
                level: holds.level,
                muted: holds.is_muted,
                suppress_everyone: holds.suppress_everyone,
            },
        }
    }
}
