//! ActivityPub federation for Rust servers: signed HTTP, guarded fetching, a verified inbox and
//! durable delivery.
//!
//! The core is free of framework and database. Features add the adapters: `client` (the guarded
//! HTTP client on reqwest), `axum` (routers), `diesel` (the durable store for SQLite and
//! PostgreSQL), `testing` (fake clock and fixtures).

pub mod clock;
pub mod collection;
#[cfg(feature = "activitypub-federation")]
pub mod compat;
pub mod discovery;
pub mod federation;
pub mod fetch;
pub mod followers;
pub mod handshake;
pub mod inbox;
pub mod keys;
pub mod media;
pub mod metrics;
pub mod outbox;
pub mod proof;
pub mod signature;
pub mod store;
pub mod stream;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod vocab;

pub use clock::{Clock, SystemClock, Timestamp};

/// The guide's code, compiled and run with the documentation.
#[cfg(all(
    doctest,
    feature = "activitypub-federation",
    feature = "axum",
    feature = "diesel",
    feature = "testing"
))]
mod guide {
    #[doc = include_str!("../../docs/guide/first-federation.md")]
    struct FirstFederation;
    #[doc = include_str!("../../docs/guide/storing.md")]
    struct Storing;
    #[doc = include_str!("../../docs/guide/receiving.md")]
    struct Receiving;
    #[doc = include_str!("../../docs/guide/sending.md")]
    struct Sending;
    #[doc = include_str!("../../docs/guide/handshake.md")]
    struct Handshake;
    #[doc = include_str!("../../docs/guide/testing.md")]
    struct Testing;
    #[doc = include_str!("../../docs/guide/moving-from-activitypub-federation.md")]
    struct Moving;
}
