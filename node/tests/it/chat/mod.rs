//! Conversations, messages and the gateway, over HTTP and real WebSockets, on both backends.

mod dms;
mod drafts;
mod edits;
mod emoji;
mod federate;
mod forwards;
mod gateway;
mod groups;
mod groups_federated;
mod mentions;
mod messages;
mod pins;
mod plans;
mod polls;
mod previews;
mod reactions;
mod recent;
mod resume;
mod search;
mod search_places;
mod site;
mod text;
mod typing;
mod unread;
mod welcome;
pub(crate) mod world;
