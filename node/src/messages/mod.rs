//! Messages: written by members over the API, or come from people of other nodes.
//!
//! This folder alone writes `messages`, `message_recipients` and `message_tombstones`. A change
//! takes one transaction: the row, the event that tells members, and the deliveries to the nodes
//! of the others.

pub mod actions;
mod clearing;
pub mod erase;
pub mod federate;
pub mod model;
pub mod recent;
mod routes;
pub mod store;
pub mod typing;
pub mod wire;

pub use clearing::clear_deleted_channels;
pub use federate::on_settled;
pub use routes::router;
