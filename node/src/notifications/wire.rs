//! Notifications as JSON.

use federation_core::Timestamp;
use serde::Serialize;

use super::model::{Notification, NotificationKind};
use crate::accounts::model::User;
use crate::accounts::wire::UserView;
use crate::base::ids::{ChannelId, CommunityId, MessageId, NotificationId};
use crate::config::Origin;

/// What a member is told of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct NotificationView {
    /// The id.
    pub id: NotificationId,
    /// Of what.
    pub kind: NotificationKind,
    /// Who did it, where that is told.
    pub actor: Option<UserView>,
    /// In which community.
    pub community_id: Option<CommunityId>,
    /// In which channel.
    pub channel_id: Option<ChannelId>,
    /// By which message.
    pub message_id: Option<MessageId>,
    /// The beginning of the message as it is now; in lists alone.
    pub excerpt: Option<String>,
    /// Until when it holds, such as a time-out.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub ends_at: Option<Timestamp>,
    /// When it happened.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Whether the member read it.
    pub is_read: bool,
}

impl NotificationView {
    /// Shows a notification.
    pub fn new(
        notification: &Notification,
        actor: Option<&User>,
        excerpt: Option<String>,
        origin: &Origin,
    ) -> Self {
        Self {
            id: notification.id,
            kind: notification.kind,
            actor: actor.map(|user| UserView::new(user, origin)),
            community_id: notification.community_id,
            channel_id: notification.channel_id,
            message_id: notification.message_id,
            excerpt,
            ends_at: notification.ends_at.map(Timestamp::from_millis),
            created_at: Timestamp::from_millis(notification.created_at),
            is_read: notification.read_at.is_some(),
        }
    }
}
