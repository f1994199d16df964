//! The write side: takes what is queued, runs it in one transaction, commits once.
//!
//! A group runs without savepoints first, since nearly every group ends well. When anything in it
//! fails, all of it is rolled back and run again with a savepoint for each operation.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, SimpleConnection as _, TransactionManager as _};
use diesel::result::{Error as QueryError, QueryResult};
use diesel::sql_types::{BigInt, Bool};
use diesel::{RunQueryDsl as _, dsl::sql};
use tokio::sync::watch;

use super::connection::{Backend, Connection, Purpose, connect};
use super::database::{DatabaseOptions, Durability, ThreadGuard};
use super::error::DatabaseError;
use super::faults::{Faults, is_broken};
use super::receipt::Entries;
use super::threads::spawn_thread;
use super::turn::Turn;
use super::write_job::WriteJob;
use super::write_queue::{Job, WriteQueue};
use crate::each_backend;
use crate::metrics;

/// How often an operation is run again by itself before its failure is final.
const SINGLE_ATTEMPTS: u32 = 4;
const RETRY_PAUSE: Duration = Duration::from_millis(20);
/// How many groups get savepoints at once after one that had to be run again, so that whoever
/// makes operations fail does not make every group run twice.
const CAUTIOUS_GROUPS: u32 = 16;

/// Starts a thread that commits the queued writes in groups.
pub(super) fn spawn(
    options: &DatabaseOptions,
    connection: Connection,
    queue: Arc<Mutex<WriteQueue>>,
    committed: Arc<watch::Sender<u64>>,
    guard: ThreadGuard,
) -> Result<(), DatabaseError> {
    let limit = options.group_limit.max(1);
    let writer = Writer::new(options.clone(), connection, committed);
    spawn_thread("database-write", options, move || {
        // Locals end in reverse order: the connection is closed before the guard is let go.
        let _guard = guard;
        let mut writer = writer;
        let mut group = Vec::with_capacity(limit);
        while let Some(turn) = Turn::take(&queue, &mut group, limit) {
            writer.run(&mut group, turn);
        }
    })
}

/// What became of one operation or of one group.
enum End {
    /// Final: the answer stands.
    Done,
    /// Rolled back through no fault of its own: worth another run by itself.
    /// Without an error here the answer of the operation tells best what it met with.
    Again(Option<DatabaseError>),
}

/// Why a group has no commit to show.
enum GroupFault {
    /// Nothing of it was kept.
    RolledBack(QueryError),
    /// The connection broke at the commit: all of it was kept, or nothing.
    Unknown,
}

struct Writer {
    options: DatabaseOptions,
    connection: Connection,
    committed: Arc<watch::Sender<u64>>,
    faults: Faults,
    changes: i64,
    /// Whether SQLite is set to commit without waiting for the disk.
    relaxed: bool,
    /// How many groups are still to get savepoints at once.
    cautious: u32,
}

impl Writer {
    fn new(
        options: DatabaseOptions,
        mut connection: Connection,
        committed: Arc<watch::Sender<u64>>,
    ) -> Self {
        let faults = Faults::default();
        faults.watch(&mut connection);
        let relaxed = options.durability == Durability::Relaxed;
        Self {
            options,
            connection,
            committed,
            faults,
            changes: 0,
            relaxed,
            cautious: 0,
        }
    }

    /// Runs all jobs of `group` and those that join it, answers every one of them, and leaves it
    /// empty.
    fn run(&mut self, group: &mut Vec<Job>, mut turn: Turn<'_>) {
        let mut again = Vec::new();
        let mut writes = group.len();
        if group.len() > 1 || turn.is_of_arrivals() {
            let outcome = match self.run_as_one(group, &mut turn) {
                Err(GroupFault::RolledBack(_)) => self.run_together(group, &mut again),
                outcome => outcome,
            };
            writes = group.len().saturating_add(again.len());
            match outcome {
                Ok(()) => group.drain(..).for_each(WriteJob::reply),
                Err(GroupFault::Unknown) => {
                    // Running them again might do everything twice.
                    for mut job in group.drain(..) {
                        job.fail(DatabaseError::Lost);
                        job.reply();
                    }
                }
                Err(GroupFault::RolledBack(error)) => {
                    tracing::debug!(%error, "a group of writes is run one by one");
                    // What ran saw changes of others that are gone now: all start afresh.
                    let mut all: Vec<_> = std::mem::take(group);
                    all.append(&mut again);
                    again = all;
                }
            }
        } else {
            again.append(group);
        }
        for job in again {
            self.run_single(job);
        }
        metrics::database_committed(writes, turn.end());
    }

