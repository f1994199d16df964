//! Channels as JSON.

use federation_core::Timestamp;
use serde::Serialize;

use super::model::{Channel, ChannelKind};
use crate::accounts::model::User;
use crate::accounts::online::Online;
use crate::accounts::wire::UserView;
use crate::base::ids::{ChannelId, CommunityId, UserId};
use crate::config::Origin;

/// A channel as everybody sees it who sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ChannelView {
    /// The id.
    pub id: ChannelId,
    /// What sort of channel.
    pub kind: ChannelKind,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Whether it is a direct conversation whose people come and go.
    pub is_group: bool,
    /// The community it belongs to; direct conversations belong to none.
    pub community: Option<CommunityId>,
    /// The category of a channel, the channel of a thread.
    pub parent_id: Option<ChannelId>,
    /// What it is about.
    pub topic: Option<String>,
    /// Its place among the channels of its community.
    pub position: i32,
    /// Seconds between two messages of one member; 0 for none.
    pub slow_mode_seconds: i32,
    /// Whether only those see it who are named in it.
    pub is_private: bool,
    /// Whether nothing is to be added to it any more.
    pub is_archived: bool,
    /// The id of the Group that it is for other nodes, if it is one.
    pub actor: Option<String>,
    /// Who made it.
    pub created_by: Option<UserId>,
    /// The people in a direct conversation.
    pub participants: Vec<UserView>,
    /// When it was made.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

impl ChannelView {
    /// Shows a channel with its members.
    pub fn new(channel: &Channel, members: &[User], origin: &Origin) -> Self {
        Self {
            id: channel.id,
            kind: channel.kind,
            name: channel.name.clone(),
            is_group: channel.is_group,
            community: channel.community_id,
            parent_id: channel.parent_id,
            topic: channel.topic.clone(),
            position: channel.position,
            slow_mode_seconds: channel.slow_mode_seconds,
            is_private: channel.is_private,
            is_archived: channel.archived_at.is_some(),
            actor: channel.actor_uri.clone(),
            created_by: channel.created_by,
            participants: members
                .iter()
                .map(|user| UserView::new(user, origin))
                .collect(),
            created_at: Timestamp::from_millis(channel.created_at),
        }
    }

    /// Shows a channel now to one of its members, with who of this node is there.
    pub fn live(
        channel: &Channel,
        members: &[User],
        origin: &Origin,
        (viewer, online): (UserId, &Online),
    ) -> Self {
        let mut view = Self::new(channel, members, origin);
        for (shown, member) in view.participants.iter_mut().zip(members) {
            shown.presence = if member.id == viewer {
                Some(member.presence)
            } else {
                member.is_local().then(|| online.status(member.id))
            };
        }
        view
    }
}
