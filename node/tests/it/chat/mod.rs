//! Conversations, messages and the gateway, over HTTP and real WebSockets, on both backends.

mod dms;
mod federate;

mod gateway;
mod messages;
mod recent;
mod resume;
mod typing;
mod welcome;
pub(crate) mod world;
