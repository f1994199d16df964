//! Conversations, messages and the gateway, over HTTP and real WebSockets, on both backends.

mod dms;
mod edits;
mod emoji;
mod drafts;
mod federate;
mod forwards;

mod gateway;
mod groups;
mod groups_federated;
mod mentions;
mod messages;
mod pins;
mod polls;
mod reactions;
mod recent;
mod resume;
mod text;
mod typing;
mod welcome;
mod unread;
mod plans;
mod resume;
mod search;
pub(crate) mod world;
