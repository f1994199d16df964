//! All SQL that writes `reports` and `report_steps`.

use std::collections::HashSet;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{CourtKind, KEPT, OPEN_OF_NODES, Report, ReportState, STEPS, Step, WAITS};
use crate::base::ids::{ChannelId, CommunityId, MessageId, ReportId, RuleId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::platform::db::schema::{messages, report_steps, reports};

/// A message as a report needs it: id, channel, author, text, HTML, when written and edited.
pub(super) type Said = (
    MessageId,
    ChannelId,
    UserId,
    String,
    String,
    i64,
    Option<i64>,
    String,
);

/// The message of this id, unless it was deleted.
pub(super) fn message(
    connection: &mut Connection,
    id: MessageId,
) -> Result<Option<Said>, DatabaseError> {
    let row = messages::table
        .find(id)
        .filter(messages::deleted_at.is_null())
        .select((
            messages::id,
            messages::channel_id,
            messages::author_id,
            messages::content,
            messages::html,
            messages::created_at,
            messages::edited_at,
            messages::uri,
        ));
    Ok(row.first(connection).optional()?)
}

/// The place of a message in its channel.
pub(super) fn place_of(
    connection: &mut Connection,
    id: MessageId,
) -> Result<Option<i64>, DatabaseError> {
    let row = messages::table.find(id).select(messages::seq);
    Ok(row.first(connection).optional()?)
}

/// The message that is this object, unless it was deleted.
pub(super) fn message_at(
    connection: &mut Connection,
    uri: &str,
) -> Result<Option<MessageId>, DatabaseError> {
    let row = messages::table
        .filter(messages::uri.eq(uri))
        .filter(messages::deleted_at.is_null())
        .select(messages::id);
    Ok(row.first(connection).optional()?)
}

/// Adds a report.
pub(super) fn insert(connection: &mut Connection, report: &Report) -> Result<(), DatabaseError> {
    diesel::insert_into(reports::table)
        .values(report.clone())
        .execute(connection)?;
    Ok(())
}

/// The report of this id.
pub(super) fn by_id(
    connection: &mut Connection,
    id: ReportId,
) -> Result<Option<Report>, DatabaseError> {
    let row = reports::table.find(id).select(Report::as_select());
    Ok(row.first(connection).optional()?)
}

/// Which reports to list.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) community: Option<CommunityId>,
    /// Only reports of what is in these channels.
    pub(super) channels: Option<Vec<ChannelId>>,
    pub(super) reporter: Option<UserId>,
    pub(super) state: Option<ReportState>,
    /// Reports of what this person did are left out.
    pub(super) but_of: Option<UserId>,
}

