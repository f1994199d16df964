//! One relational store for two backends: connections, grouped commits, reads and migrations.
//!
//! [`Database`] is the only way in. Writes of all callers are queued to few writer threads, which
//! commit them in groups, so that a durable commit is paid once for many; what other servers send
//! waits in a lane of its own. Reads run on their own small pool. Code that both backends share is written against [`Connection`]; what the shared
//! query language lacks (upserts) goes through [`each_backend!`](crate::each_backend).

mod challenges;
mod connection;
mod database;
mod error;
mod faults;
mod local_keys;
mod location;
mod migrations;
mod node_sessions;
mod peer_schemes;
mod process_lock;
mod reader;
mod receipt;
mod received;
mod remote_actors;
pub(crate) mod schema;
mod threads;
mod turn;
mod write_job;
mod write_queue;
mod writer;

#[cfg(test)]
mod tests;

pub use connection::{Backend, Connection, MultiBackend};
pub use database::{Database, DatabaseOptions, Durability};
pub use error::{ConstraintKind, DatabaseError};
pub use local_keys::{OnKeyChange, SqlKeyStore};
pub use location::{DatabaseUrl, DatabaseUrlError};
pub use migrations::{Migrations, federation_migrations};
pub use node_sessions::SqlHandshakeStore;
pub(crate) use received::is_recorded;
pub use received::prune_received;
pub use remote_actors::{SqlActorCache, prune_remote_actors};
