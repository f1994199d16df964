//! The migrations of all owners: undone without a trace, and alike on both backends.

use std::collections::BTreeSet;

use diesel::sql_types::{Bool, Text};
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use crate::store::sql::{Backend, Connection, Database, DatabaseError, Migrations};
use crate::testing::on_each_backend;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

fn all() -> Migrations {
    Migrations::new(SQLITE, POSTGRES)
}

/// One line per column, index and table, in words both backends share.
async fn dump(database: &Database) -> BTreeSet<String> {
    database
        .read(|connection| -> Result<_, DatabaseError> {
            let mut lines = BTreeSet::new();
            for (query, show) in queries(connection) {
                for row in sql_query(query).load::<Row>(connection)? {
                    lines.insert(show(&row));
                }
            }
            Ok(lines)
        })
        .await
        .unwrap()
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = Text)]
    kind: String,
    #[diesel(sql_type = Bool)]
    flag: bool,
}

type Show = fn(&Row) -> String;

fn queries(connection: &Connection) -> [(&'static str, Show); 2] {
    let columns = match connection.backend() {
        Backend::Sqlite => {
            "SELECT t.name AS table_name, c.name AS name, c.type AS kind, \
                    (c.\"notnull\" <> 0 OR (c.pk > 0 AND c.type = 'INTEGER')) AS flag \
             FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\'"
        }
        Backend::Postgres => {
            "SELECT table_name::text, column_name::text AS name, data_type::text AS kind, \
                    is_nullable = 'NO' AS flag \
             FROM information_schema.columns \
             WHERE table_schema = 'public' AND table_name NOT LIKE '\\_\\_%'"
        }
    };
    let indexes = match connection.backend() {
        Backend::Sqlite => {
            "SELECT t.name AS table_name, \
                    CASE WHEN i.origin = 'c' THEN i.name ELSE '(' || i.origin || ')' END AS name, \
                    coalesce((SELECT group_concat(x.name, ',') FROM \
                       (SELECT c.name FROM pragma_index_info(i.name) c ORDER BY c.seqno) x), '') \
                    || CASE WHEN i.partial THEN ' partial' ELSE '' END AS kind, \
                    i.\"unique\" <> 0 AS flag \
             FROM sqlite_schema t JOIN pragma_index_list(t.name) i \
             WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE '\\_\\_%' ESCAPE '\\'"
        }
        Backend::Postgres => {
            "SELECT r.relname::text AS table_name, \
                    coalesce(CASE c.contype WHEN 'p' THEN '(pk)' WHEN 'u' THEN '(u)' END, \
                             x.relname::text) AS name, \
                    (SELECT string_agg(coalesce(a.attname::text, '?'), ',' ORDER BY k.n) \
                     FROM unnest(i.indkey) WITH ORDINALITY k (attnum, n) \
                     LEFT JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum = k.attnum) \
                    || CASE WHEN i.indpred IS NULL THEN '' ELSE ' partial' END AS kind, \
                    i.indisunique AS flag \
             FROM pg_index i JOIN pg_class r ON r.oid = i.indrelid \
             JOIN pg_class x ON x.oid = i.indexrelid \
             JOIN pg_namespace n ON n.oid = r.relnamespace AND n.nspname = 'public' \
             LEFT JOIN pg_constraint c ON c.conindid = i.indexrelid AND c.contype IN ('p', 'u') \
             WHERE r.relname NOT LIKE '\\_\\_%'"
        }
    };
    [
        (columns, |row| {
            let need = if row.flag { "required" } else { "optional" };
            format!(
                "{}.{}: {} {need}",
                row.table_name,
                row.name,
                class(&row.kind)
            )
        }),
        (indexes, |row| {
            let kind = if row.flag { "unique" } else { "index" };
            format!("{} {} {kind} ({})", row.table_name, row.name, row.kind)
        }),
    ]
}

/// The class of a column type. SQLite's 64-bit key is called INTEGER; PostgreSQL's is not.
fn class(kind: &str) -> &str {
    match kind.to_ascii_lowercase().as_str() {
        "integer" | "bigint" | "smallint" => "number",
        "text" => "text",
        "boolean" => "truth value",
        "blob" | "bytea" => "bytes",
        "real" | "double precision" => "fraction",
        _ => kind.to_owned().leak(),
    }
}

/// A primary key that is one number has an index of its own on PostgreSQL alone.
fn comparable(lines: &BTreeSet<String>) -> BTreeSet<&str> {
    let is_row_key = |line: &str| {
        line.split_once(" (pk) unique (")
            .is_some_and(|(table, key)| {
                let key = key.trim_end_matches(')');
                lines.contains(&format!("{table}.{key}: number required"))
            })
    };
    // The words of the search are kept by what is each backend's own: FTS5, or a GIN index.
    let is_own = |line: &str| line.starts_with("search_words");
    let lines = lines.iter().map(String::as_str);
    lines
        .filter(|line| !is_row_key(line) && !is_own(line))
        .collect()
}

#[test]
fn every_migration_can_be_undone_and_done_again() {
    on_each_backend(async |test| {
        let database = test.open(all()).await;
        let first = dump(&database).await;
        assert!(first.len() > 50);
        let undone = database.revert(all()).await.unwrap();
        assert!(!undone.is_empty());
        assert_eq!(dump(&database).await, BTreeSet::new());
        let done = database.migrate(all()).await.unwrap();
        assert_eq!(done.len(), undone.len());
        assert_eq!(dump(&database).await, first);
        database.close().await;
    });
}

#[test]
#[expect(non_snake_case, reason = "named after the invariant")]
fn I12_both_backends_have_the_same_schema() {
    let dumps = std::sync::Mutex::new(Vec::new());
    on_each_backend(async |test| {
        let database = test.open(all()).await;
        let dump = dump(&database).await;
        dumps.lock().unwrap().push(dump);
        database.close().await;
    });
    let dumps = dumps.into_inner().unwrap();
    let (sqlite, postgres) = (comparable(&dumps[0]), comparable(&dumps[1]));
    let only_sqlite: Vec<_> = sqlite.difference(&postgres).collect();
    let only_postgres: Vec<_> = postgres.difference(&sqlite).collect();
    assert!(
        only_sqlite.is_empty() && only_postgres.is_empty(),
        "only on SQLite: {only_sqlite:#?}\nonly on PostgreSQL: {only_postgres:#?}"
    );
}

#[test]
fn both_trees_have_the_same_steps_with_distinct_times() {
    let steps = |tree: &str| -> Vec<String> {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/migrations/");
        let mut names: Vec<String> = std::fs::read_dir(format!("{root}{tree}"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let names = steps("sqlite");
    assert_eq!(names, steps("postgres"));
    let times: BTreeSet<&str> = names
        .iter()
        .map(|name| name.split('_').next().unwrap())
        .collect();
    assert_eq!(times.len(), names.len(), "two steps have one timestamp");
    for name in &names {
        assert!(name.contains("__"), "{name} names no owner");
    }
}
