//! Two servers that federate over loopback, and strangers that try to.

mod actors;
mod challenges;
pub(crate) mod channels;
mod channels_bounds;
mod channels_gone;
mod channels_told;
mod deliveries;
mod documents;
mod follows;
mod forgeries;
mod groups;
mod limits;
mod messages;
mod mirrors;
pub(crate) mod pair;
mod rotation;
mod suspended;
mod synchronization;
