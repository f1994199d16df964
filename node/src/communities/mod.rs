//! Communities: places of their own on this node, each with members, roles and channels.
//!
//! This folder alone writes `communities`, and its parts write their tables. How somebody stands is
//! read by `standing`; who may act on what is held against the rows by `authority`; what was found
//! out of permissions is remembered by `known`. Channels are in `channels`.

pub mod actions;
pub mod acts;
pub mod authority;
pub mod bans;
pub mod emoji;
pub mod error;
pub mod invites;
pub mod known;
pub mod leaving;
pub mod members;
pub mod mirror;
pub mod model;
pub mod remote;
pub mod roles;
mod routes;
pub mod standing;
pub mod store;
pub mod tell;
pub mod wire;
mod workers;

pub use routes::router;
pub use workers::follow_notices;
