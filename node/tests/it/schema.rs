//! The migrations of all owners: both backends alike (I12), and undone exactly.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::Text;
use federation_core::store::sql::{Backend, Connection, Database, DatabaseError};
use federation_core::testing::{TestDatabase, on_each_backend};
use folkmoot::platform::db::migrations;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

const SQLITE: [&str; 3] = [
    "SELECT m.name || '.' || p.name || ' ' || lower(p.type) || \
     CASE WHEN p.\"notnull\" = 1 OR p.pk > 0 THEN ' NOT NULL' ELSE '' END AS line \
     FROM sqlite_master m, pragma_table_info(m.name) p WHERE m.type = 'table'",
    "SELECT m.name || ' PRIMARY KEY ' || \
     coalesce((SELECT group_concat(p.name, ',') FROM \
      (SELECT name FROM pragma_table_info(m.name) WHERE pk > 0 ORDER BY pk) p), '') AS line \
     FROM sqlite_master m WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'",
    "SELECT m.name || CASE i.\"unique\" WHEN 1 THEN ' UNIQUE ' ELSE ' INDEX ' END || \
     CASE i.partial WHEN 1 THEN 'PARTIAL ' ELSE '' END || \
     (SELECT group_concat(coalesce(c.name, '?'), ',') FROM \
      (SELECT name FROM pragma_index_info(i.name) ORDER BY seqno) c) AS line \
     FROM sqlite_master m, pragma_index_list(m.name) i WHERE m.type = 'table' AND i.origin <> 'pk'",
];

const POSTGRES: [&str; 2] = [
    "SELECT table_name || '.' || column_name || ' ' || data_type || \
     CASE is_nullable WHEN 'NO' THEN ' NOT NULL' ELSE '' END AS line \
     FROM information_schema.columns WHERE table_schema = 'public'",
    "SELECT t.relname || CASE WHEN x.indisprimary THEN ' PRIMARY KEY ' \
      WHEN x.indisunique THEN ' UNIQUE ' ELSE ' INDEX ' END || \
     CASE WHEN x.indpred IS NOT NULL THEN 'PARTIAL ' ELSE '' END || \
     (SELECT string_agg(coalesce(a.attname, '?'), ',' ORDER BY k.place) \
      FROM unnest(x.indkey) WITH ORDINALITY AS k (number, place) \
      LEFT JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum = k.number \
      WHERE k.place <= x.indnkeyatts) AS line \
     FROM pg_index x JOIN pg_class t ON t.oid = x.indrelid \
     JOIN pg_namespace n ON n.oid = t.relnamespace WHERE n.nspname = 'public'",
];

/// Tables, columns, kinds of type, keys and indexes, in words that both backends share.
async fn dump(database: &Database) -> BTreeSet<String> {
    let read = |connection: &mut Connection| -> Result<Vec<String>, DatabaseError> {
        let queries = match connection.backend() {
            Backend::Sqlite => SQLITE.as_slice(),
            Backend::Postgres => POSTGRES.as_slice(),
        };
        let mut lines = Vec::new();
        for query in queries {
            let rows: Vec<Line> = diesel::sql_query(*query).load(connection)?;
            lines.extend(rows.into_iter().map(|row| row.line));
        }
        Ok(lines)
    };
    let lines = database.read(read).await.unwrap();
    // The words of the search are kept by what is each backend's own: FTS5, or a GIN index.
    let not_ours = ["__diesel", "sqlite_", "search_words"];
    let ours = |line: &String| !not_ours.iter().any(|start| line.starts_with(start));
    lines
        .into_iter()
        .filter(ours)
        .map(|line| in_shared_words(&line))
        .collect()
}

fn in_shared_words(line: &str) -> String {
    let shared = [
        ("blob", "bytes"),
        ("bytea", "bytes"),
        // SQLite counts in INTEGER PRIMARY KEY, where PostgreSQL has BIGINT.
        ("integer", "number"),
        ("bigint", "number"),
    ];
    let word = |word: &str| {
        let found = shared.iter().find(|(name, _)| *name == word);
        found.map_or(word, |(_, shared)| shared).to_owned()
    };
    line.split(' ').map(word).collect::<Vec<String>>().join(" ")
}

async fn dump_of(backend: Backend) -> BTreeSet<String> {
    let test = TestDatabase::create(backend);
    let database = test.open(migrations()).await;
    let lines = dump(&database).await;
    database.close().await;
    lines
}

#[tokio::test]
async fn I12_both_backends_have_one_schema() {
    let sqlite = dump_of(Backend::Sqlite).await;
    let postgres = dump_of(Backend::Postgres).await;
    let alone: Vec<_> = sqlite.symmetric_difference(&postgres).collect();
    assert!(alone.is_empty(), "only on one backend: {alone:#?}");
    assert!(
        sqlite.contains("users UNIQUE PARTIAL username"),
        "{sqlite:#?}"
    );
}

#[test]
fn every_migration_is_undone_exactly() {
    on_each_backend(async |test| {
        let database = test.open(migrations()).await;
        let first = dump(&database).await;
        database.revert(migrations()).await.unwrap();
        assert_eq!(dump(&database).await, BTreeSet::new());
        database.migrate(migrations()).await.unwrap();
        assert_eq!(dump(&database).await, first);
        database.close().await;
    });
}
