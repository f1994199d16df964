//! Roles of communities: what they hold, their colour and their order.
//!
//! This folder alone writes `community_roles`.

mod actions;
mod routes;
pub mod store;
mod wire;

pub(super) use routes::router;
