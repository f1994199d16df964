//! What becomes of a member in communities when the account ends.

use federation_core::store::sql::{Connection, DatabaseError};

use super::bans;
use super::invites;
use super::members;
use super::store;
use crate::base::ids::UserId;
use crate::groups;

/// Forgets names, roles and invitations of somebody whose account has ended; to be run in a
/// transaction. A community of theirs has no owner until one who owns the node hands it over.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    members::store::forget(connection, user)?;
    bans::store::forget(connection, user)?;
    store::disown(connection, user)?;
    groups::store::forget(connection, user)?;
    invites::store::forget(connection, user)
}
