//! Clears away what was remembered of sign-ins that came back.

use super::store;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// Removes at most `limit` rows; how many there were.
///
/// # Errors
/// The database failed.
pub async fn prune(ctx: &Ctx, limit: i64) -> Result<usize, ApiError> {
    let now = ctx.now();
    ctx.db()
        .write(move |connection| Ok(store::prune(connection, now, limit)?))
        .await
}
