//! Members of communities: who is in, what they are called, which roles they have, who is silenced.
//!
//! This folder alone writes `community_members` and `community_member_roles`.

pub mod actions;
mod routes;
pub mod store;
pub mod wire;

pub(super) use routes::router;
