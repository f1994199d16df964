//! What members and rules do with reports: one use case, one function, one transaction.

use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde_json::json;

use super::federate;
use super::model::{A_DAY_EACH, MAX_TEXT, Report, ReportReason, ReportSource, ReportState};
use super::snapshot::{self, Subject};
use super::store::{self, Wanted};
use super::wire::{NewReport, OwnReport, ReportTarget};
use crate::base::ids::{CommunityId, ReportId, RuleId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::base::permission::Permission;
use crate::channels::access;
use crate::channels::structure::PROVISIONAL;
use crate::communities::authority::Authority;
use crate::moderation::error::ModerationError;
use crate::moderation::rules::About;
use crate::platform::ctx::Ctx;

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
        channel_id: subject.channel,
        site: None,
    }
}

/// A comment or note within its bounds.
pub(super) fn text(text: &str) -> Result<String, ModerationError> {
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
            // What has no place yet is there for its author alone.
            let place = store::place_of(connection, id)?;
            if place < Some(seen.visible_from) || place >= Some(PROVISIONAL) {
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
    if about.message.is_none() {
        subject.community = community;
        subject.channel = about.channel;
    }
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
