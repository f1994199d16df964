//! Roles of this node: the built-in ones, those that operators make, and who has them.

mod actions;
mod error;
mod model;
mod routes;
mod store;
mod wire;

pub use self::routes::router;
