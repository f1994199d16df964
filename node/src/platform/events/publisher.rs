//! Hands committed events to the bus, and drops old ones from the log.

use std::time::Duration;

use federation_core::store::sql::{Backend, Database, DatabaseError};
use federation_core::{Clock, Timestamp};
use tokio_util::sync::CancellationToken;

use super::bus::Bus;
use super::store;

/// Rows read at once.
const BATCH: i64 = 512;
/// How long to wait after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// On PostgreSQL another process may append: how often to look without being woken.
const OTHERS: Duration = Duration::from_secs(1);
/// Rows dropped in one transaction, so that nobody waits long behind it.
const PRUNED_AT_ONCE: i64 = 1000;

/// Takes up the log at its end: what is appended from now on is handed on by [`publish`].
///
/// # Errors
/// The database failed.
pub async fn start(db: &Database, bus: &Bus) -> Result<(), DatabaseError> {
    let head = db.read(store::head).await?;
    bus.start_at(head);
    Ok(())
}

/// Hands every committed event to `bus`, in order, until `shutdown`; [`start`] comes first.
///
/// It sleeps until a commit wakes it, and reads on from the number it handed on last.
pub async fn publish(db: Database, bus: Bus, shutdown: CancellationToken) {
    let mut commits = db.committed();
    loop {
        commits.mark_unchanged();
        let pause = match drain(&db, &bus).await {
            Ok(()) if db.backend() == Backend::Postgres => Some(OTHERS),
            Ok(()) => None,
            Err(DatabaseError::Closed) => return,
            Err(error) => {
                tracing::warn!(%error, "cannot read the event log");
                Some(AFTER_FAILURE)
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = commits.changed() => if changed.is_err() { return },
            () = wait(pause) => {}
        }
    }
}

async fn drain(db: &Database, bus: &Bus) -> Result<(), DatabaseError> {
    loop {
        let position = bus.position();
        let events = db
            .read(move |connection| store::after(connection, position, BATCH))
            .await?;
        bus.publish(&events);
        if i64::try_from(events.len()).unwrap_or(BATCH) < BATCH {
            return Ok(());
        }
    }
}

async fn wait(pause: Option<Duration>) {
    match pause {
        Some(pause) => tokio::time::sleep(pause).await,
        None => std::future::pending().await,
    }
}

/// How long the log reaches back, and how often that is seen to.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Events older than this are dropped.
    pub keep: Duration,
    /// Time between two looks.
    pub every: Duration,
}

/// Drops events by age until `shutdown`.
pub async fn prune(
    db: Database,
    clock: std::sync::Arc<dyn Clock>,
    retention: Retention,
    shutdown: CancellationToken,
) {
    loop {
        let now = clock.now();
        if let Err(error) = prune_once(&db, now.minus(retention.keep)).await {
            tracing::warn!(%error, "cannot prune the event log");
        }
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = clock.sleep_until(now.plus(retention.every)) => {}
        }
    }
}

pub(super) async fn prune_once(db: &Database, before: Timestamp) -> Result<(), DatabaseError> {
    loop {
        let dropped = db
            .write(move |connection| store::prune(connection, before, PRUNED_AT_ONCE))
            .await?;
        if dropped == 0 {
            return Ok(());
        }
    }
}
