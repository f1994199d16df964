//! Reports as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::{CourtKind, Report, ReportReason, ReportSource, ReportState, Step, TargetKind};
use crate::base::ids::{ChannelId, CommunityId, MessageId, ReportId, ReportStepId, RuleId, UserId};
use crate::base::patch::Patch;

/// What is reported: exactly one of these.
#[derive(Clone, Copy, Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportTarget {
    #[serde(default)]
    pub(super) message: Option<MessageId>,
    #[serde(default)]
    pub(super) user: Option<UserId>,
    #[serde(default)]
    pub(super) community: Option<CommunityId>,
    #[serde(default)]
    pub(super) channel: Option<ChannelId>,
}

/// The body of `POST /api/v1/moderation/reports`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewReport {
    pub(super) target: ReportTarget,
    pub(super) reason: ReportReason,
    /// Up to 1,000 characters.
    #[serde(default)]
    pub(super) comment: String,
    /// Whether the node of a person of another node is told, without saying who reports.
    #[serde(default)]
    pub(super) forward: bool,
}

/// The body of `PATCH …/reports/{id}`; what is absent stays.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PatchReport {
    #[serde(default)]
    pub(super) state: Option<ReportState>,
    /// Who looks at it; null for nobody.
    #[serde(default)]
    #[schema(value_type = Option<UserId>)]
    pub(super) assignee: Patch<UserId>,
    /// For the other moderators, up to 1,000 characters.
    #[serde(default)]
    pub(super) note: Option<String>,
}

/// A report as the one who made it sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct OwnReport {
    pub(super) id: ReportId,
    target_kind: TargetKind,
    target_id: String,
    reason: ReportReason,
    state: ReportState,
    is_forwarded: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<&Report> for OwnReport {
    fn from(report: &Report) -> Self {
        Self {
            id: report.id,
            target_kind: report.target_kind,
            target_id: report.target_id.clone(),
            reason: report.reason,
            // Who looks at it is not theirs to know.
            state: match report.state {
                ReportState::Assigned => ReportState::Open,
                state => state,
            },
            is_forwarded: report.is_forwarded,
            created_at: Timestamp::from_millis(report.created_at),
        }
    }
}

/// A report as moderators see it.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub(super) struct ReportView {
    pub(super) id: ReportId,
    community_id: Option<CommunityId>,
    target_kind: TargetKind,
    target_id: String,
    /// The person whose doing it is.
    subject_id: Option<UserId>,
    reason: ReportReason,
    comment: String,
    source: ReportSource,
    /// Who reported it; shown to moderators of the node alone.
    reporter_id: Option<UserId>,
    /// The domain that reported it.
    domain: Option<String>,
    /// The rule that reported it.
    rule_id: Option<RuleId>,
    /// The content as it was when it was reported.
    #[schema(value_type = Object)]
    snapshot: Value,
    state: ReportState,
    assignee_id: Option<UserId>,
    is_forwarded: bool,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = String, format = DateTime)]
    updated_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    closed_at: Option<Timestamp>,
    /// What was done about it, oldest first; empty in lists. Communities are shown what was done for them.
    history: Vec<ReportStepView>,
}

/// One step in what was done about a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(super) struct ReportStepView {
    id: ReportStepId,
    by_id: UserId,
    state: ReportState,
    assignee_id: Option<UserId>,
    note: String,
    /// For whom it was done.
    court: CourtKind,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Step> for ReportStepView {
    fn from(step: Step) -> Self {
        Self {
            id: step.id,
            by_id: step.by_id,
            state: step.state,
            assignee_id: step.assignee_id,
            note: step.note,
            court: step.court,
            created_at: Timestamp::from_millis(step.created_at),
        }
    }
}

impl ReportView {
    /// Shows a report; `names_reporter` to moderators of the node alone.
    pub(super) fn new(report: &Report, steps: Vec<Step>, names_reporter: bool) -> Self {
        Self {
            id: report.id,
            community_id: report.community_id,
            target_kind: report.target_kind,
            target_id: report.target_id.clone(),
            subject_id: report.subject_id,
            reason: report.reason,
            comment: report.comment.clone(),
            source: report.source,
            reporter_id: report.reporter_id.filter(|_| names_reporter),
            domain: report.domain.clone(),
            rule_id: report.rule_id,
            snapshot: serde_json::from_str(&report.snapshot).unwrap_or_default(),
            state: report.state,
            assignee_id: report.assignee_id,
            is_forwarded: report.is_forwarded,
            created_at: Timestamp::from_millis(report.created_at),
            updated_at: Timestamp::from_millis(report.updated_at),
            closed_at: report.closed_at.map(Timestamp::from_millis),
            history: steps.into_iter().map(ReportStepView::from).collect(),
        }
    }

    /// The same for a community, of a report that the court of the node took up: who looks at it there
    /// is not told.
    #[must_use]
    pub(super) fn of_another_court(mut self) -> Self {
        self.assignee_id = None;
        self
    }
}

/// The query of lists of reports.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ReportQuery {
    pub(super) state: Option<ReportState>,
    pub(super) before: Option<ReportId>,
    pub(super) after: Option<ReportId>,
    pub(super) limit: Option<u32>,
}
