//! Follows as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::{Follow, FollowState};
use crate::accounts::model::User;
use crate::accounts::wire::UserView;
use crate::config::Origin;

/// Names a person of any node.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Whom {
    /// A local name, `@name@domain`, or the id of an actor.
    #[serde(alias = "target")]
    pub handle: String,
}

/// A follow as the person on one end of it sees it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct FollowView {
    /// The person on the other end.
    pub user: UserView,
    /// Where it stands.
    pub state: FollowState,
    /// When it was asked.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When it was accepted.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub accepted_at: Option<Timestamp>,
}

impl FollowView {
    /// Shows a follow with the person on its other end.
    pub fn new(follow: &Follow, other: &User, origin: &Origin) -> Self {
        Self {
            user: UserView::new(other, origin),
            state: follow.state(),
            created_at: Timestamp::from_millis(follow.created_at),
            accepted_at: follow.accepted_at.map(Timestamp::from_millis),
        }
    }
}
