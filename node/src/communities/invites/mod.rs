//! Invitations into communities. They are not those by which accounts are opened (`auth::invites`).
//!
//! This folder alone writes `community_invites`.

mod actions;
mod routes;
pub mod store;
mod wire;

pub(super) use routes::router;
