//! Background work of this feature: noting how many sessions are open.

use std::time::Duration;

use super::store;
use crate::platform::activity::Kind;
use crate::platform::ctx::Ctx;

/// How often sessions are counted.
const MEASURED_EVERY: Duration = Duration::from_mins(10);

/// Notes how many sessions are open, until the server ends.
pub async fn measure(ctx: Ctx) {
    let work = async {
        loop {
            let now = ctx.now();
            let count = move |connection: &mut _| store::open_sessions(connection, now);
            match ctx.db().read(count).await {
                Ok(open) => ctx.activity().level(Kind::SessionsOpen, open, now),
                Err(error) => tracing::warn!(%error, "cannot count sessions"),
            }
            ctx.clock().sleep_until(now.plus(MEASURED_EVERY)).await;
        }
    };
    ctx.tasks().shutdown().run_until_cancelled(work).await;
}
