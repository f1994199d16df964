//! The handle everything else holds: queues writes and reads to the threads that run them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};

use super::connection::{Backend, Connection, Purpose, connect};
use super::error::DatabaseError;
use super::location::DatabaseUrl;
use super::migrations::Migrations;
use super::process_lock::{ProcessLock, create_directory};
use super::reader::{self, ReadJob};
use super::write_job::Write;
use super::write_queue::{Job, Lane, WriteSenders, lanes};
use super::writer;

/// How a database is opened; [`DatabaseOptions::new`] gives what a server wants.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct DatabaseOptions {
    /// Where the database is.
    pub url: DatabaseUrl,
    /// When a commit counts as done. Default: [`Durability::Full`].
    pub durability: Durability,
    /// Refuse to open an SQLite file that another process serves. Default: true; a command that
    /// runs beside a server sets it to false.
    pub sole_process: bool,
    /// How many writes at most share one commit. Default: 64.
    pub group_limit: usize,
    /// Threads that write to PostgreSQL; SQLite always has one. Default: 1, which groups as fast as
    /// several and lets no two groups wait for each other's rows.
    pub postgres_writers: usize,
    /// Threads that read. Default: 4.
    pub readers: usize,
    /// Writes of this server, those of others, and reads that may wait, each; further callers wait for
    /// a place. Default: 1024.
    pub queue_limit: usize,
    /// How long to wait for a lock that somebody else holds. Default: 5 s.
    pub busy_timeout: Duration,
}

/// When a commit counts as done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Durability {
    /// Only after the disk has it: survives a power cut.
    Full,
    /// After the operating system has it: survives the end of the process alone.
    Relaxed,
}

impl DatabaseOptions {
    /// The options of a server for the database at `url`.
    pub fn new(url: DatabaseUrl) -> Self {
        Self {
            url,
            durability: Durability::Full,
            sole_process: true,
            group_limit: 64,
            postgres_writers: 1,
            readers: 4,
            queue_limit: 1024,
            busy_timeout: Duration::from_secs(5),
        }
    }
}

impl From<DatabaseUrl> for DatabaseOptions {
    fn from(url: DatabaseUrl) -> Self {
        Self::new(url)
    }
}

/// An open database; clones share it.
///
/// ```
/// # use federation_core::store::sql::{Database, DatabaseError, DatabaseUrl, Connection};
/// # use diesel::RunQueryDsl;
/// # async fn run(directory: &std::path::Path) -> Result<(), DatabaseError> {
/// let database = Database::open(DatabaseUrl::sqlite(directory.join("example.db"))).await?;
/// let rows = database
///     .write(|connection: &mut Connection| {
///         diesel::sql_query("CREATE TABLE t (id INTEGER PRIMARY KEY)").execute(connection)?;
///         Ok::<_, DatabaseError>(diesel::sql_query("INSERT INTO t VALUES (1)").execute(connection)?)
///     })
///     .await?;
/// assert_eq!(rows, 1);
/// database.close().await;
/// # Ok(())
/// # }
/// # let directory = tempfile::tempdir().unwrap();
/// # tokio::runtime::Runtime::new().unwrap().block_on(run(directory.path())).unwrap();
/// ```
#[derive(Clone)]
pub struct Database {
    shared: Arc<Shared>,
}

struct Shared {
    options: DatabaseOptions,
    queues: RwLock<Option<Queues>>,
    committed: watch::Receiver<u64>,
    /// Answers `None` once every thread has ended.
    threads: tokio::sync::Mutex<mpsc::Receiver<()>>,
}

#[derive(Clone)]
struct Queues {
    writes: WriteSenders,
    reads: mpsc::Sender<ReadJob>,
}

/// What every thread of a database holds until it ends.
pub(super) struct ThreadGuard {
    // The order matters: whoever waits for the end may open the database again at once.
    _lock: Option<Arc<ProcessLock>>,
    _running: mpsc::Sender<()>,
}

