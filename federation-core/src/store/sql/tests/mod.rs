//! The store itself, on both backends.

pub(super) mod held;
mod lanes;
mod plans;
mod schema;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Barrier};
use std::time::Duration;

use diesel::Connection as _;
use diesel::connection::SimpleConnection as _;
use diesel::dsl::sql;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use self::held::while_held;
use super::{
    Backend, Connection, ConstraintKind, Database, DatabaseError, DatabaseOptions, DatabaseUrl,
    federation_migrations,
};
use crate::testing::{TestDatabase, on_each_backend};

diesel::table! {
    things (id) {
        id -> BigInt,
    }
}

async fn open(test: &TestDatabase) -> Database {
    let database = Database::open(test.url().clone()).await.unwrap();
    database
        .write(|c| -> Result<_, DatabaseError> {
            Ok(sql_query("CREATE TABLE things (id BIGINT PRIMARY KEY NOT NULL)").execute(c)?)
        })
        .await
        .unwrap();
    database
}

fn add(c: &mut Connection, id: i64) -> Result<usize, DatabaseError> {
    Ok(diesel::insert_into(things::table)
        .values(things::id.eq(id))
        .execute(c)?)
}

async fn count(database: &Database) -> i64 {
    database
        .read(|c| -> Result<_, DatabaseError> { Ok(things::table.count().get_result(c)?) })
        .await
        .unwrap()
}

#[test]
fn one_failing_write_of_a_group_fails_alone() {
    on_each_backend(async |test| {
        let database = open(&test).await;
        let writes: Vec<_> = (0..200)
            .map(|n| {
                let database = database.clone();
                // Every tenth breaks the key of the one before it.
                let id = if n % 10 == 9 { n - 1 } else { n };
                tokio::spawn(async move { database.write(move |c| add(c, id)).await })
            })
            .collect();
        let mut failed = 0;
        for write in writes {
            match write.await.unwrap() {
                Ok(_) => {}
                Err(DatabaseError::Constraint { kind, .. }) => {
                    assert_eq!(kind, ConstraintKind::Unique);
                    failed += 1;
                }
                Err(other) => panic!("{other}"),
            }
        }
        assert_eq!(failed, 20);
        assert_eq!(count(&database).await, 180);
        database.close().await;
    });
}

/// Queues `writes` while the writer is held, so that they are one group.
async fn group<T: Send>(database: &Database, writes: Vec<BoxFuture<'_, T>>) -> Vec<T> {
    while_held(database, futures_util::future::join_all(writes)).await
}

#[test]
fn a_group_runs_once_and_once_more_when_one_of_it_fails() {
    on_each_backend(async |test| {
        let database = open(&test).await;
        let runs = AtomicU32::new(0);
        let runs: &'static AtomicU32 = Box::leak(Box::new(runs));
        let insert = |id: i64| {
            let write = database.write(move |c| {
                runs.fetch_add(1, Ordering::Relaxed);
                add(c, id)
            });
            write.boxed()
        };
        let outcomes = group(&database, (0..8).map(insert).collect()).await;
        assert!(outcomes.iter().all(Result::is_ok));
        assert_eq!(runs.swap(0, Ordering::Relaxed), 8);
        // The last breaks the key of the one before it: seven run, and the eighth; then all again.
        let ids = [8, 9, 10, 11, 12, 13, 14, 14];
        let outcomes = group(&database, ids.map(insert).into_iter().collect()).await;
        let failed: Vec<bool> = outcomes.iter().map(Result::is_err).collect();
        assert_eq!(
            failed,
            [false, false, false, false, false, false, false, true]
        );
        assert_eq!(runs.swap(0, Ordering::Relaxed), 16);
        // For a while savepoints are there at once.
        let ids = [15, 16, 16, 17];
        let outcomes = group(&database, ids.map(insert).into_iter().collect()).await;
        assert!(outcomes[2].is_err() && outcomes[3].is_ok());
        assert_eq!(runs.swap(0, Ordering::Relaxed), 4);
        assert_eq!(count(&database).await, 18);
        database.close().await;
    });
}

#[test]
fn a_write_that_passes_over_a_failed_statement_harms_nobody_else() {
    on_each_backend(async |test| {
        let database = open(&test).await;
        let plain = |id: i64| database.write(move |c| add(c, id)).boxed();
        let passing_over = database.write(|c| {
            let failed = add(c, 1).is_err();
            Ok::<_, DatabaseError>(usize::from(failed))
        });
        let writes = vec![plain(1), plain(2), passing_over.boxed(), plain(3)];
        let outcomes = group(&database, writes).await;
        let kept: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
        // PostgreSQL keeps nothing of a transaction that goes on after a failed statement.
        let passes = database.backend() == Backend::Sqlite;
        assert_eq!(kept, [true, true, passes, true]);
        assert_eq!(count(&database).await, 3);
        database.close().await;
    });
}

