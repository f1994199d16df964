//! Background work of this feature: sending codes to those who asked for a new password.

use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::actions;
use super::store;
use crate::auth::error::AuthError;
use crate::platform::ctx::Ctx;

/// How often to look for requests.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Requests answered in one transaction.
const BATCH: i64 = 20;

/// Answers requests for new passwords until the server ends.
pub async fn answer(ctx: Ctx) {
    let work = async {
        loop {
            if let Err(error) = answer_all(&ctx).await {
                tracing::warn!(%error, "cannot answer requests for new passwords");
            }
            ctx.clock().sleep_until(ctx.now().plus(LOOK_EVERY)).await;
        }
    };
    ctx.tasks().shutdown().run_until_cancelled(work).await;
}

/// Answers all requests that wait now.
///
/// # Errors
/// The database failed.
pub async fn answer_all(ctx: &Ctx) -> Result<(), AuthError> {
    while actions::answer_requests(ctx, BATCH).await? {}
    Ok(())
}

/// Removes codes that expired before a moment, at most `limit`; how many there were.
pub(in crate::auth) fn prune(
    connection: &mut Connection,
    before: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    store::prune(connection, before, limit)
}
