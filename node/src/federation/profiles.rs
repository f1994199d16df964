//! The worker that tells other nodes of changed profiles.

use federation_core::Timestamp;
use federation_core::store::sql::Connection;
use federation_core::vocab::parse_id;
use futures_util::FutureExt as _;

use super::Edge;
use super::keys::{Shown, tell};
use crate::accounts;
use crate::accounts::announcements;
use crate::base::ids::UserId;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;
use crate::platform::rounds;

/// Members looked at in one round.
const AT_ONCE: i64 = 50;

/// Tells of changed profiles, and ends statuses, until the server stops.
pub async fn announce_profiles(ctx: Ctx, edge: Edge) {
    let held = ctx.clone();
    let round = move || {
        let (ctx, edge) = (held.clone(), edge.clone());
        async move { round(&ctx, &edge).await }.boxed()
    };
    rounds::run(ctx, "tell of changed profiles", round).await;
}

async fn round(ctx: &Ctx, edge: &Edge) -> Result<Option<Timestamp>, ApiError> {
    let now = ctx.now();
    let looked = move |connection: &mut Connection| {
        let next = announcements::next(connection)?;
        let due = announcements::due(connection, now, AT_ONCE)?;
        Ok::<_, ApiError>((next, due))
    };
    let (next, due) = ctx.db().read(looked).await?;
    if next.is_none_or(|next| next > now) {
        return Ok(next);
    }
    ctx.db()
        .write(move |connection| announcements::end_statuses(connection, now, AT_ONCE))
        .await?;
    for user in due {
        announce(ctx, edge, user).await?;
    }
    ctx.db()
        .read(|connection| Ok(announcements::next(connection)?))
        .await
}

async fn announce(ctx: &Ctx, edge: &Edge, id: UserId) -> Result<(), ApiError> {
    let user = ctx
        .db()
        .read(move |connection| accounts::store::by_id(connection, id))
        .await?;
    let Some(actor) = user.and_then(|user| parse_id(&user.actor_uri)) else {
        return Ok(());
    };
    let keys = edge.keys().of(&actor).await.map_err(ApiError::internal)?;
    let (held, now) = (ctx.clone(), ctx.now());
    ctx.db()
        .write(move |connection| {
            // What was changed since the keys were read is told of too: the document is read here.
            if !announcements::take(connection, id, now)? {
                return Ok(());
            }
            let shown = Shown {
                actor: &actor,
                published: keys.published(),
                prover: keys.ed25519(),
                at: now,
            };
            tell(connection, held.origin(), &shown)
        })
        .await
        .map_err(ApiError::from)
}
