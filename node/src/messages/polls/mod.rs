//! Polls: messages with options that people vote for, without names.
//!
//! This folder alone writes `polls`, `poll_options` and `poll_votes`. Counts are kept with the options,
//! so that showing a poll costs the same however many voted. Votes in polls of this node are counted
//! here; those of other nodes tell their counts themselves.

mod actions;
pub mod federate;
pub mod model;
mod routes;
mod store;
pub mod wire;
mod workers;

pub(super) use actions::{drop_some_of, open};
pub(super) use routes::router;
pub(in crate::messages) use store::{clear, of};
pub use workers::work;
