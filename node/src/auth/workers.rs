//! Background work of this feature: seeing what other processes revoke, and clearing away.

use std::time::Duration;

use super::Auth;
use super::attempts;
use super::error::AuthError;
use super::passkeys;
use super::reset;
use super::store;
use crate::platform::ctx::Ctx;

/// How often revocations of other processes are looked for while connections are open.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How far back each look goes, which allows for clocks that differ.
const LOOK_BACK: Duration = Duration::from_mins(1);
/// How long an ended session stays in the table.
const KEEP_ENDED: Duration = Duration::from_hours(7 * 24);

/// Ends connections whose session another process revoked (I9); sleeps while there are none.
pub async fn follow_revocations(ctx: Ctx, auth: Auth) {
    let watch = async {
        loop {
            auth.gate.something_watched().await;
            let since = ctx.now().minus(LOOK_BACK);
            let look = ctx.db().read(move |connection| {
                Ok::<_, AuthError>(store::revoked_since(connection, since)?)
            });
            match look.await {
                Ok(ended) => auth.gate.end_watched(ended),
                Err(error) => tracing::warn!(%error, "cannot look for revoked sessions"),
            }
            ctx.clock().sleep_until(ctx.now().plus(LOOK_EVERY)).await;
        }
    };
    let shutdown = ctx.tasks().shutdown().clone();
    shutdown.run_until_cancelled(watch).await;
}

/// Removes sessions that ended a week ago and what else is past its time, at most `limit` of each;
/// the largest number.
///
/// # Errors
/// The database failed.
pub async fn prune(ctx: &Ctx, limit: i64) -> Result<usize, AuthError> {
    let now = ctx.now();
    let before = now.minus(KEEP_ENDED);
    ctx.db()
        .write(move |connection| {
            let sessions = store::prune(connection, before, limit)?;
            let tried = attempts::prune(connection, now, limit)?;
            let codes = reset::workers::prune(connection, before, limit)?;
            let answered = passkeys::prune(connection, now, limit)?;
            Ok(sessions.max(tried).max(codes).max(answered))
        })
        .await
}
