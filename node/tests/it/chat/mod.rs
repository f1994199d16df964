//! Conversations, messages and the gateway, over HTTP and real WebSockets, on both backends.

mod dms;
mod federate;

mod gateway;
mod messages;
mod resume;
pub(crate) mod world;
