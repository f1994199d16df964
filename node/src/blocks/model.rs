//! What a block and a mute are; no IO.

use diesel::prelude::*;

use crate::base::ids::UserId;
use crate::base::words::words;
use crate::platform::db::schema::user_blocks;
use crate::platform::http::error::ApiError;

words! {
    /// What a member does not want of somebody.
    pub enum BlockKind {
        /// Nothing at all: no conversation, no follow, no notification.
        Block = "block",
        /// To be told of them.
        Mute = "mute",
    }
}

/// Whom somebody blocked or muted.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = user_blocks)]
pub struct UserBlock {
    /// Whose choice it is.
    pub user_id: UserId,
    /// Whom it is about.
    pub target_id: UserId,
    /// Which of both.
    pub kind: BlockKind,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
}

/// The refusal that somebody gets who was blocked; it says no more than that.
pub fn not_accepting() -> ApiError {
    let detail = "They do not accept this from you.";
    ApiError::forbidden("not_accepting", detail)
}

/// The refusal that somebody gets who blocked the other one.
pub fn blocked_by_you() -> ApiError {
    let detail = "You blocked them: lift the block first.";
    ApiError::forbidden("blocked_by_you", detail)
}
