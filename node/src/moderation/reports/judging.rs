//! What those who judge do with reports: the court of the node with all, that of a community with those
//! of what is in its channels.
//!
//! Whoever judges for a community sees what was reported in channels that they see, and of what was
//! done about it only what was done for the community; once the court of the node took a step, theirs
//! takes none.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde_json::json;

use super::actions::text;
use super::model::{CourtKind, Report, ReportState, STEPS, Step};
use super::store::{self, Wanted};
use super::wire::{PatchReport, ReportView};
use crate::accounts;
use crate::accounts::acting::Acting;
use crate::accounts::authority::effective;
use crate::base::ids::{CommunityId, ReportId, ReportStepId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::patch::Patch;
use crate::base::permission::Permission;
use crate::base::privilege::Privilege;
use crate::channels::access;
use crate::communities::acts;
use crate::communities::authority::Authority;
use crate::moderation::error::ModerationError;
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// Who judges: moderators of the node all reports, those of a community its own.
pub(super) type Court = Option<CommunityId>;

const fn kind_of(court: Court) -> CourtKind {
    match court {
        Some(_) => CourtKind::Community,
        None => CourtKind::Node,
    }
}

/// Goes on only for those who judge there; answers whether they judge for the node.
fn judges(
    connection: &mut Connection,
    court: Court,
    me: UserId,
    now: Timestamp,
) -> Result<bool, ModerationError> {
    if let Some(community) = court {
        let authority = Authority::inside(connection, community, me, now)?;
        authority.needs(Permission::ModerateContent)?;
    }
    let user = accounts::store::by_id(connection, me)?;
    let user = user.ok_or(ModerationError::NotFound)?;
    let held = effective(connection, me, user.role)?;
    Ok(held.contains(Privilege::ModerateContent))
}

/// Whether somebody who judges in a court sees where it is that was reported.
fn sees(
    connection: &mut Connection,
    court: Court,
    (judge, report): (UserId, &Report),
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    if court.is_none() {
        return Ok(true);
    }
    let Some(channel) = report.channel_id else {
        return Ok(false);
    };
    Ok(access::see(connection, judge, channel, now)?.is_some())
}

/// The reports of a court, newest first, without those of what the one who asks did.
pub(super) async fn list(
    ctx: &Ctx,
    me: UserId,
    court: Court,
    (state, page): (Option<ReportState>, PageQuery<ReportId>),
) -> Result<Page<ReportView, ReportId>, ModerationError> {
    let now = ctx.now();
    ctx.db()
        .read(move |connection| {
            let for_node = judges(connection, court, me, now)?;
            let channels = match court {
                Some(id) => {
                    let stands = Authority::inside(connection, id, me, now)?.stands;
                    let seen = access::seen_of(connection, id, &stands)?;
                    Some(seen.into_iter().map(|(channel, _)| channel.id).collect())
                }
                None => None,
            };
            let wanted = Wanted {
                community: court,
                channels,
                reporter: None,
                state,
                but_of: Some(me),
            };
            let found = store::list(connection, &wanted, &page)?;
            let ids: Vec<ReportId> = found.items.iter().map(|report| report.id).collect();
            let of_node = store::of_node(connection, &ids)?;
            Ok(found.map(|report| {
                let is_theirs = court.is_some() && of_node.contains(&report.id);
                let view = ReportView::new(&report, Vec::new(), for_node);
                if is_theirs {
                    view.of_another_court()
                } else {
                    view
                }
            }))
        })
        .await
}

/// One report, as far as it is of the court, in a channel that the one who asks sees, and not of what
/// they did.
fn find(
    connection: &mut Connection,
    court: Court,
    (me, id): (UserId, ReportId),
    now: Timestamp,
) -> Result<Report, ModerationError> {
    let found = store::by_id(connection, id)?.filter(|report| {
        let is_of_court = court.is_none() || report.community_id == court;
        is_of_court && report.subject_id != Some(me)
    });
    let report = found.ok_or(ModerationError::NotFound)?;
    if sees(connection, court, (me, &report), now)? {
        Ok(report)
    } else {
        Err(ModerationError::NotFound)
    }
}

/// A report as a court is shown it, with the steps that are its to see.
fn shown(
    connection: &mut Connection,
    court: Court,
    report: &Report,
    names_reporter: bool,
) -> Result<ReportView, DatabaseError> {
    let mut steps = store::steps(connection, report.id)?;
    if court.is_none() {
        return Ok(ReportView::new(report, steps, names_reporter));
    }
    let all = steps.len();
    steps.retain(|step| step.court == CourtKind::Community);
    let is_theirs = steps.len() < all;
    let view = ReportView::new(report, steps, names_reporter);
    Ok(if is_theirs {
        view.of_another_court()
    } else {
        view
    })
}

/// One report with what was done about it.
pub(super) async fn show(
    ctx: &Ctx,
    me: UserId,
    (court, id): (Court, ReportId),
) -> Result<ReportView, ModerationError> {
    let now = ctx.now();
    ctx.db()
        .read(move |connection| {
            let for_node = judges(connection, court, me, now)?;
            let report = find(connection, court, (me, id), now)?;
            Ok(shown(connection, court, &report, for_node)?)
        })
        .await
}

/// Whether somebody can be asked to judge a report: they judge there, see where it is, and did not do
/// what it is about.
fn can_judge(
    connection: &mut Connection,
    court: Court,
    (user, report): (UserId, &Report),
    now: Timestamp,
) -> Result<bool, ModerationError> {
    let is_judge = match judges(connection, court, user, now) {
        Ok(for_node) => for_node || court.is_some(),
        Err(ModerationError::Database(error)) => return Err(error.into()),
        Err(_not_a_judge) => false,
    };
    let is_judge = is_judge && report.subject_id != Some(user);
    Ok(is_judge && sees(connection, court, (user, report), now)?)
}

/// Takes a step about a report.
pub(super) async fn update(
    ctx: &Ctx,
    me: Acting,
    (court, id): (Court, ReportId),
    patch: PatchReport,
) -> Result<ReportView, ModerationError> {
    let now = ctx.now();
    let note = text(patch.note.as_deref().unwrap_or_default())?;
    ctx.db()
        .write(move |connection| {
            let _log = EventLog::begin(connection)?;
            let for_node = judges(connection, court, me.id, now)?;
            let report = find(connection, court, (me.id, id), now)?;
            if court.is_some() && !store::of_node(connection, &[id])?.is_empty() {
                return Err(ModerationError::WithTheNode);
            }
            if store::count_steps(connection, id)? >= STEPS {
                return Err(ModerationError::InvalidReport("That were steps enough."));
            }
            let assignee = match patch.assignee {
                Patch::Stays => report.assignee_id,
                Patch::Cleared => None,
                Patch::Set(user) => {
                    // Only those who judge there are given something to judge.
                    if !can_judge(connection, court, (user, &report), now)? {
                        let detail = "Only those who judge it can be asked to.";
                        return Err(ModerationError::InvalidReport(detail));
                    }
                    Some(user)
                }
            };
            let state = match patch.state {
                Some(state) => state,
                // Who is given an open report looks at it.
                None if report.state.is_closed() => report.state,
                None if assignee.is_some() => ReportState::Assigned,
                None => ReportState::Open,
            };
            if report.state.is_closed() && state != ReportState::Open && patch.state.is_some() {
                return Err(ModerationError::Closed);
            }
            let step = Step {
                id: ReportStepId::new(now),
                report_id: id,
                by_id: me.id,
                state,
                assignee_id: assignee,
                note: note.clone(),
                created_at: now.as_millis(),
                court: kind_of(court),
            };
            store::step(connection, &step)?;
            let value = |state: ReportState, assignee: Option<UserId>| {
                Some(json!({"state": state, "assignee_id": assignee}))
            };
            let entry = me.entry("report.update").on("report", &id).change(
                value(report.state, report.assignee_id),
                value(state, assignee),
            );
            // What the court of the node does is in the log of the node alone.
            match court {
                Some(community) => acts::record(connection, community, &entry, now)?,
                None => {
                    audit::record(connection, &entry, now)?;
                }
            }
            let report = find(connection, court, (me.id, id), now)?;
            Ok(shown(connection, court, &report, for_node)?)
        })
        .await
}