impl Database {
    /// Opens the database and starts its threads; runs no migration.
    ///
    /// # Errors
    /// [`DatabaseError::Open`] with the cause and the way out, [`DatabaseError::InUse`] when
    /// another process serves the SQLite file.
    pub async fn open(options: impl Into<DatabaseOptions>) -> Result<Self, DatabaseError> {
        let options = options.into();
        tokio::task::spawn_blocking(move || Self::start(options))
            .await
            .map_err(|_stopped| DatabaseError::Panicked)?
    }

    fn start(options: DatabaseOptions) -> Result<Self, DatabaseError> {
        let lock = match options.url.path() {
            Some(path) => {
                create_directory(path)?;
                if options.sole_process {
                    Some(Arc::new(ProcessLock::acquire(path)?))
                } else {
                    None
                }
            }
            None => None,
        };
        let (running, threads) = mpsc::channel(1);
        let guard = || ThreadGuard {
            _lock: lock.clone(),
            _running: running.clone(),
        };
        let (committed, committed_receiver) = watch::channel(0);
        let committed = Arc::new(committed);
        let waiting = lanes(options.queue_limit.max(1));
        let (writes, write_queue) = waiting.map_err(|error| DatabaseError::Open {
            database: options.url.to_string(),
            cause: error.to_string(),
            way_out: "raise the limit of open files of this user",
        })?;
        let (reads, read_queue) = mpsc::channel(options.queue_limit.max(1));

        let write_queue = Arc::new(Mutex::new(write_queue));
        let thread_count = match options.url.backend() {
            Backend::Sqlite => 1,
            Backend::Postgres => options.postgres_writers.max(1),
        };
        for _ in 0..thread_count {
            // The first connection to SQLite turns the journal mode, so writers come first.
            let connection = connect(&options, Purpose::Write)?;
            writer::spawn(
                &options,
                connection,
                Arc::clone(&write_queue),
                Arc::clone(&committed),
                guard(),
            )?;
        }
        let read_queue = Arc::new(Mutex::new(read_queue));
        let losses = Arc::default();
        for _ in 0..options.readers.max(1) {
            let connection = connect(&options, Purpose::Read)?;
            let pool = reader::Pool {
                queue: Arc::clone(&read_queue),
                losses: Arc::clone(&losses),
            };
            reader::spawn(&options, connection, pool, guard())?;
        }
        Ok(Self {
            shared: Arc::new(Shared {
                options,
                queues: RwLock::new(Some(Queues { writes, reads })),
                committed: committed_receiver,
                threads: tokio::sync::Mutex::new(threads),
            }),
        })
    }

    /// Which system this database is kept in.
    pub fn backend(&self) -> Backend {
        self.shared.options.url.backend()
    }

    /// Where this database is.
    pub fn url(&self) -> &DatabaseUrl {
        &self.shared.options.url
    }

    /// Runs the migrations that have not run yet; answers their names.
    ///
    /// # Errors
    /// [`DatabaseError::Migration`] names the step that failed; the steps before it stay.
    pub async fn migrate(&self, migrations: Migrations) -> Result<Vec<String>, DatabaseError> {
        self.alone(move |connection| migrations.run(connection))
            .await
    }

    /// Undoes the given migrations, newest first; answers their names. Data in them is lost.
    ///
    /// # Errors
    /// [`DatabaseError::Migration`] names the step that could not be undone.
    pub async fn revert(&self, migrations: Migrations) -> Result<Vec<String>, DatabaseError> {
        self.alone(move |connection| migrations.revert(connection))
            .await
    }

    /// Runs `operation` in a transaction and answers once its changes are durable.
    ///
    /// Several callers share one commit; one that fails is rolled back alone. It may run more than
    /// once, after a rollback, when another one of the group failed, when the backend gave up a
    /// deadlock or the connection broke; that is why it is `Fn`. Once queued it runs to its end,
    /// even when the future is dropped. It must not use the network or wait for anything else:
    /// all writers wait with it.
    ///
    /// # Errors
    /// What `operation` answers; [`DatabaseError`] for what happens around it.
    pub async fn write<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        F: Fn(&mut Connection) -> Result<T, E> + Send + 'static,
        E: From<DatabaseError> + Send + 'static,
        T: Send + 'static,
    {
        self.write_with(Durability::Full, operation).await
    }

