//! Forgetting what is old or too much, in small steps.

use std::time::Duration;

use federation_core::store::sql::DatabaseError;

use super::calls;
use super::store;
use crate::platform::ctx::Ctx;

/// How long notifications are kept.
pub const KEPT_FOR: Duration = Duration::from_hours(90 * 24);
/// Notifications of one member that are kept (I11).
pub const KEPT: i64 = 1_000;
/// Who was told something within this time is looked at; more than the time between two rounds.
const LOOKED_BACK: Duration = Duration::from_hours(2);

/// Forgets notifications that are old, and those of one member beyond the newest [`KEPT`], in steps
/// of `limit` rows.
///
/// # Errors
/// The database failed.
pub async fn prune(ctx: &Ctx, limit: i64) -> Result<(), DatabaseError> {
    let full = usize::try_from(limit).unwrap_or(usize::MAX);
    let before = ctx.now().minus(KEPT_FOR);
    loop {
        let step = ctx.db().write(move |connection| {
            let told = store::prune(connection, before, limit)?;
            let called = calls::prune(connection, before, limit)?;
            Ok::<_, DatabaseError>(told.max(called))
        });
        if step.await? < full {
            break;
        }
    }
    let since = ctx.now().minus(LOOKED_BACK);
    let told = ctx
        .db()
        .read(move |connection| store::told_since(connection, since))
        .await?;
    for user in told {
        loop {
            let step = ctx
                .db()
                .write(move |connection| store::trim(connection, user, KEPT, limit));
            if step.await? < full {
                break;
            }
        }
    }
    Ok(())
}
