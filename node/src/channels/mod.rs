//! Channels: where messages are, and who sees them: direct conversations, and those of communities.
//!
//! Used by `messages`, `dms` and `gateway`. This folder alone writes `channels`, `channel_members`,
//! `channel_turns`, `channel_contexts`, `channel_departures` and what channels say of permissions.
//! `access` is where everybody asks who may do what in a channel.

pub mod access;
pub mod actions;
pub mod conversations;
pub mod group;
pub mod model;
pub mod reach;
mod routes;
pub mod store;
pub mod structure;
pub mod wire;

pub(crate) use routes::list as list_route;
pub use routes::router;
