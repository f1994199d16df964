//! A database of its own for each test, on either backend.
//!
//! SQLite databases are files in a temporary directory. PostgreSQL databases are made on the
//! server that `FOLKMOOT_TEST_POSTGRES` names; without it such a test fails and says so.

use std::fmt;
use std::panic::resume_unwind;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use diesel::connection::{Connection as _, SimpleConnection as _};
use diesel::{PgConnection, QueryResult};
use tempfile::TempDir;

use crate::store::sql::{Backend, Database, DatabaseOptions, DatabaseUrl, Migrations};

/// The environment variable with the URL of a PostgreSQL server that may create databases.
pub const TEST_POSTGRES: &str = "FOLKMOOT_TEST_POSTGRES";

/// An empty database that is deleted when this is dropped.
pub struct TestDatabase {
    url: DatabaseUrl,
    directory: Option<TempDir>,
}

impl TestDatabase {
    /// A new, empty database, without tables.
    ///
    /// # Panics
    /// When it cannot be made, with the reason.
    pub fn create(backend: Backend) -> Self {
        match backend {
            Backend::Sqlite => Self::create_sqlite(),
            Backend::Postgres => Self::create_postgres(),
        }
    }

    #[expect(
        clippy::expect_used,
        reason = "a test cannot go on without its directory"
    )]
    fn create_sqlite() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory can be made");
        Self {
            url: DatabaseUrl::sqlite(directory.path().join("test.db")),
            directory: Some(directory),
        }
    }

    fn create_postgres() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "folkmoot_test_{}_{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let server = server_url();
        if let Err(error) = on_server(&server, &format!("CREATE DATABASE {name}")) {
            give_up(&format!("cannot create a database on {server}: {error}"));
        }
        Self {
            url: server.with_name(&name),
            directory: None,
        }
    }

    /// Where it is; hand this to whatever is tested.
    pub fn url(&self) -> &DatabaseUrl {
        &self.url
    }

    /// The URL as text with everything needed to log in, for processes that are started.
    pub fn url_text(&self) -> String {
        self.url.to_secret_string()
    }

    /// Opens it and runs `migrations`.
    ///
    /// # Panics
    /// When that fails, with the reason.
    #[expect(
        clippy::expect_used,
        reason = "a test cannot go on without its database"
    )]
    pub async fn open(&self, migrations: Migrations) -> Database {
        let database = Database::open(DatabaseOptions::new(self.url.clone()))
            .await
            .expect("a new database opens");
        database
            .migrate(migrations)
            .await
            .expect("migrations run on an empty database");
        database
    }
}

impl fmt::Debug for TestDatabase {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("TestDatabase")
            .field("url", &self.url)
            .field("directory", &self.directory)
            .finish()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if let Some(name) = self.url.name() {
            // What stays behind goes with the throw-away server.
            let _left = on_server(
                &server_url(),
                &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"),
            );
        }
    }
}

/// Runs a test body once per backend, each on its own runtime and its own empty database.
///
/// A failure names the backend: it is the name of the panicking thread.
///
/// # Panics
/// When the body does.
#[expect(clippy::expect_used, reason = "a test cannot go on without a runtime")]
pub fn on_each_backend<F>(body: F)
where
    F: AsyncFn(TestDatabase) + Sync,
{
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let outcome = thread::scope(|scope| {
            thread::Builder::new()
                .name(format!("test on {backend}"))
                .spawn_scoped(scope, || {
                    tokio::runtime::Builder::new_multi_thread()
                        .worker_threads(2)
                        .enable_all()
                        .build()
                        .expect("a runtime starts")
                        .block_on(body(TestDatabase::create(backend)));
                })
                .expect("a thread starts")
                .join()
        });
        if let Err(panic) = outcome {
            resume_unwind(panic);
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests have no configuration: the server is named by the environment"
)]
fn server_url() -> DatabaseUrl {
    let Ok(text) = std::env::var(TEST_POSTGRES) else {
        give_up(&format!(
            "{TEST_POSTGRES} is not set. Every test of the store runs on PostgreSQL too: run the \
             tests by `cargo xtask test`, which starts a throw-away server, or set it to the URL \
             of a server that may create databases, such as \
             postgres://postgres@127.0.0.1:5432/postgres"
        ));
    };
    match text.parse::<DatabaseUrl>() {
        Ok(url) if url.backend() == Backend::Postgres => url,
        _ => give_up(&format!("{TEST_POSTGRES} is not a `postgres:` URL")),
    }
}

fn on_server(server: &DatabaseUrl, statement: &str) -> QueryResult<()> {
    PgConnection::establish(&server.to_secret_string())
        .map_err(|error| diesel::result::Error::QueryBuilderError(error.to_string().into()))?
        .batch_execute(statement)
}

#[expect(clippy::panic, reason = "this is how a test fails")]
fn give_up(message: &str) -> ! {
    panic!("{message}")
}
