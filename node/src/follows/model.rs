//! What a follow is.

use diesel::prelude::*;

use crate::base::ids::{FollowId, UserId};
use crate::platform::db::schema::follows;

/// One person's wish to follow another, granted or not yet.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = follows)]
pub struct Follow {
    /// The id on this node.
    pub id: FollowId,
    /// Who follows.
    pub follower_id: UserId,
    /// Who is followed.
    pub followee_id: UserId,
    /// The id of the `Follow` activity.
    pub activity_id: String,
    /// When it was asked, in milliseconds since the Unix epoch.
    pub created_at: i64,
    /// When it was accepted, in milliseconds since the Unix epoch.
    pub accepted_at: Option<i64>,
}

impl Follow {
    /// Where it stands.
    pub fn state(&self) -> FollowState {
        if self.accepted_at.is_some() {
            FollowState::Accepted
        } else {
            FollowState::Pending
        }
    }
}

/// Where a follow stands.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum FollowState {
    /// Asked, and not answered yet.
    Pending,
    /// Agreed to.
    Accepted,
}

/// Which end of a follow a list is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Those who follow the person.
    Followers,
    /// Those whom the person follows.
    Following,
}
