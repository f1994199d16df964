//! The lists of messages are read through the indexes made for them, so that history costs nothing.

use diesel::prelude::*;
use diesel::sql_types::Text;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::on_each_backend;
use folkmoot::platform::db::migrations;

#[derive(QueryableByName)]
struct Detail {
    #[diesel(sql_type = Text)]
    detail: String,
}

#[derive(QueryableByName)]
struct Plan {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// What is asked, and the index that answers.
const PLANS: [(&str, &str); 10] = [
    // Pages of a channel (`messages::store::page`).
    (
        "SELECT * FROM messages WHERE channel_id = 'x' AND deleted_at IS NULL \
         ORDER BY seq DESC LIMIT 51",
        "messages_channel_id_seq_standing_idx",
    ),
    (
        "SELECT * FROM messages WHERE channel_id = 'x' AND deleted_at IS NULL AND seq < 9 \
         ORDER BY seq DESC LIMIT 51",
        "messages_channel_id_seq_standing_idx",
    ),
    (
        "SELECT * FROM messages WHERE channel_id = 'x' AND deleted_at IS NULL AND seq > 9 \
         ORDER BY seq LIMIT 51",
        "messages_channel_id_seq_standing_idx",
    ),
    // Clearing a channel (`messages::store::clear_channel`), tombstones included.
    (
        "SELECT id FROM messages WHERE channel_id = 'x' LIMIT 200",
        "messages_channel_id_seq_idx",
    ),
    // What somebody wrote (`messages::erase`).
    (
        "SELECT * FROM messages WHERE author_id = 'x' AND deleted_at IS NULL \
         ORDER BY id LIMIT 200",
        "messages_author_id_id_idx",
    ),
    // Activities that name a message (`messages::store::by_uri`).
    (
        "SELECT id FROM messages WHERE uri = 'x'",
        "messages_uri_author_id_idx",
    ),
    // Deletions that came first (`messages::store::prune_buried`).
    (
        "SELECT uri, actor_uri FROM message_tombstones WHERE deleted_at < 5 \
         ORDER BY deleted_at LIMIT 200",
        "message_tombstones_deleted_at_idx",
    ),
    // Entering old messages (`messages::search::index::fill`).
    (
        "SELECT * FROM messages WHERE id <= 'x' ORDER BY id DESC LIMIT 200",
        "messages_pkey",
    ),
    // The number of a message, and the messages of numbers (`messages::search`).
    (
        "SELECT number FROM search_entries WHERE message_id = 'x'",
        "search_entries_message_id_idx",
    ),
    (
        "SELECT message_id FROM search_entries WHERE number IN (5, 6)",
        "search_entries_pkey",
    ),
];

/// The words of SQLite for the primary keys, which it names in its own way.
fn on_sqlite(index: &str) -> &str {
    match index {
        "messages_pkey" => "sqlite_autoindex_messages_1",
        "search_entries_pkey" => "INTEGER PRIMARY KEY",
        other => other,
    }
}

fn explain(connection: &mut Connection, query: &str) -> Result<String, DatabaseError> {
    let lines: Vec<String> = match connection {
        Connection::Sqlite(c) => {
            let rows: Vec<Detail> =
                diesel::sql_query(format!("EXPLAIN QUERY PLAN {query}")).load(c)?;
            rows.into_iter().map(|row| row.detail).collect()
        }
        Connection::Postgres(c) => {
            // Empty tables are read as a whole otherwise.
            for costly in ["seqscan", "sort", "bitmapscan"] {
                diesel::sql_query(format!("SET enable_{costly} = off")).execute(c)?;
            }
            let rows: Vec<Plan> = diesel::sql_query(format!("EXPLAIN {query}")).load(c)?;
            rows.into_iter().map(|row| row.line).collect()
        }
    };
    Ok(lines.join("\n"))
}

#[test]
fn every_list_of_messages_is_served_by_an_index() {
    on_each_backend(async |test| {
        let database = test.open(migrations()).await;
        for (query, index) in PLANS {
            let read = move |connection: &mut Connection| {
                let is_sqlite = matches!(connection, Connection::Sqlite(_));
                let index = if is_sqlite { on_sqlite(index) } else { index };
                Ok::<_, DatabaseError>((index, explain(connection, query)?))
            };
            let (index, plan) = database.read(read).await.unwrap();
            assert!(plan.contains(index), "{query}\n{plan}");
            let sorts = ["TEMP B-TREE", "Sort", "Seq Scan", "SCAN"];
            let sorts = sorts.iter().find(|word| plan.contains(**word));
            assert_eq!(sorts, None, "{query}\n{plan}");
        }
        database.close().await;
    });
}

#[test]
fn words_are_found_through_their_index() {
    on_each_backend(async |test| {
        let database = test.open(migrations()).await;
        let read = |connection: &mut Connection| match connection {
            Connection::Sqlite(_) => explain(
                connection,
                "SELECT rowid FROM search_words WHERE search_words MATCH '\"tea\"' \
                 AND rowid >= 1 AND rowid < 9 ORDER BY rowid DESC LIMIT 9",
            ),
            Connection::Postgres(c) => {
                for costly in ["seqscan", "indexscan"] {
                    diesel::sql_query(format!("SET enable_{costly} = off")).execute(c)?;
                }
                let query = "EXPLAIN SELECT number FROM search_words \
                             WHERE words @@ CAST('''tea''' AS tsquery)";
                let rows: Vec<Plan> = diesel::sql_query(query).load(c)?;
                let lines = rows.into_iter().map(|row| row.line);
                Ok(lines.collect::<Vec<_>>().join("\n"))
            }
        };
        let plan = database.read(read).await.unwrap();
        // `><` is how FTS5 says that it takes both ends of the range itself.
        let served = plan.contains("search_words_words_idx")
            || (plan.contains("VIRTUAL TABLE INDEX") && plan.contains("><"));
        assert!(served, "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
        database.close().await;
    });
}
