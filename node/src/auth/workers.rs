//! Background work of this feature: seeing what other processes change, keeping keys fresh, noting
//! uses, and clearing away.

use std::time::Duration;

use super::Auth;
use super::attempts;
use super::endings;
use super::error::AuthError;
use super::passkeys;
use super::reset;
use super::store;
use super::uses;
use crate::platform::cluster::Cluster;
use crate::platform::ctx::Ctx;

/// How often revocations of other processes are looked for while connections are open.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How far back each look goes, which allows for clocks that differ.
const LOOK_BACK: Duration = Duration::from_mins(1);
/// How often the keys of access tokens are looked at.
const RENEW_EVERY: Duration = Duration::from_mins(1);
/// How often uses of sessions are written down.
const NOTE_EVERY: Duration = Duration::from_secs(10);
/// Uses written in one transaction.
const NOTED_AT_ONCE: usize = 200;
/// How long an ended session stays in the table.
const KEEP_ENDED: Duration = Duration::from_hours(7 * 24);

/// Ends connections whose session another process ended (I9): looks twice a second, always, so that
/// nothing depends on Redis.
pub async fn follow_revocations(ctx: Ctx, auth: Auth) {
    let watch = async {
        loop {
            auth.gate.something_watched().await;
            let since = ctx.now().minus(LOOK_BACK);
            let look = ctx.db().read(move |connection| {
                Ok::<_, AuthError>(endings::ended_since(connection, since)?)
            });
            match look.await {
                Ok(ended) => auth.gate.end_watched(ended),
                Err(error) => tracing::warn!(%error, "cannot look for revoked sessions"),
            }
            ctx.clock().sleep_until(ctx.now().plus(LOOK_EVERY)).await;
        }
    };
    let shutdown = ctx.tasks().shutdown().clone();
    shutdown.run_until_cancelled(watch).await;
}

/// Takes up at once what other processes tell over Redis (I9).
pub async fn follow_notices(ctx: Ctx, auth: Auth) {
    let mut heard = ctx.cluster().listen();
    let watch = async {
        loop {
            let notice = Cluster::next(&mut heard).await;
            if let Err(error) = auth.gate.heard(notice).await {
                tracing::warn!(%error, "cannot look up what another process told");
            }
        }
    };
    let shutdown = ctx.tasks().shutdown().clone();
    shutdown.run_until_cancelled(watch).await;
}

/// Keeps the keys of access tokens as the table has them, and makes new ones in time.
pub async fn renew_keys(ctx: Ctx, auth: Auth) {
    let renew = async {
        loop {
            ctx.clock().sleep_until(ctx.now().plus(RENEW_EVERY)).await;
            if let Err(error) = auth.tokens.renew(ctx.db(), ctx.now()).await {
                tracing::warn!(%error, "cannot renew the keys of access tokens");
            }
        }
    };
    let shutdown = ctx.tasks().shutdown().clone();
    shutdown.run_until_cancelled(renew).await;
}

/// Writes down when and from where sessions were used, until the server ends and once more then.
pub async fn note_uses(ctx: Ctx, auth: Auth) {
    let shutdown = ctx.tasks().shutdown().clone();
    loop {
        let next = ctx.now().plus(NOTE_EVERY);
        let pause = ctx.clock().sleep_until(next);
        let goes_on = shutdown.run_until_cancelled(pause).await.is_some();
        if let Err(error) = write_uses(&ctx, &auth).await {
            tracing::warn!(%error, "cannot note when sessions were used");
        }
        if !goes_on {
            return;
        }
    }
}

/// Writes down the uses that were noted, in small steps.
///
/// # Errors
/// The database failed; what was noted is left out until the session is used again.
pub async fn write_uses(ctx: &Ctx, auth: &Auth) -> Result<(), AuthError> {
    for noted in auth.gate.uses.take().chunks(NOTED_AT_ONCE) {
        let noted = noted.to_vec();
        ctx.db()
            .write(move |connection| Ok::<_, AuthError>(uses::write(connection, &noted)?))
            .await?;
    }
    Ok(())
}

/// Removes sessions that ended a week ago and what else is past its time, at most `limit` of each;
/// the largest number.
///
/// # Errors
/// The database failed.
pub async fn prune(ctx: &Ctx, limit: i64) -> Result<usize, AuthError> {
    let now = ctx.now();
    let before = now.minus(KEEP_ENDED);
    ctx.db()
        .write(move |connection| {
            let sessions = store::prune(connection, before, limit)?;
            let tried = attempts::prune(connection, now, limit)?;
            let codes = reset::workers::prune(connection, before, limit)?;
            let answered = passkeys::prune(connection, now, limit)?;
            Ok(sessions.max(tried).max(codes).max(answered))
        })
        .await
}
