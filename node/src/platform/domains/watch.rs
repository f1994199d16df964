//! Taking up what other processes, and commands, change of the policies.

use std::time::Duration;

use federation_core::store::sql::{Connection, DatabaseError};

use super::store;
use crate::platform::cluster::{Cluster, Notice};
use crate::platform::ctx::Ctx;

/// How often changes of other processes are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Keeps what is in memory in line with the rows, until the server stops (I9).
pub async fn follow(ctx: Ctx) {
    let mut heard = ctx.cluster().listen();
    let work = async {
        loop {
            if let Err(error) = look(&ctx).await {
                tracing::warn!(%error, "cannot look for changed domain policies");
            }
            let next = ctx.clock().sleep_until(ctx.now().plus(LOOK_EVERY));
            tokio::select! {
                () = next => {}
                () = told(&mut heard) => {}
            }
        }
    };
    ctx.tasks().shutdown().run_until_cancelled(work).await;
}

/// Waits until another process tells of a change.
async fn told(heard: &mut tokio::sync::broadcast::Receiver<Notice>) {
    loop {
        if matches!(
            Cluster::next(heard).await,
            Notice::DomainChanged | Notice::Missed
        ) {
            return;
        }
    }
}

async fn look(ctx: &Ctx) -> Result<(), DatabaseError> {
    let read = |connection: &mut Connection| store::settings(connection);
    let (_, version) = ctx.db().read(read).await?;
    if version != ctx.domains().version() {
        ctx.domains().load(ctx.db()).await?;
    }
    Ok(())
}
