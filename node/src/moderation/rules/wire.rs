//! Rules as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::{Rule, RuleAction};
use crate::base::filter::PatternKind;
use crate::base::ids::{ChannelId, CommunityId, CommunityRoleId, MessageId, RuleId, UserId};
use crate::base::patch::Patch;

/// A rule of what may be written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct RuleView {
    pub(super) id: RuleId,
    /// Of which community; null for rules of the node.
    community_id: Option<CommunityId>,
    /// For moderators.
    name: String,
    kind: PatternKind,
    /// The word, phrase, expression or domain; empty for those that count.
    pattern: String,
    /// How many mentions, or for the how many-th time.
    times: Option<i32>,
    /// Within how many seconds.
    seconds: Option<i32>,
    action: RuleAction,
    time_out_seconds: Option<i32>,
    /// What the author of a refused message is told.
    reason: String,
    exempt_roles: Vec<CommunityRoleId>,
    exempt_channels: Vec<ChannelId>,
    created_by: UserId,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
}

impl From<&Rule> for RuleView {
    fn from(rule: &Rule) -> Self {
        Self {
            id: rule.id,
            community_id: rule.community_id,
            name: rule.name.clone(),
            kind: rule.kind,
            pattern: rule.pattern.clone(),
            times: rule.times,
            seconds: rule.seconds,
            action: rule.action,
            time_out_seconds: rule.time_out_seconds,
            reason: rule.reason.clone(),
            exempt_roles: rule.exempt_roles(),
            exempt_channels: rule.exempt_channels(),
            created_by: rule.created_by,
            created_at: Timestamp::from_millis(rule.created_at),
            updated_at: Timestamp::from_millis(rule.updated_at),
        }
    }
}

/// A rule to be made, or to be tried.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewRule {
    /// For moderators, 1 to 80 characters.
    pub(super) name: String,
    pub(super) kind: PatternKind,
    /// The word, phrase, expression or domain, up to 500 characters.
    #[serde(default)]
    pub(super) pattern: String,
    /// From how many mentions on (1 to 100), or for the how many-th time (2 to 20).
    #[serde(default)]
    pub(super) times: Option<i32>,
    /// Within how many seconds, up to a day.
    #[serde(default)]
    pub(super) seconds: Option<i32>,
    pub(super) action: RuleAction,
    /// For how long the author is silenced, up to 28 days; with the action `time_out` alone.
    #[serde(default)]
    pub(super) time_out_seconds: Option<i32>,
    /// What the author of a refused message is told, 1 to 200 characters.
    pub(super) reason: String,
    /// Roles whose members the rule passes over, at most 50.
    #[serde(default)]
    pub(super) exempt_roles: Vec<CommunityRoleId>,
    /// Channels that the rule passes over, with the channels in them, at most 50.
    #[serde(default)]
    pub(super) exempt_channels: Vec<ChannelId>,
}

/// The body of `PATCH …/rules/{rule}`; what is absent stays.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchRule {
    #[serde(default)]
    pub(super) name: Option<String>,
    #[serde(default)]
    pub(super) kind: Option<PatternKind>,
    #[serde(default)]
    pub(super) pattern: Option<String>,
    #[serde(default)]
    #[schema(value_type = Option<i32>)]
    pub(super) times: Patch<i32>,
    #[serde(default)]
    #[schema(value_type = Option<i32>)]
    pub(super) seconds: Patch<i32>,
    #[serde(default)]
    pub(super) action: Option<RuleAction>,
    #[serde(default)]
    #[schema(value_type = Option<i32>)]
    pub(super) time_out_seconds: Patch<i32>,
    #[serde(default)]
    pub(super) reason: Option<String>,
    #[serde(default)]
    pub(super) exempt_roles: Option<Vec<CommunityRoleId>>,
    #[serde(default)]
    pub(super) exempt_channels: Option<Vec<ChannelId>>,
}

/// The body of `POST …/rules/dry-run`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DryRun {
    /// The rule to be tried; it is not kept.
    pub(super) rule: NewRule,
    /// The channel whose messages it is tried on.
    pub(super) channel_id: ChannelId,
    /// How many of its newest messages, 1 to 10,000; 1,000 when absent.
    #[serde(default)]
    pub(super) messages: Option<u32>,
}

/// What a rule would have found.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Tried {
    /// How many messages were looked at.
    pub(super) looked_at: u32,
    /// How many of them it would have found.
    pub(super) found: u32,
    /// The newest of these, at most 100.
    pub(super) messages: Vec<TriedMessage>,
    /// Whether time ran out before all were looked at.
    pub(super) is_cut_short: bool,
}

/// A message that a rule would have found.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct TriedMessage {
    pub(super) id: MessageId,
    pub(super) author_id: UserId,
    #[schema(value_type = String, format = DateTime)]
    pub(super) created_at: Timestamp,
}