    /// Runs the group in one transaction without savepoints. As soon as a job or any statement
    /// fails, none of it is kept.
    fn run_as_one(&mut self, group: &mut Vec<Job>, turn: &mut Turn<'_>) -> Result<(), GroupFault> {
        if self.cautious > 0 {
            self.cautious -= 1;
            return Err(GroupFault::RolledBack(QueryError::RollbackTransaction));
        }
        let Err(error) = self.attempt_all(group, turn) else {
            return self.commit_group();
        };
        tracing::debug!("a group of writes is run again with savepoints");
        self.cautious = CAUTIOUS_GROUPS;
        self.unwind(0);
        Err(GroupFault::RolledBack(error))
    }

    fn attempt_all(&mut self, group: &mut Vec<Job>, turn: &mut Turn<'_>) -> QueryResult<()> {
        let relaxed = group.iter().all(|job| job.is_relaxed());
        self.faults.clear();
        self.begin(relaxed)?;
        let receipts = group.iter().filter_map(|job| job.receipt());
        let mut entries = Entries::record(&mut self.connection, receipts)?;
        let (mut begun, recorded) = (0, group.len());
        loop {
            for (place, job) in group.iter_mut().enumerate().skip(begun) {
                // What joined is not among the entries, and records itself.
                let listed = (place < recorded).then(|| entries.take(job.receipt()));
                let entry = listed.flatten();
                let keep = job.attempt(&mut self.connection, entry);
                // A failed statement may have undone what others did, whatever the job makes of it.
                if !keep || self.faults.worst() != Faults::NONE {
                    return Err(QueryError::RollbackTransaction);
                }
                self.roll_back_to(1)?;
            }
            begun = group.len();
            if !turn.is_joined(group) {
                return Ok(());
            }
        }
    }

    /// Runs the group in one transaction with savepoints; jobs to be run again are moved to
    /// `again`.
    fn run_together(
        &mut self,
        group: &mut Vec<Job>,
        again: &mut Vec<Job>,
    ) -> Result<(), GroupFault> {
        let relaxed = group.iter().all(|job| job.is_relaxed());
        self.begin(relaxed).map_err(GroupFault::RolledBack)?;
        let mut finished = Vec::with_capacity(group.len());
        let mut result = Ok(());
        for mut job in group.drain(..) {
            if result.is_err() {
                finished.push(job);
                continue;
            }
            match self.run_in_savepoint(job.as_mut()) {
                Ok(End::Done) => finished.push(job),
                Ok(End::Again(_)) => again.push(job),
                Err(error) => {
                    finished.push(job);
                    result = Err(error);
                }
            }
        }
        *group = finished;
        if let Err(error) = result {
            self.unwind(0);
            return Err(GroupFault::RolledBack(error));
        }
        self.commit_group()
    }

    fn commit_group(&mut self) -> Result<(), GroupFault> {
        self.faults.clear();
        self.commit().map_err(|error| {
            let lost = self.has_lost_connection();
            self.unwind(0);
            if lost {
                GroupFault::Unknown
            } else {
                GroupFault::RolledBack(error)
            }
        })
    }

    fn run_in_savepoint(&mut self, job: &mut dyn WriteJob) -> QueryResult<End> {
        each_backend!(&mut self.connection, c => AnsiTransactionManager::begin_transaction(c))?;
        self.faults.clear();
        if job.attempt(&mut self.connection, None) {
            self.roll_back_to(2)?;
            match each_backend!(&mut self.connection, c => AnsiTransactionManager::commit_transaction(c))
            {
                Ok(()) => return Ok(End::Done),
                // It went on after a failed statement: PostgreSQL then keeps nothing of it.
                Err(error) => job.fail(error.into()),
            }
        }
        if self.faults.worst() == Faults::LOST {
            return Err(QueryError::BrokenTransactionManager);
        }
        self.roll_back_to(1)?;
        Ok(match self.faults.worst() {
            Faults::NONE | Faults::FAILED => End::Done,
            _ => End::Again(None),
        })
    }

    fn run_single(&mut self, mut job: Job) {
        for attempt in 1..=SINGLE_ATTEMPTS {
            match self.run_once(job.as_mut()) {
                End::Done => break,
                End::Again(error) if attempt == SINGLE_ATTEMPTS => {
                    if let Some(error) = error {
                        job.fail(error);
                    }
                }
                End::Again(_) => thread::sleep(RETRY_PAUSE * attempt),
            }
        }
        job.reply();
    }

