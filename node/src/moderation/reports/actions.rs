//! What can be done with reports: one use case, one function, one transaction.

use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde_json::json;

use super::federate;
use super::model::{
    A_DAY_EACH, MAX_TEXT, Report, ReportReason, ReportSource, ReportState, STEPS, Step,
};
use super::snapshot::{self, Subject};
use super::store::{self, Wanted};
use super::wire::{NewReport, OwnReport, PatchReport, ReportTarget, ReportView};
use crate::accounts;
use crate::accounts::acting::Acting;
use crate::accounts::authority::effective;
use crate::base::ids::{CommunityId, ReportId, ReportStepId, RuleId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::patch::Patch;
use crate::base::permission::Permission;
use crate::base::privilege::Privilege;
use crate::channels::access;
use crate::communities::acts;
use crate::communities::authority::Authority;
use crate::moderation::error::ModerationError;
use crate::moderation::rules::About;
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;

/// A day.
const DAY: Duration = Duration::from_hours(24);
/// How long somebody waits who reported a lot.
const WAIT: Duration = Duration::from_hours(1);

/// Reports something that the member sees; to be run in a transaction.
pub(super) fn create(
    ctx: &Ctx,
    connection: &mut Connection,
    me: UserId,
    new: &NewReport,
) -> Result<OwnReport, ModerationError> {
    let now = ctx.now();
    let comment = text(&new.comment)?;
    let subject = seen(ctx, connection, me, &new.target, now)?;
    if subject
        .person
        .as_ref()
        .is_some_and(|person| person.id == me)
    {
        return Err(ModerationError::InvalidReport("That is you, or of you."));
    }
    if store::is_reported(connection, me, &subject.id)? {
        return Err(ModerationError::AlreadyReported);
    }
    if store::made_since(connection, me, now.minus(DAY))? >= A_DAY_EACH {
        return Err(ModerationError::TooManyReports(WAIT));
    }
    let mut report = Report {
        reason: new.reason,
        comment,
        source: ReportSource::Member,
        reporter_id: Some(me),
        ..opened(&subject, now)
    };
    if new.forward {
        report.is_forwarded = federate::send(ctx, connection, &report, &subject)?;
    }
    store::insert(connection, &report)?;
    Ok(OwnReport::from(&report))
}

/// A report of something, without who reports and why.
fn opened(subject: &Subject, now: Timestamp) -> Report {
    Report {
        id: ReportId::new(now),
        community_id: subject.community,
        target_kind: subject.kind,
        target_id: subject.id.clone(),
        subject_id: subject.person.as_ref().map(|person| person.id),
        reason: ReportReason::Other,
        comment: String::new(),
        source: ReportSource::Rule,
        reporter_id: None,
        domain: None,
        activity_uri: None,
        rule_id: None,
        snapshot: subject.snapshot.to_string(),
        state: ReportState::Open,
        assignee_id: None,
        is_forwarded: false,
        created_at: now.as_millis(),
        updated_at: now.as_millis(),
        closed_at: None,
    }
}

fn text(text: &str) -> Result<String, ModerationError> {
    let bad = |letter: char| letter.is_control() && !matches!(letter, '\n' | '\t');
    if text.chars().count() > MAX_TEXT || text.chars().any(bad) {
        let detail = "Comments and notes have at most 1,000 characters and no control characters.";
        return Err(ModerationError::InvalidReport(detail));
    }
    Ok(text.trim().to_owned())
}

/// What a member reports, as far as they see it.
fn seen(
    ctx: &Ctx,
    connection: &mut Connection,
    me: UserId,
    target: &ReportTarget,
    now: Timestamp,
) -> Result<Subject, ModerationError> {
    let found = match *target {
        ReportTarget {
            message: Some(id),
            user: None,
            community: None,
            channel: None,
        } => {
            let said = store::message(connection, id)?.ok_or(ModerationError::NotFound)?;
            let seen = access::require(connection, me, said.1, now)?;
            seen.needs(Permission::ReadHistory)?;
            if store::place_of(connection, id)? < Some(seen.visible_from) {
                return Err(ModerationError::NotFound);
            }
            snapshot::message(connection, ctx.origin(), id, seen.channel.community_id)?
        }
        ReportTarget {
            message: None,
            user: Some(id),
            community: None,
            channel: None,
        } => snapshot::user(connection, ctx.origin(), id)?,
        ReportTarget {
            message: None,
            user: None,
            community: Some(id),
            channel: None,
        } => Some(snapshot::community(
            &Authority::of(connection, id, me, now)?.community,
        )),
        ReportTarget {
            message: None,
            user: None,
            community: None,
            channel: Some(id),
        } => Some(snapshot::channel(
            &access::require(connection, me, id, now)?.channel,
        )),
        _ => {
            let detail = "Name one message, user, community or channel.";
            return Err(ModerationError::InvalidReport(detail));
        }
    };
    found.ok_or(ModerationError::NotFound)
}

/// Reports a message that a rule found, unless a report of the same rule and author waits; call it in
/// the transaction of the message.
///
/// # Errors
/// The database failed.
pub fn by_rule(
    ctx: &Ctx,
    connection: &mut Connection,
    rule: RuleId,
    community: Option<CommunityId>,
    about: &About<'_>,
) -> Result<(), DatabaseError> {
    if store::is_found(connection, rule, about.author)? {
        return Ok(());
    }
    let now = ctx.now();
    let found = match about.message {
        Some(message) => snapshot::message(connection, ctx.origin(), message, community)?,
        None => snapshot::user(connection, ctx.origin(), about.author)?,
    };
    let Some(mut subject) = found else {
        return Ok(());
    };
    if let Some(snapshot) = subject.snapshot.as_object_mut() {
        // An edit has its new text in the row by now; what never had a row has none.
        snapshot.insert("found_in".to_owned(), json!(about.content));
    }
    let report = Report {
        rule_id: Some(rule),
        ..opened(&subject, now)
    };
    store::insert(connection, &report)
}

/// The reports of a member, newest first.
pub(super) async fn own(
    ctx: &Ctx,
    me: UserId,
    page: PageQuery<ReportId>,
) -> Result<Page<OwnReport, ReportId>, ModerationError> {
    let wanted = Wanted {
        reporter: Some(me),
        ..Wanted::default()
    };
    let read = move |connection: &mut Connection| store::list(connection, &wanted, &page);
    let found = ctx.db().read(read).await?;
    Ok(found.map(|report| OwnReport::from(&report)))
}

/// Who judges: moderators of the node all reports, those of a community its own.
pub(super) type Court = Option<CommunityId>;

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

/// The reports of a court, newest first, without those of what the one who asks did.
pub(super) async fn list(
    ctx: &Ctx,
    me: UserId,
    court: Court,
    (state, page): (Option<ReportState>, PageQuery<ReportId>),
) -> Result<Page<ReportView, ReportId>, ModerationError> {
    let now = ctx.now();
    let wanted = Wanted {
        community: court,
        reporter: None,
        state,
        but_of: Some(me),
    };
    ctx.db()
        .read(move |connection| {
            let for_node = judges(connection, court, me, now)?;
            let found = store::list(connection, &wanted, &page)?;
            Ok(found.map(|report| ReportView::new(&report, Vec::new(), for_node)))
        })
        .await
}

/// One report, as far as it is of the court and not of what the one who asks did.
fn find(
    connection: &mut Connection,
    court: Court,
    me: UserId,
    id: ReportId,
) -> Result<Report, ModerationError> {
    let found = store::by_id(connection, id)?.filter(|report| {
        let is_of_court = court.is_none() || report.community_id == court;
        is_of_court && report.subject_id != Some(me)
    });
    found.ok_or(ModerationError::NotFound)
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
            let report = find(connection, court, me, id)?;
            let steps = store::steps(connection, id)?;
            Ok(ReportView::new(&report, steps, for_node))
        })
        .await
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
            let report = find(connection, court, me.id, id)?;
            if store::count_steps(connection, id)? >= STEPS {
                return Err(ModerationError::InvalidReport("That were steps enough."));
            }
            let assignee = match patch.assignee {
                Patch::Stays => report.assignee_id,
                Patch::Cleared => None,
                Patch::Set(user) => {
                    // Only those who judge there are given something to judge.
                    let may = judges(connection, court, user, now);
                    let is_judge = match may {
                        Ok(for_node) => for_node || court.is_some(),
                        Err(ModerationError::Database(error)) => return Err(error.into()),
                        Err(_not_a_judge) => false,
                    };
                    if !is_judge || report.subject_id == Some(user) {
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
            };
            store::step(connection, &step)?;
            let value = |state: ReportState, assignee: Option<UserId>| {
                Some(json!({"state": state, "assignee_id": assignee}))
            };
            let entry = me.entry("report.update").on("report", &id).change(
                value(report.state, report.assignee_id),
                value(state, assignee),
            );
            match report.community_id {
                Some(community) => acts::record(connection, community, &entry, now)?,
                None => {
                    audit::record(connection, &entry, now)?;
                }
            }
            let report = find(connection, court, me.id, id)?;
            let steps = store::steps(connection, id)?;
            Ok(ReportView::new(&report, steps, for_node))
        })
        .await
}
