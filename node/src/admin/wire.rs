//! Limits, blocks and activity as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use crate::base::ids::{BlockId, UserId};
use crate::platform::activity::Kind;
use crate::platform::limits::store::Block;

/// What to block.
#[derive(Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewBlock {
    /// An address, or a network in CIDR notation.
    pub(super) network: String,
    /// Why, for those who look at it later.
    pub(super) reason: String,
    /// When it ends; null for never.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(super) expires_at: Option<Timestamp>,
    /// Whether to block even the caller's own address, this machine or a proxy.
    #[serde(default)]
    pub(super) force: bool,
}

/// A block as those who run the node see it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct BlockView {
    pub(super) id: BlockId,
    network: String,
    reason: String,
    /// Whether the server made it by itself.
    automatic: bool,
    created_by: Option<UserId>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    /// When it ends; null for never.
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
}

impl From<Block> for BlockView {
    fn from(block: Block) -> Self {
        Self {
            id: block.id,
            network: block.network,
            reason: block.reason,
            automatic: block.automatic,
            created_by: block.created_by,
            created_at: Timestamp::from_millis(block.created_at),
            expires_at: block.expires_at.map(Timestamp::from_millis),
        }
    }
}

/// How wide a point of a chart is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Step {
    /// An hour.
    #[default]
    Hour,
    /// A day of UTC.
    Day,
}

/// One point of a chart.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Point {
    /// The start of the hour or day.
    #[schema(value_type = String, format = DateTime)]
    pub(super) at: Timestamp,
    /// How many; for a level, the most at one time.
    pub(super) count: i64,
}

/// One thing of a kind, with its count.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Subject {
    /// Such as the id of a channel.
    pub(super) subject: String,
    pub(super) count: i64,
}

/// What was counted over a time.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Chart {
    pub(super) kind: Kind,
    pub(super) by: Step,
    #[schema(value_type = String, format = DateTime)]
    pub(super) from: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    pub(super) to: Timestamp,
    /// In order; times without any are left out.
    pub(super) points: Vec<Point>,
    /// The busiest subjects of the whole time, at most 20.
    pub(super) top: Vec<Subject>,
}

/// How many sessions there are.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct SessionCounts {
    /// Sessions that could go on now.
    pub(super) open: i64,
    /// Members who have such a session.
    pub(super) members: i64,
    /// Those of them that were used in the last day.
    pub(super) used_today: i64,
    /// Sessions that began in the last day.
    pub(super) begun_today: i64,
}
