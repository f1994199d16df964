//! People: those with an account here and those known from other nodes, in one table.

pub mod acting;
pub mod actions;
pub mod announcements;
pub mod authority;
pub mod circle;
pub mod contact;
pub mod edits;
pub mod error;
pub mod federate;
pub mod model;
pub mod online;
pub mod presence;
pub mod profile;
pub mod resolve;
mod routes;
mod search;
pub mod standing;
pub mod store;
pub mod wire;

pub use self::routes::router;