    /// Runs `operation` like [`Database::write`], but need not wait for the disk.
    ///
    /// For changes whose loss in a power cut is made good by itself, such as a lease: nothing that
    /// is answered to anybody. A later [`Database::write`] makes it durable with its own.
    ///
    /// # Errors
    /// As [`Database::write`].
    pub async fn write_relaxed<T, E, F>(&self, operation: F) -> Result<T, E>
    where
        F: Fn(&mut Connection) -> Result<T, E> + Send + 'static,
        E: From<DatabaseError> + Send + 'static,
        T: Send + 'static,
    {
        self.write_with(Durability::Relaxed, operation).await
    }

    async fn write_with<T, E, F>(&self, durability: Durability, operation: F) -> Result<T, E>
    where
        F: Fn(&mut Connection) -> Result<T, E> + Send + 'static,
        E: From<DatabaseError> + Send + 'static,
        T: Send + 'static,
    {
        #[cfg(any(test, feature = "testing"))]
        let _held = crate::testing::network::hold_time();
        let (reply, answer) = oneshot::channel();
        let job = Box::new(Write::new(operation, durability, reply));
        self.enqueue_write(Lane::Own, job).await?;
        answer.await.map_err(|_stopped| DatabaseError::Panicked)?
    }

    /// Queues a write in its lane, once there is a place for it.
    pub(super) async fn enqueue_write(&self, lane: Lane, job: Job) -> Result<(), DatabaseError> {
        let writes = self.queues()?.writes;
        let queued = writes.lane(lane).send(job).await;
        queued.map_err(|_closed| DatabaseError::Closed)
    }

    /// Runs `query` on a connection that cannot write.
    ///
    /// Each statement sees what is committed when it starts; open a transaction inside for one
    /// view over several.
    ///
    /// # Errors
    /// What `query` answers; [`DatabaseError`] for what happens around it.
    pub async fn read<T, E, F>(&self, query: F) -> Result<T, E>
    where
        F: FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
        E: From<DatabaseError> + Send + 'static,
        T: Send + 'static,
    {
        #[cfg(any(test, feature = "testing"))]
        let _held = crate::testing::network::hold_time();
        let queue = self.queues()?.reads;
        let (reply, answer) = oneshot::channel();
        let job: ReadJob = Box::new(move |connection| {
            // A caller that went away needs no answer, and a read has no other effect.
            if !reply.is_closed() {
                let _gone = reply.send(query(connection));
            }
        });
        queue
            .send(job)
            .await
            .map_err(|_closed| DatabaseError::Closed)?;
        drop(queue);
        answer.await.map_err(|_stopped| DatabaseError::Panicked)?
    }

    /// A counter that moves after every commit of this process that changed something.
    ///
    /// Whoever hands rows on (deliveries, events) waits for it instead of asking again and again.
    pub fn committed(&self) -> watch::Receiver<u64> {
        self.shared.committed.clone()
    }

    /// Refuses further calls, finishes those that are queued, and closes every connection.
    pub async fn close(&self) {
        #[cfg(any(test, feature = "testing"))]
        let _held = crate::testing::network::hold_time();
        let queues = self
            .shared
            .queues
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        drop(queues);
        let mut threads = self.shared.threads.lock().await;
        while threads.recv().await.is_some() {}
    }

    fn queues(&self) -> Result<Queues, DatabaseError> {
        self.shared
            .queues
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
            .ok_or(DatabaseError::Closed)
    }

    /// Runs `work` on a connection of its own, outside the grouped transactions.
    async fn alone<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, DatabaseError> + Send + 'static,
    ) -> Result<T, DatabaseError> {
        let _open = self.queues()?;
        let options = self.shared.options.clone();
        tokio::task::spawn_blocking(move || work(&mut connect(&options, Purpose::Write)?))
            .await
            .map_err(|_stopped| DatabaseError::Panicked)?
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Database")
            .field("url", &self.shared.options.url)
            .finish_non_exhaustive()
    }
}
