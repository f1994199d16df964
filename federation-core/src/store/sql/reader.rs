//! The read side: a few threads, each with a connection that cannot write.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::connection::{AnsiTransactionManager, TransactionManager as _};
use tokio::sync::mpsc;

use super::connection::{Connection, Purpose, connect};
use super::database::{DatabaseOptions, ThreadGuard};
use super::error::DatabaseError;
use super::faults::{Faults, is_broken};
use super::threads::spawn_thread;
use crate::each_backend;

/// One read; it answers its caller itself.
pub(super) type ReadJob = Box<dyn FnOnce(&mut Connection) + Send>;

/// What the threads share.
#[derive(Clone)]
pub(super) struct Pool {
    pub(super) queue: Arc<Mutex<mpsc::Receiver<ReadJob>>>,
    /// How often a connection was found lost: the others were probably lost with it.
    pub(super) losses: Arc<AtomicU64>,
}

/// Starts a thread that runs the queued reads one after another.
pub(super) fn spawn(
    options: &DatabaseOptions,
    connection: Connection,
    pool: Pool,
    guard: ThreadGuard,
) -> Result<(), DatabaseError> {
    let reader = Reader::new(options.clone(), connection, pool);
    spawn_thread("database-read", options, move || {
        // Locals end in reverse order: the connection is closed before the guard is let go.
        let _guard = guard;
        let mut reader = reader;
        while let Some(job) = reader.next_job() {
            reader.run(job);
        }
    })
}

struct Reader {
    options: DatabaseOptions,
    connection: Connection,
    faults: Faults,
    pool: Pool,
    losses_seen: u64,
}

impl Reader {
    fn new(options: DatabaseOptions, mut connection: Connection, pool: Pool) -> Self {
        let faults = Faults::default();
        faults.watch(&mut connection);
        Self {
            options,
            connection,
            faults,
            losses_seen: pool.losses.load(Ordering::Relaxed),
            pool,
        }
    }

    fn next_job(&self) -> Option<ReadJob> {
        self.pool
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv()
    }

    fn run(&mut self, job: ReadJob) {
        if self.pool.losses.load(Ordering::Relaxed) != self.losses_seen {
            self.reconnect();
        }
        self.faults.clear();
        // A caller whose job panics learns it from the reply that never comes.
        let panicked = catch_unwind(AssertUnwindSafe(|| job(&mut self.connection))).is_err();
        if self.faults.worst() == Faults::LOST || is_broken(&mut self.connection) {
            self.pool.losses.fetch_add(1, Ordering::Relaxed);
            self.reconnect();
        } else if panicked || self.has_open_transaction() {
            self.reconnect();
        }
    }

    fn has_open_transaction(&mut self) -> bool {
        each_backend!(&mut self.connection, c => {
            AnsiTransactionManager::transaction_manager_status_mut(c)
                .transaction_depth()
                .map_or(true, |depth| depth.is_some())
        })
    }

    fn reconnect(&mut self) {
        match connect(&self.options, Purpose::Read) {
            Ok(mut fresh) => {
                self.faults.watch(&mut fresh);
                self.connection = fresh;
                self.losses_seen = self.pool.losses.load(Ordering::Relaxed);
            }
            // The next read reports what is wrong and tries again.
            Err(error) => tracing::warn!(%error, "cannot reconnect to the database"),
        }
    }
}
