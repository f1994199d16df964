//! What the ledger keeps of a deletion; no IO.

use diesel::prelude::*;

use crate::base::ids::{DeletionId, UserId};
use crate::platform::db::schema::{account_deletions, deletion_confirmations};

/// Asked for; other nodes are not told yet.
pub const REQUESTED: &str = "requested";
/// Other nodes are being told; what the member wrote goes step by step.
pub const TOLD: &str = "told";
/// Nothing is left to do here.
pub const DONE: &str = "done";

/// On its way to that node.
pub const QUEUED: &str = "queued";
/// Taken by that node.
pub const CONFIRMED: &str = "confirmed";
/// Given up; an operator can send it again.
pub const FAILED: &str = "failed";

/// The end of one account.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = account_deletions)]
pub struct Deletion {
    /// The id.
    pub id: DeletionId,
    /// Whose account.
    pub user_id: UserId,
    /// The id of the `Delete` that other nodes get.
    pub activity_id: String,
    /// Who asked for it; `None` for the command line and for accounts of other nodes.
    pub requested_by: Option<UserId>,
    /// [`REQUESTED`], [`TOLD`] or [`DONE`].
    pub state: String,
    /// Milliseconds since the Unix epoch.
    pub requested_at: i64,
    /// Milliseconds since the Unix epoch.
    pub completed_at: Option<i64>,
}

/// Whether one other node took notice.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable, Insertable)]
#[diesel(table_name = deletion_confirmations)]
pub struct Confirmation {
    /// Of which deletion.
    pub deletion_id: DeletionId,
    /// The inbox that was told.
    pub inbox: String,
    /// The node that it belongs to.
    pub peer: String,
    /// [`QUEUED`], [`CONFIRMED`] or [`FAILED`].
    pub state: String,
    /// Why it failed.
    pub reason: Option<String>,
    /// Milliseconds since the Unix epoch.
    pub updated_at: i64,
}
