//! Counts what happens to tokens (`docs/metrics.md`).

use super::error::AuthError;
use crate::platform::http::error::ApiError;

/// The counter of operations on tokens.
pub const OPERATIONS: &str = "folkmoot_token_operations_total";

/// What was done with a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// An access token was made.
    Issue,
    /// An access token was checked.
    Check,
    /// A refresh token was exchanged for the next pair.
    Refresh,
    /// Sessions were ended by their member.
    Revoke,
}

impl Operation {
    const fn word(self) -> &'static str {
        match self {
            Self::Issue => "issue",
            Self::Check => "check",
            Self::Refresh => "refresh",
            Self::Revoke => "revoke",
        }
    }
}

/// Counts one operation by how it went; [`count_check`] counts those that check.
pub(super) fn count(operation: Operation, error: Option<&AuthError>) {
    let outcome = match error {
        None => "ok",
        Some(AuthError::InvalidToken | AuthError::InvalidRefreshToken) => "invalid",
        Some(AuthError::TokenExpired) => "expired",
        Some(AuthError::SessionEnded | AuthError::NoSuchSession) => "ended",
        Some(AuthError::RefreshRaced) => "raced",
        Some(AuthError::RefreshReused) => "reused",
        Some(AuthError::WrongCredentials | AuthError::Suspended) => "refused",
        Some(_) => "failed",
    };
    add(operation, outcome);
}

/// Counts an access token that was shown, whoever made it, by how it was judged.
pub(super) fn count_check(error: Option<&ApiError>) {
    let outcome = match error.map(|error| (error.code(), error.status())) {
        None => "ok",
        Some(("invalid_token", _)) => "invalid",
        Some(("token_expired", _)) => "expired",
        Some(("session_ended", _)) => "ended",
        Some((_, status)) if status.is_server_error() => "failed",
        Some(_) => "refused",
    };
    add(Operation::Check, outcome);
}

fn add(operation: Operation, outcome: &'static str) {
    metrics::counter!(OPERATIONS, "operation" => operation.word(), "outcome" => outcome)
        .increment(1);
}
