//! Deliveries in SQLite or PostgreSQL.
//!
//! The functions here take a connection, so that they join the transaction of whoever calls them:
//! an activity is queued in the transaction of the change it tells about. An embedder that keeps
//! followers in a table of its own gives them to the worker page by page:
//!
//! ```
//! use std::sync::Arc;
//!
//! use diesel::sql_types::{BigInt, Text};
//! use diesel::{QueryableByName, RunQueryDsl, sql_query};
//! use federation_core::outbox::sql::{AudienceSource, SqlDeliveryStore, fan_out};
//! use federation_core::outbox::{
//!     AudienceError, AudiencePage, Backoff, DeliveryStore, FanOut, Outgoing, PageQuery, Target,
//! };
//! use federation_core::store::sql::{
//!     Connection, Database, DatabaseError, DatabaseUrl, federation_migrations,
//! };
//! use federation_core::{Clock, SystemClock, each_backend};
//! use url::Url;
//!
//! #[derive(QueryableByName)]
//! struct Inbox {
//!     #[diesel(sql_type = Text)]
//!     inbox: String,
//! }
//!
//! #[derive(Debug)]
//! struct Followers;
//!
//! impl AudienceSource for Followers {
//!     fn page(
//!         &self,
//!         connection: &mut Connection,
//!         query: &PageQuery<'_>,
//!     ) -> Result<AudiencePage, AudienceError> {
//!         if query.audience != "followers" {
//!             return Err(AudienceError::Unknown);
//!         }
//!         // One inbox of a server stands for all of its followers; the last one names the page.
//!         let text = "SELECT DISTINCT inbox FROM followers WHERE inbox > $1 ORDER BY inbox LIMIT $2";
//!         let found: Vec<Inbox> = each_backend!(connection, c => {
//!             sql_query(text)
//!                 .bind::<Text, _>(query.after.unwrap_or_default())
//!                 .bind::<BigInt, _>(i64::from(query.limit))
//!                 .load(c)
//!         })?;
//!         Ok(AudiencePage {
//!             next: found.last().map(|last| last.inbox.clone()),
//!             targets: found
//!                 .iter()
//!                 .filter_map(|row| Url::parse(&row.inbox).ok())
//!                 .map(|inbox| Target { inbox, recipients: Vec::new() })
//!                 .collect(),
//!         })
//!     }
//! }
//!
//! # async fn run(directory: &std::path::Path) -> Result<(), Box<dyn std::error::Error>> {
//! let database = Database::open(DatabaseUrl::sqlite(directory.join("example.db"))).await?;
//! database.migrate(federation_migrations()).await?;
//! let store = SqlDeliveryStore::new(database.clone()).audiences(Arc::new(Followers));
//! let post = FanOut {
//!     outgoing: Outgoing {
//!         activity_id: Url::parse("https://here.example/activities/1")?,
//!         actor_id: Url::parse("https://here.example/users/alice")?,
//!         object_id: None,
//!         body: r#"{"type":"Create"}"#.to_owned(),
//!         ordering_key: Some("alice".to_owned()),
//!         targets: Vec::new(),
//!     },
//!     audience: "followers".to_owned(),
//! };
//! let now = SystemClock.now();
//! database
//!     .write(move |connection| -> Result<(), DatabaseError> {
//!         for statement in [
//!             "CREATE TABLE followers (actor TEXT PRIMARY KEY, inbox TEXT NOT NULL)",
//!             "INSERT INTO followers VALUES ('bob', 'https://b.example/inbox')",
//!             "INSERT INTO followers VALUES ('alice', 'https://b.example/inbox')",
//!         ] {
//!             sql_query(statement).execute(connection)?;
//!         }
//!         // In the transaction of the post itself.
//!         fan_out(connection, &post, now)
//!     })
//!     .await?;
//! // What a worker does by itself.
//! while store.expand(250, Backoff::default(), now).await?.worked {}
//! assert_eq!(store.queue_stats().await?.queued, 1);
//! # database.close().await;
//! # Ok(())
//! # }
//! # let directory = tempfile::tempdir().unwrap();
//! # tokio::runtime::Runtime::new().unwrap().block_on(run(directory.path())).unwrap();
//! ```

mod claim;
mod claim_sqlite;
mod enqueue;
mod expand;
mod fan_out;
mod heads;
mod operate;
mod report;
mod rows;
mod settle;
mod settle_sqlite;
mod statement;
mod statistics;
mod store;
mod withdraw;

pub use enqueue::enqueue;
pub use fan_out::{AudienceSource, fan_out};
pub use operate::{delivery, list, peer, peers, prune, prune_peers, retry};
pub use statistics::{peer_statistics, queue_stats};
pub use store::{BeforeSettling, OnSettled, SqlDeliveryStore};
pub use withdraw::{cancel_for_object, expire};

#[cfg(test)]
pub(super) fn expand_for_tests(
    connection: &mut crate::store::sql::Connection,
    source: &dyn AudienceSource,
    limit: u32,
    schedule: &super::Backoff,
    now: crate::Timestamp,
) -> Result<super::Expansion, crate::store::sql::DatabaseError> {
    expand::expand(connection, Some(source), limit, schedule, now)
}
