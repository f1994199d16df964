//! Background work that rows ask for: it runs after commits and when something is due.

use std::fmt::Display;
use std::time::Duration;

use federation_core::Timestamp;
use futures_util::future::BoxFuture;

use super::ctx::Ctx;

/// Between two rounds at least, however much is written.
const PAUSE: Duration = Duration::from_millis(200);
/// Between two rounds at most: another process may have written the row and ended.
const LONGEST: Duration = Duration::from_mins(1);
/// How long to wait after a round failed.
const AFTER_FAILURE: Duration = Duration::from_secs(2);

/// Runs `round` until the server stops: now, after each commit, and at the moment it answers.
///
/// `what` names the work for the log.
pub async fn run<E: Display + Send>(
    ctx: Ctx,
    what: &'static str,
    round: impl Fn() -> BoxFuture<'static, Result<Option<Timestamp>, E>> + Send + Sync,
) {
    let work = async {
        let mut commits = ctx.db().committed();
        loop {
            commits.mark_unchanged();
            match round().await {
                Ok(next) => {
                    let longest = ctx.now().plus(LONGEST);
                    let next = next.map_or(longest, |next| next.min(longest));
                    tokio::select! {
                        changed = commits.changed() => if changed.is_err() { return },
                        () = ctx.clock().sleep_until(next) => {}
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot {what}");
                    tokio::time::sleep(AFTER_FAILURE).await;
                }
            }
        }
    };
    let shutdown = ctx.tasks().shutdown().clone();
    shutdown.run_until_cancelled(work).await;
}
