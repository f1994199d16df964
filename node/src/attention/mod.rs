//! What members look at and choose of what they are told: the list of notifications, preferences,
//! and pings.
//!
//! Rows are made by `notifications`; here they are judged by what the reader sees now, and calls to
//! many people are found that reach the reader.

mod called;
mod choices;
mod inbox;
mod ping;
mod routes;
mod wire;

pub use routes::router;
