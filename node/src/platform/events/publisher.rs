//! Hands committed events to the bus, and drops old ones from the log.

use std::time::Duration;

use federation_core::store::sql::{Backend, Database, DatabaseError};
use federation_core::{Clock, Timestamp};
use tokio::sync::broadcast;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::bus::Bus;
use super::store;
use crate::platform::cluster::{Cluster, Notice, Standing};

/// Rows read at once.
const BATCH: i64 = 512;
/// How long to wait after the database failed.
const AFTER_FAILURE: Duration = Duration::from_secs(1);
/// On PostgreSQL another process may append: how often to look while it cannot tell.
const OTHERS: Duration = Duration::from_secs(1);
/// How often to look all the same while other processes tell over Redis: not every process of the
/// node need be connected, such as a command of the operator.
const REPAIR: Duration = Duration::from_secs(5);
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
/// It sleeps until a commit of this process or the word of another one wakes it, and reads on from the
/// number it handed on last: the word says only that there is something, so that one that is lost,
/// repeated or forged changes neither what is handed on nor in which order. After commits of this
/// process it tells the others.
pub async fn publish(db: Database, bus: Bus, cluster: Cluster, shutdown: CancellationToken) {
    let mut commits = db.committed();
    let mut heard = cluster.listen();
    let mut told = Told {
        commit: 0,
        head: bus.position(),
    };
    loop {
        let commit = *commits.borrow_and_update();
        let failed = match drain(&db, &bus).await {
            Ok(()) => {
                bus.caught_up(commit);
                told.tell(&cluster, commit, bus.position());
                false
            }
            Err(DatabaseError::Closed) => return,
            Err(error) => {
                tracing::warn!(%error, "cannot read the event log");
                true
            }
        };
        tokio::select! {
            () = shutdown.cancelled() => return,
            changed = commits.changed() => if changed.is_err() { return },
            () = word_of_others(&mut heard, &bus) => {}
            () = time_to_look(&db, &cluster, failed) => {}
        }
    }
}

/// What the other processes were told last.
struct Told {
    /// After which commit of this process; at first after none, so that what the start appended is told.
    commit: u64,
    head: i64,
}

impl Told {
    /// Tells how far the log goes when this process committed since; what others appended they know.
    fn tell(&mut self, cluster: &Cluster, commit: u64, head: i64) {
        if commit == self.commit {
            return;
        }
        self.commit = commit;
        if head > self.head {
            self.head = head;
            cluster.tell(Notice::EventsAppended { head });
        }
    }
}

/// Completes when another process appended something that was not handed on yet, or may have.
async fn word_of_others(heard: &mut broadcast::Receiver<Notice>, bus: &Bus) {
    loop {
        match Cluster::next(heard).await {
            Notice::EventsAppended { head } if head > bus.position() => return,
            Notice::Missed => return,
            _ => {}
        }
    }
}

/// Completes when the log has to be looked at without a word.
async fn time_to_look(db: &Database, cluster: &Cluster, failed: bool) {
    if failed {
        return tokio::time::sleep(AFTER_FAILURE).await;
    }
    if db.backend() != Backend::Postgres {
        // This process is the only one.
        return std::future::pending().await;
    }
    let since = Instant::now();
    loop {
        tokio::time::sleep(OTHERS).await;
        let is_told = cluster.standing() == Standing::Connected;
        if !is_told || since.elapsed() >= REPAIR {
            return;
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
