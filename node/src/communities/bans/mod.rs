//! Bans: who may not come back into a community.
//!
//! This folder alone writes `community_bans`.

mod actions;
mod routes;
pub mod store;
mod wire;

pub(super) use routes::router;
