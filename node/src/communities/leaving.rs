//! What becomes of a member in communities when the account ends.

use federation_core::store::sql::{Connection, DatabaseError};

use super::invites;
use super::members;
use crate::base::ids::UserId;

/// Forgets names, roles and invitations of somebody whose account has ended; to be run in a
/// transaction. Bans stay as long as they last, and a community keeps its owner's name until somebody
/// who owns the node hands it over.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    members::store::forget(connection, user)?;
    invites::store::forget(connection, user)
}
