//! Clears away codes that are past their use and applications that nobody ever let in.

use std::time::Duration;

use super::store;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;

/// How long a code is kept after its end, so that one that comes again is known.
const KEEP_CODES: Duration = Duration::from_hours(24);
/// How long an application may wait for its first member.
const KEEP_UNUSED: Duration = Duration::from_hours(7 * 24);

/// Removes at most `limit` rows of each kind; the most of one kind.
///
/// # Errors
/// The database failed.
pub async fn prune(ctx: &Ctx, limit: i64) -> Result<usize, ApiError> {
    let now = ctx.now();
    let before = (now.minus(KEEP_CODES), now.minus(KEEP_UNUSED));
    ctx.db()
        .write(move |connection| Ok(store::prune(connection, before, limit)?))
        .await
}
