//! Two servers that federate over loopback, and strangers that try to.

mod actors;
mod deliveries;
mod documents;
mod follows;
mod forgeries;
mod messages;
pub(crate) mod pair;
