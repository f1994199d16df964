//! Channels: where messages are, and who sees them. For now each is a direct conversation.
//!
//! Used by `messages`, `dms` and `gateway`. This folder alone writes `channels` and
//! `channel_members`.

pub mod actions;
pub mod model;
mod routes;
pub mod store;
pub mod wire;

pub(crate) use routes::list as list_route;
pub use routes::router;
pub use store::{is_member, of_member};
