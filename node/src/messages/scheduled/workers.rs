//! The worker that sends messages whose time has come.

use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::Connection;
use futures_util::FutureExt as _;
use http::StatusCode;

use super::store::{self, Outcome};
use crate::accounts;
use crate::accounts::model::User;
use crate::base::ids::ScheduledId;
use crate::communities::known::Known;
use crate::messages::actions::{self, NewMessage};
use crate::messages::model::Draft;
use crate::platform::activity::Kind;
use crate::platform::ctx::Ctx;
use crate::platform::events::EventLog;
use crate::platform::http::error::ApiError;
use crate::platform::http::idempotency;
use crate::platform::rounds;

/// Messages sent in one round.
const AT_ONCE: i64 = 50;
/// When one that could not be sent for now is tried again.
const RETRY_AFTER: Duration = Duration::from_mins(1);

/// Sends what is due until the server stops.
pub async fn work(ctx: Ctx, known: Known) {
    let held = ctx.clone();
    let round = move || {
        let (ctx, known) = (held.clone(), known.clone());
        async move { round(&ctx, &known).await }.boxed()
    };
    rounds::run(ctx, "send scheduled messages", round).await;
}

async fn round(ctx: &Ctx, known: &Known) -> Result<Option<Timestamp>, ApiError> {
    let now = ctx.now();
    let read = move |connection: &mut Connection| store::due(connection, now, AT_ONCE);
    let due = ctx.db().read(read).await?;
    for id in due {
        if let Err(error) = send(ctx, known, id).await {
            settle(ctx, id, &error).await?;
        }
    }
    Ok(ctx.db().read(store::next).await?)
}

/// Takes the row away and sends its message, together or not at all; what the author may do is judged
/// now.
async fn send(ctx: &Ctx, known: &Known, id: ScheduledId) -> Result<(), ApiError> {
    let held = ctx.clone();
    let write = move |connection: &mut Connection| {
        let log = EventLog::begin(connection)?;
        let Some(one) = store::claim(connection, id, held.now())? else {
            return Ok(None);
        };
        let author = accounts::store::by_id(connection, one.author_id)?;
        if !author.as_ref().is_some_and(User::is_active) {
            // The row is gone with this transaction: nobody is there to say it.
            return Ok(None);
        }
        let limit = held.config().limits.message_characters;
        let new = NewMessage {
            channel: one.channel_id,
            author: one.author_id,
            draft: Draft::new(one.content, limit)?,
            reply_to: one.reply_to,
            poll: None,
            forward: None,
            is_present: false,
        };
        let sent = actions::send(&held, connection, &log, &new)?;
        let view = sent.view;
        idempotency::hand_on(connection, id.as_str(), view.id.as_str())?;
        if sent.is_removed {
            idempotency::forget(connection, view.id.as_str())?;
        }
        Ok::<_, ApiError>(Some((one.channel_id, sent.silenced_in)))
    };
    if let Some((channel, silenced_in)) = ctx.db().write(write).await? {
        if let Some(community) = silenced_in {
            known.changed(community);
        }
        let (activity, now) = (ctx.activity(), ctx.now());
        activity.count(Kind::Message, channel.as_str(), now);
    }
    Ok(())
}

/// Notes what becomes of one that was not sent.
async fn settle(ctx: &Ctx, id: ScheduledId, error: &ApiError) -> Result<(), ApiError> {
    let now = ctx.now();
    let outcome = match (error.status(), error.retry_after()) {
        // They see the channel no more: they left it, were removed, or banned.
        (StatusCode::NOT_FOUND, _) => Outcome::Dropped,
        (_, Some(wait)) => Outcome::Later(now.plus(wait.max(Duration::from_secs(1)))),
        (status, None) if status.is_server_error() => {
            tracing::warn!(%error, %id, "cannot send a scheduled message");
            Outcome::Later(now.plus(RETRY_AFTER))
        }
        _ => Outcome::Failed(error.code().to_owned()),
    };
    let write = move |connection: &mut Connection| store::settle(connection, id, &outcome, now);
    Ok(ctx.db().write(write).await?)
}
