//! All SQL of `domain_policies` and `domain_settings`.

use diesel::prelude::*;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{Mode, Policy};
use crate::platform::db::schema::{domain_policies, domain_settings};

/// The name of the one row of settings.
const NODE: &str = "node";

/// What becomes of domains without a policy, and the number of the last change.
///
/// # Errors
/// The database failed.
pub fn settings(connection: &mut Connection) -> Result<(Mode, i64), DatabaseError> {
    let row = domain_settings::table
        .find(NODE)
        .select((domain_settings::mode, domain_settings::version));
    let found: Option<(Mode, i64)> = row.first(connection).optional()?;
    Ok(found.unwrap_or((Mode::Open, 0)))
}

/// Every policy.
///
/// # Errors
/// The database failed.
pub fn all(connection: &mut Connection) -> Result<Vec<Policy>, DatabaseError> {
    let rows = domain_policies::table
        .order(domain_policies::domain)
        .select(Policy::as_select());
    Ok(rows.load(connection)?)
}

/// The policies after `after`, by name, at most `limit`.
///
/// # Errors
/// The database failed.
pub fn page(
    connection: &mut Connection,
    after: Option<&str>,
    limit: i64,
) -> Result<Vec<Policy>, DatabaseError> {
    let rows = domain_policies::table
        .filter(domain_policies::domain.gt(after.unwrap_or_default().to_owned()))
        .order(domain_policies::domain)
        .limit(limit)
        .select(Policy::as_select());
    Ok(rows.load(connection)?)
}

/// The policy of exactly this domain.
///
/// # Errors
/// The database failed.
pub fn by_domain(
    connection: &mut Connection,
    domain: &str,
) -> Result<Option<Policy>, DatabaseError> {
    let row = domain_policies::table
        .find(domain)
        .select(Policy::as_select());
    Ok(row.first(connection).optional()?)
}

/// How many policies there are.
///
/// # Errors
/// The database failed.
pub fn count(connection: &mut Connection) -> Result<i64, DatabaseError> {
    Ok(domain_policies::table.count().get_result(connection)?)
}

/// Stores a policy, in the place of an earlier one.
///
/// # Errors
/// The database failed.
pub fn put(connection: &mut Connection, policy: &Policy) -> Result<(), DatabaseError> {
    let (row, changes) = (policy.clone(), policy.clone());
    each_backend!(connection, c => diesel::insert_into(domain_policies::table)
        .values(row)
        .on_conflict(domain_policies::domain)
        .do_update()
        .set(changes)
        .execute(c))?;
    Ok(())
}

/// Drops a policy.
///
/// # Errors
/// The database failed.
pub fn remove(connection: &mut Connection, domain: &str) -> Result<(), DatabaseError> {
    diesel::delete(domain_policies::table.find(domain)).execute(connection)?;
    Ok(())
}

/// Sets what becomes of domains without a policy.
///
/// # Errors
/// The database failed.
pub fn set_mode(connection: &mut Connection, mode: Mode) -> Result<(), DatabaseError> {
    diesel::update(domain_settings::table.find(NODE))
        .set(domain_settings::mode.eq(mode))
        .execute(connection)?;
    Ok(())
}

/// Notes that something changed, for all processes; call it in the transaction of the change, before
/// anything is read, so that two changes come one after the other.
///
/// # Errors
/// The database failed.
pub fn changed(connection: &mut Connection) -> Result<(), DatabaseError> {
    diesel::update(domain_settings::table.find(NODE))
        .set(domain_settings::version.eq(domain_settings::version + 1))
        .execute(connection)?;
    Ok(())
}
