//! Entering the messages that were there before the index.

use std::time::Duration;

use super::index;
use crate::platform::ctx::Ctx;

/// Messages entered in one transaction.
const AT_ONCE: i64 = 200;
/// How long to wait after a failure.
const PAUSE: Duration = Duration::from_secs(30);

/// Enters what is missing, the newest first, and ends when nothing is.
pub async fn fill(ctx: Ctx) {
    let work = async {
        loop {
            let step = ctx
                .db()
                .write(|connection| index::fill(connection, AT_ONCE))
                .await;
            match step {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, "cannot enter old messages into the index");
                    ctx.clock().sleep_until(ctx.now().plus(PAUSE)).await;
                }
            }
        }
    };
    ctx.tasks().shutdown().run_until_cancelled(work).await;
}
