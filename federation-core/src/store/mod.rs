//! The durable state behind the rest: in memory, and on diesel for SQLite and PostgreSQL.

#[cfg(feature = "diesel")]
pub mod sql;
