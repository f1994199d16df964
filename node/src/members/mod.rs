//! Accounts of others, as operators see and steer them.

mod actions;
mod routes;
mod store;
mod wire;

pub use self::routes::router;
