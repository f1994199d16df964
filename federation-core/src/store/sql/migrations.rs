//! Schema migrations: embedded for both backends, chosen by owner, run under a lock.

use std::fmt;

use diesel::backend::Backend as DieselBackend;
use diesel::connection::SimpleConnection as _;
use diesel::migration::{Migration, MigrationSource};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::connection::Connection;
use super::error::DatabaseError;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// The tables of this crate: what `store`, `inbox` and `outbox` keep.
pub fn federation_migrations() -> Migrations {
    Migrations::new(SQLITE, POSTGRES).owned_by("federation")
}

/// A set of migrations, the same steps written for each backend.
///
/// Their names are `<timestamp>_<owner>__<change>`; timestamps are unique over all owners, because
/// one table of the database remembers which have run.
pub struct Migrations {
    sqlite: EmbeddedMigrations,
    postgres: EmbeddedMigrations,
    owner: Option<&'static str>,
}

impl Migrations {
    /// All migrations of two embedded folders.
    pub fn new(sqlite: EmbeddedMigrations, postgres: EmbeddedMigrations) -> Self {
        Self {
            sqlite,
            postgres,
            owner: None,
        }
    }

    /// Only those whose name has this owner.
    #[must_use]
    pub fn owned_by(mut self, owner: &'static str) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Runs what has not run yet, in order; answers the names.
    pub(super) fn run(&self, connection: &mut Connection) -> Result<Vec<String>, DatabaseError> {
        // Processes that start together must not run the same step twice; the session that dies
        // gives the lock back. SQLite files have one process, by its lock.
        if let Connection::Postgres(postgres) = connection {
            postgres.batch_execute(
                "SET lock_timeout = 0; SELECT pg_advisory_lock(7310579604258418516);",
            )?;
        }
        match connection {
            Connection::Sqlite(c) => {
                functions::register(c).map_err(|cause| failed(&cause))?;
                run_pending(c, &Owned(&self.sqlite, self.owner))
            }
            Connection::Postgres(c) => run_pending(c, &Owned(&self.postgres, self.owner)),
        }
    }

    /// Undoes everything that has run, newest first; answers the names.
    pub(super) fn revert(&self, connection: &mut Connection) -> Result<Vec<String>, DatabaseError> {
        match connection {
            Connection::Sqlite(c) => revert_all(c, &Owned(&self.sqlite, self.owner)),
            Connection::Postgres(c) => revert_all(c, &Owned(&self.postgres, self.owner)),
        }
    }
}

pub(super) mod functions {
    //! What steps ask of SQLite that it does not have.

    use diesel::sql_types::Text;
    use diesel::{QueryResult, SqliteConnection, declare_sql_function};

    use crate::store::sql::receipt::digest;

    #[declare_sql_function]
    extern "SQL" {
        fn activity_digest(id: Text, actor_id: Text) -> Binary;
    }

    pub(in crate::store::sql) fn register(connection: &mut SqliteConnection) -> QueryResult<()> {
        activity_digest_utils::register_impl(connection, |id: String, actor_id: String| {
            digest(&id, &actor_id).to_vec()
        })
    }
}

impl fmt::Debug for Migrations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Migrations")
            .field("owner", &self.owner)
            .finish_non_exhaustive()
    }
}

struct Owned<'a>(&'a EmbeddedMigrations, Option<&'static str>);

impl<DB: DieselBackend> MigrationSource<DB> for Owned<'_> {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<DB>>>> {
        let mut all: Vec<Box<dyn Migration<DB>>> = self.0.migrations()?;
        if let Some(owner) = self.1 {
            all.retain(|migration| owner_of(&migration.name().to_string()) == Some(owner));
        }
        all.sort_by_key(|migration| migration.name().to_string());
        Ok(all)
    }
}

/// The `owner` in `<timestamp>_<owner>__<change>`.
fn owner_of(name: &str) -> Option<&str> {
    let (_, rest) = name.split_once('_')?;
    rest.split_once("__").map(|(owner, _)| owner)
}

fn run_pending<DB, C>(connection: &mut C, source: &Owned<'_>) -> Result<Vec<String>, DatabaseError>
where
    DB: DieselBackend,
    C: MigrationHarness<DB>,
{
    let pending: Vec<Box<dyn Migration<DB>>> = connection
        .pending_migrations(Owned(source.0, source.1))
        .map_err(|cause| failed(cause.as_ref()))?;
    let mut names = Vec::with_capacity(pending.len());
    for migration in &pending {
        let name = migration.name().to_string();
        connection
            .run_migration(migration.as_ref())
            .map_err(|cause| step_failed(&name, cause.as_ref()))?;
        names.push(name);
    }
    Ok(names)
}

fn revert_all<DB, C>(connection: &mut C, source: &Owned<'_>) -> Result<Vec<String>, DatabaseError>
where
    DB: DieselBackend,
    C: MigrationHarness<DB>,
{
    let applied = connection
        .applied_migrations()
        .map_err(|cause| failed(cause.as_ref()))?;
    let mut known: Vec<Box<dyn Migration<DB>>> = source
        .migrations()
        .map_err(|cause| failed(cause.as_ref()))?;
    known.retain(|migration| applied.contains(&migration.name().version()));
    let mut names = Vec::with_capacity(known.len());
    for migration in known.iter().rev() {
        let name = migration.name().to_string();
        connection
            .revert_migration(migration.as_ref())
            .map_err(|cause| step_failed(&name, cause.as_ref()))?;
        names.push(name);
    }
    Ok(names)
}

fn failed(cause: &(dyn std::error::Error + Send + Sync)) -> DatabaseError {
    DatabaseError::Migration {
        cause: cause.to_string(),
    }
}

fn step_failed(name: &str, cause: &(dyn std::error::Error + Send + Sync)) -> DatabaseError {
    DatabaseError::Migration {
        cause: format!("{name}: {cause}"),
    }
}
