//! The queries of the queue use the indexes made for them, so that history costs nothing.

use diesel::sql_types::Text;
use diesel::{QueryableByName, RunQueryDsl as _, sql_query};

use crate::store::sql::{Backend, DatabaseError, federation_migrations};
use crate::testing::on_each_backend;

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text, column_name = "detail")]
    detail: String,
}

const PLANS: [(&str, &str); 7] = [
    (
        "SELECT due_at FROM delivery_lanes WHERE NOT parked AND due_at > 5 ORDER BY due_at LIMIT 1",
        "delivery_lanes_due_at_peer_idx",
    ),
    (
        "SELECT id FROM delivery_lanes WHERE NOT parked AND due_at <= 5 ORDER BY due_at LIMIT 9",
        "delivery_lanes_due_at_peer_idx",
    ),
    (
        "SELECT id FROM delivery_lanes WHERE peer = 'x' AND parked ORDER BY due_at LIMIT 1",
        "delivery_lanes_peer_due_at_idx",
    ),
    (
        "SELECT host FROM peers WHERE retry_at <= 5 ORDER BY retry_at LIMIT 9",
        "peers_retry_at_idx",
    ),
    (
        "SELECT id FROM deliveries WHERE lane_id = 5 ORDER BY seq LIMIT 1",
        "deliveries_lane_id_seq_idx",
    ),
    (
        "SELECT id FROM deliveries WHERE lane_id IS NOT NULL AND queued_at < 5 \
         ORDER BY queued_at LIMIT 9",
        "deliveries_queued_at_idx",
    ),
    (
        "SELECT id FROM outgoing_activities WHERE object_id = 'x'",
        "outgoing_activities_object_id_idx",
    ),
];

#[test]
fn the_queue_is_read_through_its_partial_indexes() {
    on_each_backend(async |test| {
        let database = test.open(federation_migrations()).await;
        for (query, index) in PLANS {
            let plan = database
                .read(move |connection| -> Result<_, DatabaseError> {
                    Ok(match connection.backend() {
                        Backend::Sqlite => sql_query(format!("EXPLAIN QUERY PLAN {query}"))
                            .load::<Line>(connection)?,
                        Backend::Postgres => {
                            sql_query("SET enable_seqscan = off").execute(connection)?;
                            sql_query("SET enable_sort = off").execute(connection)?;
                            explain_postgres(connection, query)?
                        }
                    })
                })
                .await
                .unwrap();
            let plan: Vec<String> = plan.into_iter().map(|line| line.detail).collect();
            let plan = plan.join("\n");
            assert!(plan.contains(index), "{query}\n{plan}");
            assert!(
                !plan.contains("TEMP B-TREE") && !plan.contains("Sort"),
                "{query}\n{plan}"
            );
        }
        database.close().await;
    });
}

/// `EXPLAIN` names its column in a way that no identifier can, so a function wraps it.
fn explain_postgres(
    connection: &mut crate::store::sql::Connection,
    query: &str,
) -> Result<Vec<Line>, DatabaseError> {
    #[derive(QueryableByName)]
    struct Plan {
        #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
        line: String,
    }
    let plan = sql_query(format!("EXPLAIN {query}")).load::<Plan>(connection)?;
    Ok(plan
        .into_iter()
        .map(|plan| Line { detail: plan.line })
        .collect())
}
