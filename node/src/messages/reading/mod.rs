//! How far members have read, and what is unread.
//!
//! This folder alone writes `read_markers`. A marker is a place in a channel and only moves on.
//! Counting looks at the messages after it, at most [`COUNTED`](counting::COUNTED), whatever the
//! size of the channel.

mod actions;
pub mod counting;
pub mod places;
mod routes;
pub mod store;
mod wire;

pub(super) use routes::router;
pub(super) use store::wrote;
