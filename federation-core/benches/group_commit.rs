//! What grouping commits is worth: one commit per operation beside grouped ones, in the same run.
//!
//! `cargo bench -p federation-core --bench group_commit --features diesel,testing`. PostgreSQL is
//! measured when `FOLKMOOT_TEST_POSTGRES` names a server. Ratios hold; absolute figures are those
//! of the machine.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    missing_docs,
    reason = "a benchmark prints its table and stops at the first failure"
)]

use std::time::{Duration, Instant};

use diesel::{ExpressionMethods as _, RunQueryDsl as _, sql_query};
use federation_core::store::sql::{
    Backend, Connection, Database, DatabaseError, DatabaseOptions, Durability,
};
use federation_core::testing::{TEST_POSTGRES, TestDatabase};

const TASKS: i64 = 64;
const SECONDS: u64 = 3;

diesel::table! {
    things (id) {
        id -> BigInt,
        uri -> Text,
        author -> BigInt,
        body -> Text,
    }
}

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!("{TASKS} tasks, {SECONDS} s each; a row of 450 bytes with two indexes");
    println!("| database | commits | one per operation /s | grouped /s | ratio |");
    println!("|---|---|---|---|---|");
    for (backend, durability, name) in [
        (Backend::Sqlite, Durability::Relaxed, "synchronous=NORMAL"),
        (Backend::Sqlite, Durability::Full, "synchronous=FULL"),
        (
            Backend::Postgres,
            Durability::Relaxed,
            "synchronous_commit=off",
        ),
        (Backend::Postgres, Durability::Full, "synchronous_commit=on"),
    ] {
        if backend == Backend::Postgres && std::env::var_os(TEST_POSTGRES).is_none() {
            println!("| {backend} | {name} | set {TEST_POSTGRES} to measure it | | |");
            continue;
        }
        let single = runtime.block_on(measure(backend, durability, 1));
        let grouped = runtime.block_on(measure(backend, durability, 64));
        println!(
            "| {backend} | {name} | {single} | {grouped} | {}.{} |",
            grouped / single.max(1),
            grouped * 10 / single.max(1) % 10
        );
    }
}

/// Inserts per second of all tasks together.
async fn measure(backend: Backend, durability: Durability, group_limit: usize) -> u64 {
    let test = TestDatabase::create(backend);
    let mut options = DatabaseOptions::new(test.url().clone());
    options.durability = durability;
    options.group_limit = group_limit;
    let database = Database::open(options).await.unwrap();
    for statement in [
        "CREATE TABLE things (id BIGINT PRIMARY KEY NOT NULL, uri TEXT NOT NULL UNIQUE, \
         author BIGINT NOT NULL, body TEXT NOT NULL)",
        "CREATE INDEX things_author_idx ON things (author)",
    ] {
        database
            .write(move |c| -> Result<_, DatabaseError> { Ok(sql_query(statement).execute(c)?) })
            .await
            .unwrap();
    }
    let started = Instant::now();
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| tokio::spawn(insert_until_the_end(database.clone(), task, started)))
        .collect();
    let mut inserted = 0;
    for task in tasks {
        inserted += task.await.unwrap();
    }
    let rate = inserted * 1000 / u64::try_from(started.elapsed().as_millis()).unwrap();
    database.close().await;
    rate
}

async fn insert_until_the_end(database: Database, task: i64, started: Instant) -> u64 {
    let mut inserted = 0;
    while started.elapsed() < Duration::from_secs(SECONDS) {
        let id = task + TASKS * i64::try_from(inserted).unwrap();
        database.write(move |c| insert(c, id)).await.unwrap();
        inserted += 1;
    }
    inserted
}

fn insert(connection: &mut Connection, id: i64) -> Result<usize, DatabaseError> {
    Ok(diesel::insert_into(things::table)
        .values((
            things::id.eq(id),
            things::uri.eq(format!("https://example.org/objects/{id}")),
            things::author.eq(id % 1000),
            things::body.eq("x".repeat(400)),
        ))
        .execute(connection)?)
}
