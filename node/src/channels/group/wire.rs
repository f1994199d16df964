//! Channels of other nodes as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::ids::{ChannelId, JoinId};
use crate::groups::model::{Join, JoinState};

/// Names a channel of another node.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct WhichGroup {
    /// `@channel.community@domain`, or the id of a Group.
    #[serde(alias = "uri")]
    pub(super) handle: String,
}

/// The wish of a member to be in a channel of another node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ChannelJoinView)]
pub(super) struct JoinView {
    /// The id of the wish.
    pub(super) id: JoinId,
    /// The id of the Group.
    pub(super) group: String,
    /// Where it stands.
    pub(super) state: JoinState,
    /// Why nothing can be said there, when that is so.
    pub(super) reason: Option<String>,
    /// The channel of this node that stands for it, once there is one.
    pub(super) channel_id: Option<ChannelId>,
    /// When it was asked.
    #[schema(value_type = String, format = DateTime)]
    pub(super) created_at: Timestamp,
}

impl From<&Join> for JoinView {
    fn from(join: &Join) -> Self {
        let is_refused = join.state == JoinState::Refused;
        Self {
            id: join.id,
            group: join.group_uri.clone(),
            state: join.state,
            reason: is_refused.then(|| "refused_by_its_node".to_owned()),
            channel_id: join.channel_id,
            created_at: Timestamp::from_millis(join.created_at),
        }
    }
}