    /// Runs one job as its own transaction.
    fn run_once(&mut self, job: &mut dyn WriteJob) -> End {
        self.faults.clear();
        if let Err(error) = self.begin(job.is_relaxed()) {
            self.unwind(0);
            let error = DatabaseError::from(error);
            if error.is_retryable() && self.options.url.backend() == Backend::Postgres {
                return End::Again(Some(error));
            }
            job.fail(error);
            return End::Done;
        }
        if job.attempt(&mut self.connection, None) {
            match self.roll_back_to(1).and_then(|()| self.commit()) {
                Ok(()) => return End::Done,
                Err(error) => {
                    let lost = self.has_lost_connection();
                    self.unwind(0);
                    // A commit whose answer is lost may have happened: only its caller can tell.
                    job.fail(if lost {
                        DatabaseError::Lost
                    } else {
                        error.into()
                    });
                    return End::Done;
                }
            }
        }
        let worst = self.faults.worst();
        self.unwind(0);
        match worst {
            Faults::NONE | Faults::FAILED => End::Done,
            Faults::LOST => End::Again(Some(DatabaseError::Lost)),
            _ => End::Again(None),
        }
    }

    fn has_lost_connection(&mut self) -> bool {
        self.faults.worst() == Faults::LOST || is_broken(&mut self.connection)
    }

    /// Opens the transaction; a relaxed one does not wait for the disk, a later full one does for
    /// both.
    fn begin(&mut self, relaxed: bool) -> QueryResult<()> {
        let relaxed = relaxed || self.options.durability == Durability::Relaxed;
        match &mut self.connection {
            Connection::Sqlite(c) => {
                if relaxed != self.relaxed {
                    let level = if relaxed { "NORMAL" } else { "FULL" };
                    c.batch_execute(&format!("PRAGMA synchronous = {level}"))?;
                    self.relaxed = relaxed;
                }
                AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")
            }
            Connection::Postgres(c) => {
                AnsiTransactionManager::begin_transaction(c)?;
                if relaxed {
                    c.batch_execute("SET LOCAL synchronous_commit = off")?;
                }
                Ok(())
            }
        }
    }

    fn commit(&mut self) -> QueryResult<()> {
        let changed = self.has_changed()?;
        each_backend!(&mut self.connection, c => AnsiTransactionManager::commit_transaction(c))?;
        if changed {
            self.committed
                .send_modify(|count| *count = count.wrapping_add(1));
        }
        Ok(())
    }

    /// Whether the open transaction has changed a row.
    fn has_changed(&mut self) -> QueryResult<bool> {
        match &mut self.connection {
            Connection::Sqlite(c) => {
                let total: i64 = diesel::select(sql::<BigInt>("total_changes()")).get_result(c)?;
                let before = std::mem::replace(&mut self.changes, total);
                Ok(total != before)
            }
            Connection::Postgres(c) => {
                diesel::select(sql::<Bool>("pg_current_xact_id_if_assigned() IS NOT NULL"))
                    .get_result(c)
            }
        }
    }

    /// Rolls back what is nested deeper than `depth`: savepoints an operation left open.
    fn roll_back_to(&mut self, depth: u32) -> QueryResult<()> {
        while self.depth()? > depth {
            each_backend!(&mut self.connection, c => AnsiTransactionManager::rollback_transaction(c))?;
        }
        Ok(())
    }

    fn depth(&mut self) -> QueryResult<u32> {
        each_backend!(&mut self.connection, c => {
            AnsiTransactionManager::transaction_manager_status_mut(c)
                .transaction_depth()
                .map(|depth| depth.map_or(0, std::num::NonZero::get))
        })
    }

    /// Rolls back to `depth`; a connection that cannot is replaced.
    fn unwind(&mut self, depth: u32) {
        let lost = self.faults.worst() == Faults::LOST;
        if !lost && self.roll_back_to(depth).is_ok() {
            return;
        }
        match connect(&self.options, Purpose::Write) {
            Ok(mut fresh) => {
                self.faults.clear();
                self.faults.watch(&mut fresh);
                self.connection = fresh;
                self.changes = 0;
                self.relaxed = self.options.durability == Durability::Relaxed;
            }
            Err(error) => tracing::warn!(%error, "cannot reconnect to the database"),
        }
    }
}
