//! Sends what is queued, again and again for a day.

use std::time::Duration;

use federation_core::Timestamp;

use super::error::MailError;
use super::port::{Mailer, SendError};
use super::store;
use super::store::Claimed;
use crate::platform::ctx::Ctx;

/// Messages taken on at once.
const BATCH: i64 = 10;
/// How long a process has for what it took on.
const LEASE: Duration = Duration::from_mins(5);
/// How often to look for messages.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The wait after the first failure; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(15);
/// No wait is longer.
const LONGEST_WAIT: Duration = Duration::from_mins(30);
/// A message that is older is given up.
const KEPT: Duration = Duration::from_hours(24);

/// Sends messages until the server ends.
pub async fn send(ctx: Ctx, mailer: impl Mailer) {
    let work = async {
        loop {
            if let Err(error) = send_due(&ctx, &mailer).await {
                tracing::warn!(%error, "cannot look for messages to send");
            }
            ctx.clock().sleep_until(ctx.now().plus(LOOK_EVERY)).await;
        }
    };
    ctx.tasks().shutdown().run_until_cancelled(work).await;
}

/// Sends what is due now; how many messages were taken.
///
/// # Errors
/// The database failed. A message that does not leave is no error: it is tried again.
pub async fn send_due(ctx: &Ctx, mailer: &impl Mailer) -> Result<usize, MailError> {
    let mut taken = 0;
    loop {
        let now = ctx.now();
        let is_due = move |connection: &mut _| Ok::<_, MailError>(store::is_due(connection, now)?);
        if !ctx.db().read(is_due).await? {
            return Ok(taken);
        }
        let claimed = ctx
            .db()
            .write(move |connection| {
                Ok::<_, MailError>(store::claim(connection, now, LEASE, BATCH)?)
            })
            .await?;
        for mail in claimed {
            taken += usize::from(send_one(ctx, mailer, mail).await?);
        }
    }
}

async fn send_one(ctx: &Ctx, mailer: &impl Mailer, claimed: Claimed) -> Result<bool, MailError> {
    let id = claimed.id;
    let outcome = match store::open(ctx.keyring(), &claimed) {
        Ok(mail) => mailer.send(id, &mail).await,
        Err(error) => Err(SendError::Refused(Box::new(error))),
    };
    let now = ctx.now();
    let again_at = match &outcome {
        Ok(()) => None,
        Err(SendError::Failed(error)) => {
            let again_at = next_try(&claimed, now);
            tracing::warn!(%id, %error, given_up = again_at.is_none(), "a message did not leave");
            again_at
        }
        Err(error) => {
            tracing::warn!(%id, %error, "a message was given up");
            None
        }
    };
    let settle = move |connection: &mut _| match again_at {
        Some(until) => Ok::<_, MailError>(store::put_off(connection, id, until)?),
        None => Ok(store::remove(connection, id)?),
    };
    ctx.db().write(settle).await?;
    Ok(outcome.is_ok())
}

/// When to try again; `None` when the message is too old for that.
fn next_try(claimed: &Claimed, now: Timestamp) -> Option<Timestamp> {
    let doublings = u32::try_from(claimed.attempts.saturating_sub(1)).unwrap_or(0);
    let wait = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(doublings.min(16)));
    let until = now.plus(wait.min(LONGEST_WAIT));
    (until.since(claimed.created_at) < KEPT).then_some(until)
}
