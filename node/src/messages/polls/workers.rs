//! The worker that ends polls when their time has come.

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use futures_util::FutureExt as _;

use super::actions;
use super::store;
use crate::platform::ctx::Ctx;
use crate::platform::rounds;

/// Polls ended in one round.
const AT_ONCE: i64 = 50;

/// Ends polls until the server stops.
pub async fn work(ctx: Ctx) {
    let held = ctx.clone();
    let round = move || {
        let ctx = held.clone();
        async move { round(&ctx).await }.boxed()
    };
    rounds::run(ctx, "end polls", round).await;
}

async fn round(ctx: &Ctx) -> Result<Option<Timestamp>, DatabaseError> {
    let now = ctx.now();
    let read = move |connection: &mut Connection| store::due(connection, now, AT_ONCE);
    for id in ctx.db().read(read).await? {
        let held = ctx.clone();
        let write = move |connection: &mut Connection| actions::end(&held, connection, id);
        ctx.db().write(write).await?;
    }
    ctx.db().read(store::next_end).await
}
