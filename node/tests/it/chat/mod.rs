//! Conversations, messages and the gateway, over HTTP and real WebSockets, on both backends.

mod dms;
mod emoji;
mod edits;
mod federate;
mod forwards;

mod gateway;
mod mentions;
mod messages;
mod recent;
mod pins;
mod polls;
mod reactions;
mod resume;
mod typing;
mod welcome;
mod text;
pub(crate) mod world;
