//! People: those with an account here and those known from other nodes, in one table.

pub mod actions;
pub mod error;
pub mod federate;
pub mod model;
mod routes;
pub mod store;
pub mod wire;

pub use self::routes::router;
