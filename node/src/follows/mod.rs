//! Who follows whom, across nodes: asking, accepting, and taking back.

pub mod actions;
pub mod error;
pub mod federate;
pub mod model;
mod routes;
pub mod store;
pub mod wire;

pub use self::routes::router;
