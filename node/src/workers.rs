//! Every piece of background work of the server, on one screen.

use std::sync::Arc;
use std::time::Duration;

use federation_core::store::sql::DatabaseError;

use crate::admin;
use crate::app::Parts;
use crate::auth;
use crate::channels;
use crate::communities;
use crate::departures;
use crate::federation;
use crate::gateway;
use crate::messages;
use crate::moderation;
use crate::nodes::{self, Nodes};
use crate::notifications;
use crate::oauth;
use crate::oidc;
use crate::platform::activity;
use crate::platform::audit;
use crate::platform::ctx::Ctx;
use crate::platform::domains;
use crate::platform::events::{self, Retention};
use crate::platform::http::error::ApiError;
use crate::platform::http::idempotency;
use crate::platform::limits;
use crate::platform::mail;
use crate::platform::mail::Smtp;
use crate::presence;

/// How often what is past its time is cleared away.
const CLEAR_EVERY: Duration = HOUR;
const HOUR: Duration = Duration::from_hours(1);
/// Rows removed in one transaction.
const CLEARED_AT_ONCE: i64 = 200;

/// Starts all of it; it ends with the server.
pub fn start(ctx: &Ctx, parts: &Parts) {
    let tasks = ctx.tasks();
    let shutdown = tasks.shutdown().clone();
    tasks.spawn(auth::workers::follow_revocations(
        ctx.clone(),
        parts.auth.clone(),
    ));
    if let Some(mailer) = Smtp::of(&ctx.config().mail, ctx.origin()) {
        tasks.spawn(mail::send(ctx.clone(), mailer));
        tasks.spawn(auth::reset::workers::answer(ctx.clone()));
    }
    let auth = || parts.auth.clone();
    tasks.spawn(auth::workers::follow_notices(ctx.clone(), auth()));
    tasks.spawn(auth::workers::renew_keys(ctx.clone(), auth()));
    tasks.spawn(auth::workers::note_uses(ctx.clone(), auth()));
    tasks.spawn(activity::keep(ctx.clone()));
    tasks.spawn(admin::workers::measure(ctx.clone()));
    tasks.spawn(limits::changes::follow(ctx.clone()));
    tasks.spawn(domains::follow(ctx.clone()));
    tasks.spawn(communities::follow_notices(
        ctx.clone(),
        parts.known.clone(),
    ));
    tasks.spawn(events::publish(
        ctx.db().clone(),
        parts.bus.clone(),
        ctx.cluster().clone(),
        shutdown.clone(),
    ));
    tasks.spawn(presence::workers::follow(
        ctx.clone(),
        parts.bus.clone(),
        parts.presence.clone(),
    ));
    tasks.spawn(messages::typing::follow(ctx.clone(), parts.typing.clone()));
    tasks.spawn(gateway::measure(
        ctx.clone(),
        parts.bus.clone(),
        parts.presence.clone(),
        parts.analytics.clone(),
    ));
    tasks.spawn(nodes::follow_ends(ctx.clone(), parts.nodes.clone()));
    tasks.spawn(nodes::visits::work(ctx.clone(), parts.nodes.clone()));
    tasks.spawn(nodes::keep_streams(ctx.clone(), parts.streams.clone()));
    tasks.spawn(federation::deliver(
        ctx.clone(),
        parts.edge.clone(),
        parts.streams.deliveries(),
    ));
    tasks.spawn(federation::rotate(ctx.clone(), parts.edge.clone()));
    tasks.spawn(federation::announce_profiles(
        ctx.clone(),
        parts.edge.clone(),
    ));
    tasks.spawn(messages::search::fill(ctx.clone()));
    tasks.spawn(departures::work(ctx.clone(), parts.edge.clone()));
    tasks.spawn(messages::polls::work(ctx.clone()));
    let transport = Arc::clone(parts.edge.transport());
    tasks.spawn(messages::previews::work(ctx.clone(), transport));
    tasks.spawn(channels::group::work(ctx.clone()));
    tasks.spawn(messages::scheduled::work(ctx.clone(), parts.known.clone()));
    let retention = Retention {
        keep: HOUR.saturating_mul(ctx.config().limits.event_hours),
        every: CLEAR_EVERY,
    };
    let clock = Arc::clone(ctx.clock());
    tasks.spawn(events::prune(ctx.db().clone(), clock, retention, shutdown));
    tasks.spawn(clear(ctx.clone(), parts.nodes.clone()));
}

/// Clears away what is past its time, in small steps, until the server ends.
async fn clear(ctx: Ctx, nodes: Nodes) {
    let work = async {
        loop {
            ctx.clock().sleep_until(ctx.now().plus(CLEAR_EVERY)).await;
            if let Err(error) = clear_once(&ctx, &nodes).await {
                tracing::warn!(%error, "cannot clear away old rows");
            }
        }
    };
    ctx.tasks().shutdown().run_until_cancelled(work).await;
}

async fn clear_once(ctx: &Ctx, nodes: &Nodes) -> Result<(), ApiError> {
    let now = ctx.now();
    let full = usize::try_from(CLEARED_AT_ONCE).unwrap_or(usize::MAX);
    while auth::workers::prune(ctx, CLEARED_AT_ONCE).await? == full {}
    while oauth::workers::prune(ctx, CLEARED_AT_ONCE).await? == full {}
    while oidc::workers::prune(ctx, CLEARED_AT_ONCE).await? == full {}
    let few = u32::try_from(CLEARED_AT_ONCE).unwrap_or(u32::MAX);
    notifications::workers::prune(ctx, CLEARED_AT_ONCE).await?;
    let ended = async || nodes.prune(now, few).await.map_err(ApiError::internal);
    while ended().await? == full {}
    let audit_kept = HOUR
        .saturating_mul(24)
        .saturating_mul(ctx.config().limits.audit_days);
    loop {
        let removed = ctx
            .db()
            .write(move |connection| {
                let keys = idempotency::prune(connection, now, CLEARED_AT_ONCE)?;
                let buried = messages::tombstones::prune_buried(connection, now, CLEARED_AT_ONCE)?;
                let known = federation::prune(connection, now, CLEARED_AT_ONCE)?;
                let counted = activity::prune(connection, now, CLEARED_AT_ONCE)?;
                let audited = audit::prune(connection, now.minus(audit_kept), CLEARED_AT_ONCE)?;
                let shielded = limits::changes::prune(connection, now, CLEARED_AT_ONCE)?;
                let judged = moderation::reports::prune(connection, now, CLEARED_AT_ONCE)?;
                let said = moderation::rules::prune(connection, now, CLEARED_AT_ONCE)?;
                let read = messages::previews::prune(connection, now, CLEARED_AT_ONCE)?;
                let gone = messages::clear_deleted_channels(connection, CLEARED_AT_ONCE)?;
                Ok::<_, DatabaseError>(
                    keys.max(buried)
                        .max(known)
                        .max(gone)
                        .max(read)
                        .max(judged)
                        .max(said)
                        .max(shielded)
                        .max(counted)
                        .max(audited),
                )
            })
            .await?;
        if removed < full {
            return Ok(());
        }
    }
}
