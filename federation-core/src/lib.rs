//! ActivityPub federation for Rust servers: signed HTTP, guarded fetching, a verified inbox and
//! durable delivery.
//!
//! The core is free of framework and database. Features add the adapters: `client` (the guarded
//! HTTP client on reqwest), `axum` (routers), `diesel` (the durable store for SQLite and
//! PostgreSQL), `testing` (fake clock and fixtures).

pub mod clock;
pub mod discovery;
pub mod fetch;
pub mod inbox;
pub mod outbox;
pub mod signature;
pub mod store;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod vocab;

pub use clock::{Clock, SystemClock, Timestamp};
