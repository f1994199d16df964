//! What members have begun to write: one text in a channel, on all devices of its writer.
//!
//! This folder alone writes `message_drafts`. Sending a message in a channel clears its draft.

mod actions;
mod routes;
pub mod store;
mod wire;

pub(super) use actions::sent;
pub(super) use routes::router;
