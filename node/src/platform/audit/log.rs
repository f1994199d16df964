//! Reading the audit log, newest first, and dropping what is too old.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde::Serialize;
use serde_json::Value;

use crate::base::ids::{AuditId, RequestId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::platform::db::schema::audit_log;

/// An act as it was recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Recorded {
    /// The id of the entry.
    pub id: AuditId,
    /// `user`, `command` or `system`.
    pub actor_kind: String,
    /// The member who acted.
    pub actor_id: Option<UserId>,
    /// What was done, such as `role.update`.
    pub action: String,
    /// The kind of thing it was done to.
    pub target_kind: Option<String>,
    /// Its id or name.
    pub target_id: Option<String>,
    /// What was there before.
    #[schema(value_type = Option<Object>)]
    pub before: Option<Value>,
    /// What was there afterwards.
    #[schema(value_type = Option<Object>)]
    pub after: Option<Value>,
    /// The request that asked for it.
    pub request_id: Option<RequestId>,
    /// Where the request came from.
    pub address: Option<String>,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
}

/// Which acts to list; all that is given must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Who acted.
    pub actor: Option<UserId>,
    /// What was done, as `role.update`.
    pub action: Option<String>,
    /// The id or name of what it was done to.
    pub target: Option<String>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_log)]
struct Row {
    id: AuditId,
    actor_kind: String,
    actor_id: Option<UserId>,
    action: String,
    target_kind: Option<String>,
    target_id: Option<String>,
    before: Option<String>,
    after: Option<String>,
    request_id: Option<RequestId>,
    address: Option<String>,
    at: i64,
}

impl From<Row> for Recorded {
    fn from(row: Row) -> Self {
        let json = |text: Option<String>| text.and_then(|text| serde_json::from_str(&text).ok());
        Self {
            id: row.id,
            actor_kind: row.actor_kind,
            actor_id: row.actor_id,
            action: row.action,
            target_kind: row.target_kind,
            target_id: row.target_id,
            before: json(row.before),
            after: json(row.after),
            request_id: row.request_id,
            address: row.address,
            at: Timestamp::from_millis(row.at),
        }
    }
}

/// The acts that fit `filter`, newest first.
///
/// # Errors
/// The database failed.
pub fn list(
    connection: &mut Connection,
    filter: &AuditFilter,
    page: &PageQuery<AuditId>,
) -> Result<Page<Recorded, AuditId>, DatabaseError> {
    let mut rows = audit_log::table
        .limit(i64::from(page.limit()).saturating_add(1))
        .select(Row::as_select())
        .into_boxed();
    if let Some(actor) = filter.actor {
        rows = rows.filter(audit_log::actor_id.eq(actor));
    }
    if let Some(action) = &filter.action {
        rows = rows.filter(audit_log::action.eq(action));
    }
    if let Some(target) = &filter.target {
        rows = rows.filter(audit_log::target_id.eq(target));
    }
    if let Some(before) = page.before {
        rows = rows.filter(audit_log::id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(audit_log::id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(audit_log::id.asc())
    } else {
        rows.order(audit_log::id.desc())
    };
    let found: Vec<Row> = rows.load(connection)?;
    let found = found.into_iter().map(Recorded::from).collect();
    Ok(Page::newest_first(found, page, |entry: &Recorded| entry.id))
}

/// The entries with these ids, in the order of the ids given; those dropped since are left out.
///
/// # Errors
/// The database failed.
pub fn entries(
    connection: &mut Connection,
    ids: &[AuditId],
) -> Result<Vec<Recorded>, DatabaseError> {
    let rows = audit_log::table
        .filter(audit_log::id.eq_any(ids))
        .select(Row::as_select());
    let found: Vec<Row> = rows.load(connection)?;
    let mut found: Vec<Recorded> = found.into_iter().map(Recorded::from).collect();
    found.sort_by_key(|entry| ids.iter().position(|id| *id == entry.id));
    Ok(found)
}

/// Drops up to `limit` entries older than `before`; how many there were.
///
/// # Errors
/// The database failed.
pub fn prune(
    connection: &mut Connection,
    before: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    // Ids sort by time, so the oldest are read without an index of times.
    let oldest: Vec<(AuditId, i64)> = audit_log::table
        .order(audit_log::id)
        .limit(limit)
        .select((audit_log::id, audit_log::at))
        .load(connection)?;
    let old = |(id, at): (AuditId, i64)| (at < before.as_millis()).then_some(id);
    let old: Vec<AuditId> = oldest.into_iter().map_while(old).collect();
    Ok(diesel::delete(audit_log::table.filter(audit_log::id.eq_any(&old))).execute(connection)?)
}
