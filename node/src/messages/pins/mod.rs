//! Pins: messages that a channel keeps at hand.
//!
//! This folder alone writes `message_pins`.

mod actions;
mod routes;
mod store;

pub(super) use routes::router;
pub(in crate::messages) use store::{clear, of};