#[test]
fn a_panicking_write_harms_nobody_else() {
    on_each_backend(async |test| {
        let database = open(&test).await;
        let panicking = database.write(|c| -> Result<(), DatabaseError> {
            c.transaction(|c| {
                add(c, 1)?;
                panic!("on purpose")
            })
        });
        let (outcome, other) = tokio::join!(panicking, database.write(|c| add(c, 2)));
        assert!(matches!(outcome, Err(DatabaseError::Panicked)));
        other.unwrap();
        let read = database.read(|_| -> Result<(), DatabaseError> { panic!("on purpose") });
        assert!(matches!(read.await, Err(DatabaseError::Panicked)));
        assert_eq!(count(&database).await, 1);
    });
}

#[test]
fn reads_cannot_write() {
    on_each_backend(async |test| {
        let database = open(&test).await;
        for id in 0..8 {
            assert!(database.read(move |c| add(c, id)).await.is_err());
        }
        assert_eq!(count(&database).await, 0);
    });
}

#[test]
fn a_nested_transaction_rolls_back_by_itself() {
    on_each_backend(async |test| {
        let database = open(&test).await;
        database
            .write(|c| {
                add(c, 1)?;
                let inner = c.transaction(|c| {
                    add(c, 2)?;
                    add(c, 1)
                });
                assert!(inner.is_err_and(|error| error.is_duplicate()));
                add(c, 3)
            })
            .await
            .unwrap();
        assert_eq!(count(&database).await, 2);
    });
}

#[test]
fn the_counter_moves_only_with_changes() {
    on_each_backend(async |test| {
        let database = open(&test).await;
        let counter = database.committed();
        let before = *counter.borrow();
        database
            .write(|c| -> Result<i64, DatabaseError> { Ok(things::table.count().get_result(c)?) })
            .await
            .unwrap();
        assert!(
            database
                .write(|c| {
                    add(c, 1)?;
                    Err::<(), _>(DatabaseError::Busy)
                })
                .await
                .is_err()
        );
        assert_eq!(*counter.borrow(), before);
        database.write(|c| add(c, 1)).await.unwrap();
        assert_eq!(*counter.borrow(), before + 1);
    });
}

#[test]
fn closing_finishes_what_is_queued() {
    on_each_backend(async |test| {
        let database = open(&test).await;
        let writes: Vec<_> = (0..50)
            .map(|id| {
                let database = database.clone();
                tokio::spawn(async move { database.write(move |c| add(c, id)).await })
            })
            .collect();
        tokio::task::yield_now().await;
        database.close().await;
        let mut kept = 0;
        for write in writes {
            match write.await.unwrap() {
                Ok(_) => kept += 1,
                Err(error) => assert!(matches!(error, DatabaseError::Closed)),
            }
        }
        assert!(matches!(
            database.write(|c| add(c, 99)).await,
            Err(DatabaseError::Closed)
        ));
        let again = Database::open(test.url().clone()).await.unwrap();
        assert_eq!(count(&again).await, kept);
    });
}

/// Two operations that take two rows in opposite order deadlock on PostgreSQL.
#[test]
fn deadlocked_operations_are_run_again() {
    on_each_backend(async |test| {
        let mut options = DatabaseOptions::new(test.url().clone());
        options.sole_process = false;
        let database = open(&test).await;
        let other = Database::open(options).await.unwrap();
        for id in [1, 2] {
            database.write(move |c| add(c, id)).await.unwrap();
        }
        let runs = Arc::new(AtomicU32::new(0));
        let both = Arc::new(Barrier::new(2));
        let swap = |first: i64, second: i64| {
            let (runs, both) = (Arc::clone(&runs), Arc::clone(&both));
            move |c: &mut Connection| -> Result<(), DatabaseError> {
                let run = runs.fetch_add(1, Ordering::Relaxed);
                let take = |c: &mut Connection, id: i64| {
                    sql_query("UPDATE things SET id = id WHERE id = $1")
                        .bind::<BigInt, _>(id)
                        .execute(c)
                };
                take(c, first)?;
                // Each has its first row before it asks for the other's. On SQLite one begins when
                // the other has ended.
                if run < 2 && matches!(c, Connection::Postgres(_)) {
                    both.wait();
                }
                take(c, second)?;
                Ok(())
            }
        };
        let (one, two) = tokio::join!(database.write(swap(1, 2)), other.write(swap(2, 1)));
        one.unwrap();
        two.unwrap();
        let expected = match database.backend() {
            Backend::Sqlite => 2,
            Backend::Postgres => 3,
        };
        assert_eq!(runs.load(Ordering::Relaxed), expected);
    });
}

