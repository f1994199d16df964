//! Channels as JSON.

use federation_core::Timestamp;
use serde::Serialize;

use super::model::Channel;
use crate::accounts::model::User;
use crate::accounts::online::Online;
use crate::accounts::wire::UserView;
use crate::base::ids::{ChannelId, UserId};
use crate::config::Origin;

/// A channel as its members see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct ChannelView {
    /// The id.
    pub id: ChannelId,
    /// `dm`.
    pub kind: String,
    /// Its name, if it has one.
    pub name: Option<String>,
    /// The community it belongs to; direct conversations belong to none.
    pub community: Option<String>,
    /// The people in it.
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
            kind: channel.kind.clone(),
            name: channel.name.clone(),
            community: None,
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
