//! Conversations, messages and the gateway, over HTTP and real WebSockets, on both backends.

mod dms;
mod emoji;
mod federate;

mod gateway;
mod messages;
mod recent;
mod pins;
mod polls;
mod reactions;
mod resume;
mod typing;
mod welcome;
pub(crate) mod world;
