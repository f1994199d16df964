//! The durable state behind the rest: in memory, and on diesel for SQLite and PostgreSQL.

mod error;
#[cfg(feature = "diesel")]
pub mod sql;

pub use error::StoreError;
