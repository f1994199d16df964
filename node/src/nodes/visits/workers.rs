//! The worker that ends visits at other nodes: those that members ended, and those whose sign-in here
//! is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::handshake::{ClientError, SessionId};
use federation_core::store::sql::{Connection, DatabaseError};
use futures_util::FutureExt as _;
use url::Url;

use super::store::{self, Visit};
use crate::auth::endings;
use crate::base::ids::VisitId;
use crate::nodes::Nodes;
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;
use crate::platform::rounds;

/// Visits that one round takes of each kind.
const AT_ONCE: i64 = 50;
/// How far back each round looks for sign-ins that ended: rounds come once a minute at least, and
/// clocks differ.
const LOOK_BACK: Duration = Duration::from_mins(3);
/// How often it looks while there are visits, at what other processes ended.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// When a node that was not reached is told again.
const RETRY_AFTER: Duration = Duration::from_secs(30);

/// Ends visits until the server stops.
pub async fn work(ctx: Ctx, nodes: Nodes) {
    let (held, is_caught_up) = (ctx.clone(), Arc::new(AtomicBool::new(false)));
    let round = move || {
        let (ctx, nodes, caught_up) = (held.clone(), nodes.clone(), Arc::clone(&is_caught_up));
        async move { round(&ctx, &nodes, &caught_up).await }.boxed()
    };
    rounds::run(ctx, "end visits at other nodes", round).await;
}

/// What a round finds to do.
struct Found {
    ending: Vec<Visit>,
    expired: Vec<VisitId>,
    is_any: bool,
    /// Whether more ended while the server was not running than one round takes.
    is_behind: bool,
}

async fn round(
    ctx: &Ctx,
    nodes: &Nodes,
    caught_up: &AtomicBool,
) -> Result<Option<Timestamp>, ApiError> {
    // A round that fails is made up for by one that looks at all.
    let (now, whole) = (ctx.now(), !caught_up.swap(false, Ordering::Relaxed));
    let read = move |connection: &mut Connection| look(connection, whole, now);
    let found = ctx.db().read(read).await?;
    if !found.expired.is_empty() {
        let expired = found.expired;
        let write = move |connection: &mut Connection| {
            for id in &expired {
                store::remove(connection, *id)?;
            }
            Ok::<_, DatabaseError>(())
        };
        ctx.db().write(write).await?;
    }
    for visit in found.ending {
        let (claimed, retry_at) = (visit.clone(), now.plus(RETRY_AFTER));
        let claim =
            move |connection: &mut Connection| store::claim(connection, &claimed, retry_at, now);
        if ctx.db().write(claim).await? {
            // Beside each other, so that a node that does not answer holds up no other.
            ctx.tasks().spawn(end(ctx.clone(), nodes.clone(), visit));
        }
    }
    caught_up.store(!found.is_behind, Ordering::Relaxed);
    Ok(found.is_any.then(|| now.plus(LOOK_EVERY)))
}

fn look(connection: &mut Connection, whole: bool, now: Timestamp) -> Result<Found, DatabaseError> {
    let is_any = store::is_any(connection)?;
    if !is_any {
        return Ok(Found {
            ending: Vec::new(),
            expired: Vec::new(),
            is_any,
            is_behind: false,
        });
    }
    let mut ending = store::due(connection, AT_ONCE, now)?;
    let over = if whole {
        store::left_open(connection, AT_ONCE)?
    } else {
        let ended = endings::ended_since(connection, now.minus(LOOK_BACK))?;
        store::of_sessions(connection, &ended)?
    };
    let most = usize::try_from(AT_ONCE).unwrap_or(usize::MAX);
    let is_behind = whole && over.len() >= most;
    ending.extend(over);
    Ok(Found {
        ending,
        expired: store::expired(connection, AT_ONCE, now)?,
        is_any,
        is_behind,
    })
}

/// Tells the other node, and drops the visit once that is done or can never be.
async fn end(ctx: Ctx, nodes: Nodes, visit: Visit) {
    let shutdown = ctx.tasks().shutdown().clone();
    let work = async {
        match tell(&nodes, &visit).await {
            Some(Err(error)) if error.is_retryable() => {
                tracing::debug!(%error, visit.id = %visit.id, "cannot end a visit now");
                return;
            }
            Some(Err(error)) => {
                tracing::warn!(%error, visit.id = %visit.id, "another node does not end a visit");
            }
            Some(Ok(())) | None => {}
        }
        let id = visit.id;
        let write = move |connection: &mut Connection| store::remove(connection, id);
        if let Err(error) = ctx.db().write(write).await {
            tracing::warn!(%error, "cannot drop a visit that was ended");
        }
    };
    shutdown.run_until_cancelled(work).await;
}

/// `None` when the row names no session.
async fn tell(nodes: &Nodes, visit: &Visit) -> Option<Result<(), ClientError>> {
    let issuer = Url::parse(&visit.issuer).ok()?;
    let session = visit.granted_id.parse::<SessionId>().ok()?;
    let client = nodes.held().client();
    Some(client.revoke_by_id(&issuer, session).await)
}
