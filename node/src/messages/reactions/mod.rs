//! Reactions: emoji that people put on messages.
//!
//! This folder alone writes `message_reactions` and `message_reaction_totals`. The totals are what
//! is shown with a message: at most 20 rows, however many people reacted.

mod actions;
pub mod federate;
mod model;
mod routes;
mod store;
pub mod wire;

pub(super) use actions::{clear, drop_some_of};
pub(super) use routes::router;
pub(in crate::messages) use store::of;
