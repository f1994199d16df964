//! Blocks and mutes as JSON.

use federation_core::Timestamp;
use serde::Serialize;

use super::model::{BlockKind, UserBlock};
use crate::accounts::model::User;
use crate::accounts::wire::UserView;
use crate::base::ids::UserId;
use crate::config::Origin;

/// Somebody whom the member blocked or muted.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct UserBlockView {
    /// Who.
    user: UserView,
    kind: BlockKind,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl UserBlockView {
    pub(super) fn new(block: &UserBlock, user: &User, origin: &Origin) -> Self {
        Self {
            user: UserView::new(user, origin),
            kind: block.kind,
            created_at: Timestamp::from_millis(block.created_at),
        }
    }
}

/// What the event `block.updated` carries.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct BlockChange {
    pub(super) user_id: UserId,
    pub(super) kind: BlockKind,
    pub(super) is_set: bool,
}