/// The reports that fit, newest first.
pub(super) fn list(
    connection: &mut Connection,
    wanted: &Wanted,
    page: &PageQuery<ReportId>,
) -> Result<Page<Report, ReportId>, DatabaseError> {
    let mut rows = reports::table
        .limit(i64::from(page.limit()).saturating_add(1))
        .select(Report::as_select())
        .into_boxed();
    if let Some(community) = wanted.community {
        rows = rows.filter(reports::community_id.eq(community));
    }
    if let Some(channels) = &wanted.channels {
        rows = rows.filter(reports::channel_id.eq_any(channels));
    }
    if let Some(reporter) = wanted.reporter {
        rows = rows.filter(reports::reporter_id.eq(reporter));
    }
    if let Some(state) = wanted.state {
        rows = rows.filter(reports::state.eq(state));
    }
    if let Some(user) = wanted.but_of {
        let others = reports::subject_id
            .is_null()
            .or(reports::subject_id.ne(user));
        rows = rows.filter(others);
    }
    if let Some(before) = page.before {
        rows = rows.filter(reports::id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(reports::id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(reports::id.asc())
    } else {
        rows.order(reports::id.desc())
    };
    let found: Vec<Report> = rows.load(connection)?;
    Ok(Page::newest_first(found, page, |report: &Report| report.id))
}

/// What was done about a report, oldest first.
pub(super) fn steps(
    connection: &mut Connection,
    report: ReportId,
) -> Result<Vec<Step>, DatabaseError> {
    let rows = report_steps::table
        .filter(report_steps::report_id.eq(report))
        .order(report_steps::id.asc())
        .limit(STEPS)
        .select(Step::as_select());
    Ok(rows.load(connection)?)
}

/// Which of these reports the court of the node took a step about.
pub(super) fn of_node(
    connection: &mut Connection,
    ids: &[ReportId],
) -> Result<HashSet<ReportId>, DatabaseError> {
    let rows = report_steps::table
        .filter(report_steps::report_id.eq_any(ids))
        .filter(report_steps::court.eq(CourtKind::Node))
        .select(report_steps::report_id)
        .distinct();
    let found: Vec<ReportId> = rows.load(connection)?;
    Ok(found.into_iter().collect())
}

/// Adds a step, and brings the report to where it leads.
pub(super) fn step(connection: &mut Connection, step: &Step) -> Result<(), DatabaseError> {
    diesel::insert_into(report_steps::table)
        .values(step.clone())
        .execute(connection)?;
    let closed_at = step.state.is_closed().then_some(step.created_at);
    diesel::update(reports::table.find(step.report_id))
        .set((
            reports::state.eq(step.state),
            reports::assignee_id.eq(step.assignee_id),
            reports::updated_at.eq(step.created_at),
            reports::closed_at.eq(closed_at),
        ))
        .execute(connection)?;
    Ok(())
}

/// How many steps a report has.
pub(super) fn count_steps(
    connection: &mut Connection,
    report: ReportId,
) -> Result<i64, DatabaseError> {
    let rows = report_steps::table.filter(report_steps::report_id.eq(report));
    Ok(rows.count().get_result(connection)?)
}

/// Whether a member's report of something waits to be judged.
pub(super) fn is_reported(
    connection: &mut Connection,
    reporter: UserId,
    target: &str,
) -> Result<bool, DatabaseError> {
    let row = reports::table
        .filter(reports::target_id.eq(target))
        .filter(reports::closed_at.is_null())
        .filter(reports::reporter_id.eq(reporter))
        .select(reports::id);
    Ok(row.first::<ReportId>(connection).optional()?.is_some())
}

/// Whether a domain's report of something waits to be judged.
pub(super) fn is_reported_by(
    connection: &mut Connection,
    domain: &str,
    target: &str,
) -> Result<bool, DatabaseError> {
    let row = reports::table
        .filter(reports::target_id.eq(target))
        .filter(reports::closed_at.is_null())
        .filter(reports::domain.eq(domain))
        .select(reports::id);
    Ok(row.first::<ReportId>(connection).optional()?.is_some())
}

/// Whether a rule's report of what somebody did waits to be judged.
pub(super) fn is_found(
    connection: &mut Connection,
    rule: RuleId,
    subject: UserId,
) -> Result<bool, DatabaseError> {
    let row = reports::table
        .filter(reports::rule_id.eq(rule))
        .filter(reports::subject_id.eq(subject))
        .filter(reports::closed_at.is_null())
        .select(reports::id);
    Ok(row.first::<ReportId>(connection).optional()?.is_some())
}

/// How many reports a member made since `since`.
pub(super) fn made_since(
    connection: &mut Connection,
    reporter: UserId,
    since: Timestamp,
) -> Result<i64, DatabaseError> {
    let rows = reports::table
        .filter(reports::reporter_id.eq(reporter))
        .filter(reports::created_at.ge(since.as_millis()));
    Ok(rows.count().get_result(connection)?)
}

/// How many reports of a domain came since `since`, and how many wait to be judged.
pub(super) fn came_from(
    connection: &mut Connection,
    domain: &str,
    since: Timestamp,
) -> Result<(i64, i64), DatabaseError> {
    let of_domain = || reports::table.filter(reports::domain.eq(domain));
    let recent: i64 = of_domain()
        .filter(reports::created_at.ge(since.as_millis()))
        .count()
        .get_result(connection)?;
    let open: i64 = of_domain()
        .filter(reports::closed_at.is_null())
        .count()
        .get_result(connection)?;
    Ok((recent, open))
}

/// The same of all domains of a site.
pub(super) fn came_from_site(
    connection: &mut Connection,
    site: &str,
    since: Timestamp,
) -> Result<(i64, i64), DatabaseError> {
    let of_site = || reports::table.filter(reports::site.eq(site));
    let recent: i64 = of_site()
        .filter(reports::created_at.ge(since.as_millis()))
        .count()
        .get_result(connection)?;
    let open: i64 = of_site()
        .filter(reports::closed_at.is_null())
        .count()
        .get_result(connection)?;
    Ok((recent, open))
}

/// Whether as many reports of other nodes wait to be judged as may.
pub(super) fn is_full_of_nodes(connection: &mut Connection) -> Result<bool, DatabaseError> {
    // In the order of the index of those that wait, whatever was judged.
    let last = reports::table
        .filter(reports::domain.is_not_null())
        .filter(reports::closed_at.is_null())
        .order(reports::updated_at)
        .offset(OPEN_OF_NODES.saturating_sub(1))
        .select(reports::updated_at);
    Ok(last.first::<i64>(connection).optional()?.is_some())
}

/// Takes the name of somebody whose account has ended out of what they reported.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    diesel::update(reports::table.filter(reports::reporter_id.eq(user)))
        .set(reports::reporter_id.eq(None::<UserId>))
        .execute(connection)?;
    Ok(())
}

/// Erases up to `limit` reports that were judged long ago, with the content they hold, and as many of
/// other nodes that nobody judged for long; how many of the kind of which there were more.
///
/// # Errors
/// The database failed.
pub fn prune(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let judged: Vec<ReportId> = reports::table
        .filter(reports::closed_at.lt(now.minus(KEPT).as_millis()))
        .order(reports::closed_at)
        .limit(limit)
        .select(reports::id)
        .load(connection)?;
    let waiting: Vec<ReportId> = reports::table
        .filter(reports::domain.is_not_null())
        .filter(reports::closed_at.is_null())
        .filter(reports::updated_at.lt(now.minus(WAITS).as_millis()))
        .order(reports::updated_at)
        .limit(limit)
        .select(reports::id)
        .load(connection)?;
    let mut gone = 0;
    for old in [judged, waiting] {
        let rows = reports::table.filter(reports::id.eq_any(&old));
        gone = diesel::delete(rows).execute(connection)?.max(gone);
    }
    Ok(gone)
}
