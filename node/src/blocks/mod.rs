//! Whom a member blocked, and whom they do not want to hear of (mute). Nobody else is told.
//!
//! This folder alone writes `user_blocks`. `dms`, `messages`, `follows` and `notifications` ask it.

mod actions;
pub mod model;
mod routes;
pub mod store;
mod wire;

pub use routes::router;
