//! Background work of this feature: taking up what other processes change.

use super::known::Known;
use crate::platform::cluster::Cluster;
use crate::platform::ctx::Ctx;

/// Forgets at once what other processes change, as they tell over Redis (I9).
pub async fn follow_notices(ctx: Ctx, known: Known) {
    let mut heard = ctx.cluster().listen();
    let follow = async {
        loop {
            known.heard(&Cluster::next(&mut heard).await);
        }
    };
    ctx.tasks().shutdown().run_until_cancelled(follow).await;
}
