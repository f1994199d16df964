//! The worker that fetches the pages which messages link to.

use std::sync::Arc;

use federation_core::Timestamp;
use federation_core::fetch::Transport;
use federation_core::store::sql::{Connection, DatabaseError};
use futures_util::FutureExt as _;
use futures_util::future::join_all;

use super::actions;
use super::fetch::fetch;
use super::model::{KEPT, Page};
use super::store;
use crate::platform::ctx::Ctx;
use crate::platform::rounds;

/// Fetches pages until the server stops, where the settings want previews.
pub async fn work(ctx: Ctx, transport: Arc<dyn Transport>) {
    if !ctx.config().previews.enabled {
        return;
    }
    let held = ctx.clone();
    let round = move || {
        let (ctx, transport) = (held.clone(), Arc::clone(&transport));
        async move { round(&ctx, &transport).await }.boxed()
    };
    rounds::run(ctx, "fetch previews", round).await;
}

async fn round(
    ctx: &Ctx,
    transport: &Arc<dyn Transport>,
) -> Result<Option<Timestamp>, DatabaseError> {
    let now = ctx.now();
    let next = ctx.db().read(store::next_due).await?;
    if next.is_none_or(|next| next > now) {
        return Ok(next);
    }
    let take = move |connection: &mut Connection| actions::take(connection, now);
    let taken = ctx.db().write(take).await?;
    let fetched = taken
        .into_iter()
        .map(|page| settle(ctx.clone(), Arc::clone(transport), page));
    join_all(fetched)
        .await
        .into_iter()
        .collect::<Result<(), _>>()?;
    ctx.db().read(store::next_due).await
}

/// Fetches one page, and shows it with all messages that wait for it.
async fn settle(ctx: Ctx, transport: Arc<dyn Transport>, page: Page) -> Result<(), DatabaseError> {
    let outcome = fetch(transport.as_ref(), ctx.domains(), &page.url).await;
    loop {
        let (held, digest, outcome) = (ctx.clone(), page.digest.clone(), outcome.clone());
        let write = move |connection: &mut Connection| {
            actions::settle(&held, connection, &digest, &outcome)
        };
        if ctx.db().write(write).await? {
            return Ok(());
        }
    }
}

/// Forgets up to `limit` pages that were fetched more than a day ago; answers how many.
///
/// # Errors
/// The database failed.
pub fn prune(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    store::prune(connection, now.minus(KEPT), limit)
}
