//! Outgoing deliveries as operators see them: what waits, what was given up, and trying again.

mod actions;
mod error;
mod routes;
mod wire;

pub use self::routes::router;
