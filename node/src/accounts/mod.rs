//! People: those with an account here and those known from other nodes, in one table.

pub mod actions;
pub mod error;
pub mod federate;
pub mod model;
pub mod resolve;
mod routes;
mod search;
pub mod store;
pub mod wire;

pub use self::routes::router;
