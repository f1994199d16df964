//! What a report is; no IO beyond its form in rows.

use std::time::Duration;

use diesel::prelude::*;

use crate::base::ids::{ChannelId, CommunityId, ReportId, ReportStepId, RuleId, UserId};
use crate::base::words::words;
use crate::platform::db::schema::{report_steps, reports};

/// Characters of a comment or note at most.
pub(super) const MAX_TEXT: usize = 1_000;
/// How long a judged report is kept, with the content that it holds.
pub(super) const KEPT: Duration = Duration::from_hours(90 * 24);
/// Reports of one member in a day at most.
pub(super) const A_DAY_EACH: i64 = 50;
/// Reports of one other domain in an hour at most; further ones are passed over.
pub(super) const AN_HOUR_EACH_DOMAIN: i64 = 30;
/// Reports of one other domain that wait to be judged at most; further ones are passed over.
pub(super) const OPEN_EACH_DOMAIN: i64 = 200;
/// Reports of all domains of one site in an hour at most; further ones are passed over.
pub(super) const AN_HOUR_EACH_SITE: i64 = 60;
/// Reports of all domains of one site that wait to be judged at most; further ones are passed over.
pub(super) const OPEN_EACH_SITE: i64 = 400;
/// Reports of all other nodes that wait to be judged at most; further ones are passed over.
pub(super) const OPEN_OF_NODES: i64 = 2_000;
/// How long a report of another node waits after the last step about it, before it is erased.
pub(super) const WAITS: Duration = Duration::from_hours(180 * 24);
/// Steps shown with a report.
pub(super) const STEPS: i64 = 200;

words! {
    /// What is reported.
    pub enum TargetKind {
        /// A message.
        Message = "message",
        /// A person.
        User = "user",
        /// A community.
        Community = "community",
        /// A channel.
        Channel = "channel",
    }
}

words! {
    /// Why something is reported.
    pub enum ReportReason {
        /// Unwanted advertising.
        Spam = "spam",
        /// Harassment and the like.
        Abuse = "abuse",
        /// Against the law.
        Illegal = "illegal",
        /// Something else.
        Other = "other",
    }
}

words! {
    /// Who reports.
    pub enum ReportSource {
        /// A member of this node.
        Member = "member",
        /// Another node.
        Node = "node",
        /// A rule.
        Rule = "rule",
    }
}

words! {
    /// How far a report has come.
    pub enum ReportState {
        /// Nobody looks at it yet.
        Open = "open",
        /// Somebody looks at it.
        Assigned = "assigned",
        /// Something was done about it.
        Resolved = "resolved",
        /// Nothing is to be done about it.
        Dismissed = "dismissed",
    }
}

words! {
    /// For whom somebody judges.
    pub enum CourtKind {
        /// For the node.
        Node = "node",
        /// For a community.
        Community = "community",
    }
}

impl ReportState {
    /// Whether it is judged.
    pub const fn is_closed(self) -> bool {
        matches!(self, Self::Resolved | Self::Dismissed)
    }
}

/// A report as its row has it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = reports)]
pub struct Report {
    /// The id.
    pub id: ReportId,
    /// Whose moderators judge it beside those of the node.
    pub community_id: Option<CommunityId>,
    /// What is reported.
    pub target_kind: TargetKind,
    /// Its id.
    pub target_id: String,
    /// The person whose doing it is.
    pub subject_id: Option<UserId>,
    /// Why.
    pub reason: ReportReason,
    /// What the one who reports says.
    pub comment: String,
    /// Who reports.
    pub source: ReportSource,
    /// The member, of reports by members.
    pub reporter_id: Option<UserId>,
    /// The domain, of reports by other nodes.
    pub domain: Option<String>,
    /// The id of the activity, of reports by other nodes.
    pub activity_uri: Option<String>,
    /// The rule, of reports by rules.
    pub rule_id: Option<RuleId>,
    /// What there was to see, as JSON.
    pub snapshot: String,
    /// How far it has come.
    pub state: ReportState,
    /// Who looks at it.
    pub assignee_id: Option<UserId>,
    /// Whether the node of the subject was told.
    pub is_forwarded: bool,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
    /// Since when it is judged.
    pub closed_at: Option<i64>,
    /// In which channel it is; `None` for people and communities.
    pub channel_id: Option<ChannelId>,
    /// The site that the domain is of, of reports by other nodes.
    pub site: Option<String>,
}

/// One step in what was done about a report.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = report_steps)]
pub struct Step {
    /// The id.
    pub id: ReportStepId,
    /// Of which report.
    pub report_id: ReportId,
    /// Who did it.
    pub by_id: UserId,
    /// The state from then on.
    pub state: ReportState,
    /// Who looks at it from then on.
    pub assignee_id: Option<UserId>,
    /// What they say.
    pub note: String,
    /// Milliseconds since the Unix epoch.
    pub created_at: i64,
    /// For whom they did it.
    pub court: CourtKind,
}