/// Ends every session of the test's database but the one that does it, which the answer reads by.
async fn cut_off(test: &TestDatabase) -> Database {
    // The server waits for the end of each.
    let kill = "SELECT pg_terminate_backend(pid, 60000) FROM pg_stat_activity \
                WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let mut options = DatabaseOptions::new(test.url().clone());
    options.readers = 1;
    let other = Database::open(options).await.unwrap();
    other
        .read(move |c| -> Result<_, DatabaseError> { Ok(sql_query(kill).execute(c)?) })
        .await
        .unwrap();
    other
}

/// How many other sessions there are in the database than the one that is asked.
async fn sessions_beside(other: &Database) -> i64 {
    let others = "(SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                  AND backend_type = 'client backend' AND pid <> pg_backend_pid())";
    other
        .read(move |c| -> Result<i64, DatabaseError> {
            Ok(diesel::select(sql::<BigInt>(others)).get_result(c)?)
        })
        .await
        .unwrap()
}

#[test]
fn a_lost_connection_is_replaced() {
    on_each_backend(async |test| {
        let database = open(&test).await;
        database.write(|c| add(c, 1)).await.unwrap();
        let cut = match database.backend() {
            Backend::Sqlite => None, // There is no connection to lose.
            Backend::Postgres => Some(cut_off(&test).await),
        };
        for id in 2..30 {
            database.write(move |c| add(c, id)).await.unwrap();
        }
        // A read is not repeated, but one that fails renews the connections of all.
        let _lost = database
            .read(|c| -> Result<i64, DatabaseError> { Ok(things::table.count().get_result(c)?) })
            .await;
        // It has told the others once it is connected again itself, as the writer is.
        if let Some(other) = cut {
            let renewed = async {
                while sessions_beside(&other).await < 2 {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
            };
            let renewed = tokio::time::timeout(Duration::from_mins(1), renewed).await;
            renewed.expect("the reader connects again");
        }
        for _ in 0..8 {
            assert_eq!(count(&database).await, 29);
        }
    });
}

/// Whether a commit happened whose answer is lost is not known, so nothing runs twice (I2).
#[test]
fn i2_a_group_whose_commit_is_lost_is_not_run_again() {
    on_each_backend(async |test| {
        let mut options = DatabaseOptions::new(test.url().clone());
        options.postgres_writers = 1;
        options.sole_process = false;
        let _tables = open(&test).await;
        let database = Database::open(options).await.unwrap();
        if database.backend() == Backend::Sqlite {
            return; // There is no connection to lose.
        }
        let at_commit = "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS \
             'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'; \
             CREATE CONSTRAINT TRIGGER die AFTER INSERT ON things \
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.id = 2) EXECUTE FUNCTION die()";
        database
            .write(move |c| -> Result<(), DatabaseError> { Ok(c.batch_execute(at_commit)?) })
            .await
            .unwrap();
        let runs = Arc::new(AtomicU32::new(0));
        let insert = |id: i64| {
            let runs = Arc::clone(&runs);
            move |c: &mut Connection| {
                runs.fetch_add(1, Ordering::Relaxed);
                add(c, id)
            }
        };
        let writes = async { tokio::join!(database.write(insert(1)), database.write(insert(2))) };
        let (one, two) = while_held(&database, writes).await;
        assert!(matches!(one, Err(DatabaseError::Lost)), "{one:?}");
        assert!(matches!(two, Err(DatabaseError::Lost)), "{two:?}");
        assert_eq!(runs.load(Ordering::Relaxed), 2);
        database.write(|c| add(c, 3)).await.unwrap();
        assert_eq!(count(&database).await, 1);
    });
}

#[tokio::test]
async fn a_second_server_on_one_file_is_refused() {
    let test = TestDatabase::create(Backend::Sqlite);
    let first = open(&test).await;
    let second = Database::open(test.url().clone()).await;
    assert!(matches!(second, Err(DatabaseError::InUse { .. })));
    let mut beside = DatabaseOptions::new(test.url().clone());
    beside.sole_process = false;
    let beside = Database::open(beside).await.unwrap();
    beside.write(|c| add(c, 1)).await.unwrap();
    assert_eq!(count(&first).await, 1);
    first.close().await;
    Database::open(test.url().clone()).await.unwrap();
}

#[tokio::test]
async fn an_unusable_place_is_named_with_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("file");
    std::fs::write(
        &file,
        "not a database, but long enough to be read as a header",
    )
    .unwrap();
    for url in [
        DatabaseUrl::sqlite(file.join("below.db")),
        DatabaseUrl::sqlite(file),
        "postgres://nobody:secret@127.0.0.1:1/none".parse().unwrap(),
    ] {
        let error = Database::open(url.clone()).await.unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains(&url.to_string()) && text.contains("check that"),
            "{text}"
        );
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn migrations_run_once() {
    on_each_backend(async |test| {
        let database = test.open(federation_migrations()).await;
        let again = database.migrate(federation_migrations()).await.unwrap();
        assert!(again.is_empty());
    });
}
