//! What is done in communities with permissions: entries of the audit log that belong to one.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{AuditId, CommunityId};
use crate::base::page::{Page, PageQuery};
use crate::platform::audit::{self, Entry, Recorded};
use crate::platform::db::schema::community_acts;

/// Records an act in a community; call it in the transaction that carries it out.
///
/// # Errors
/// The database failed.
pub fn record(
    connection: &mut Connection,
    community: CommunityId,
    entry: &Entry,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let id = audit::record(connection, entry, now)?;
    diesel::insert_into(community_acts::table)
        .values((
            community_acts::community_id.eq(community),
            community_acts::entry_id.eq(id),
        ))
        .execute(connection)?;
    Ok(())
}

/// What was done in a community, newest first.
pub(super) fn list(
    connection: &mut Connection,
    community: CommunityId,
    page: &PageQuery<AuditId>,
) -> Result<Page<Recorded, AuditId>, DatabaseError> {
    let mut rows = community_acts::table
        .filter(community_acts::community_id.eq(community))
        .select(community_acts::entry_id)
        .limit(i64::from(page.limit()).saturating_add(1))
        .into_boxed();
    if let Some(before) = page.before {
        rows = rows.filter(community_acts::entry_id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(community_acts::entry_id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(community_acts::entry_id.asc())
    } else {
        rows.order(community_acts::entry_id.desc())
    };
    let ids: Vec<AuditId> = rows.load(connection)?;
    let found = audit::entries(connection, &ids)?;
    Ok(Page::newest_first(found, page, |entry: &Recorded| entry.id))
}
