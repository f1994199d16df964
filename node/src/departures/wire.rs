//! Deletions as JSON.

use federation_core::Timestamp;
use serde::{Deserialize, Serialize};

use super::model::{CONFIRMED, Confirmation, Deletion};
use crate::accounts::model::User;
use crate::base::ids::{DeletionId, UserId};
use crate::config::{Origin, Secret};

/// The body of `DELETE /api/v1/users/@me`.
#[derive(Clone, Debug, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DeleteMe {
    /// The password of the account.
    #[schema(value_type = String)]
    pub(super) password: Secret<String>,
    /// A one-time code, where the account asks for one.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub(super) otp: Option<Secret<String>>,
}

/// The answer to a deletion.
#[derive(Clone, Copy, Debug, Serialize, utoipa::ToSchema)]
pub(super) struct Departed {
    /// By which operators find it.
    pub(super) deletion: DeletionId,
}

/// The end of an account as operators see it.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct DeletionView {
    /// The id.
    pub id: DeletionId,
    /// Whose account.
    pub user_id: UserId,
    /// Its handle, which nobody gets again.
    pub handle: String,
    /// Who asked for it; `null` for the command line and for accounts of other nodes.
    pub requested_by: Option<UserId>,
    /// `requested`, `told` or `done`.
    pub state: String,
    #[schema(value_type = String, format = DateTime)]
    /// When it was asked for.
    pub requested_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    /// When nothing was left to do here.
    pub completed_at: Option<Timestamp>,
    /// How many nodes took notice.
    pub confirmed: usize,
    /// How many did not, yet or at all.
    pub unconfirmed: usize,
    /// Each node that was told.
    pub peers: Vec<ConfirmationView>,
}

/// Whether one node took notice.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ConfirmationView {
    /// The node.
    pub peer: String,
    /// `queued`, `confirmed` or `failed`.
    pub state: String,
    /// Why it failed.
    pub reason: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    /// Since when.
    pub at: Timestamp,
}

impl DeletionView {
    /// Shows a deletion with what other nodes made of it.
    pub fn new(
        deletion: &Deletion,
        user: &User,
        confirmations: Vec<Confirmation>,
        origin: &Origin,
    ) -> Self {
        let confirmed = confirmations.iter().filter(|one| one.state == CONFIRMED);
        let confirmed = confirmed.count();
        Self {
            id: deletion.id,
            user_id: deletion.user_id,
            handle: user.handle(origin),
            requested_by: deletion.requested_by,
            state: deletion.state.clone(),
            requested_at: Timestamp::from_millis(deletion.requested_at),
            completed_at: deletion.completed_at.map(Timestamp::from_millis),
            confirmed,
            unconfirmed: confirmations.len().saturating_sub(confirmed),
            peers: confirmations.into_iter().map(view).collect(),
        }
    }
}

fn view(one: Confirmation) -> ConfirmationView {
    ConfirmationView {
        peer: one.peer,
        state: one.state,
        reason: one.reason,
        at: Timestamp::from_millis(one.updated_at),
    }
}
