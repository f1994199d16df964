//! What those who run the node see and set: limits, blocks, activity, the audit log.

mod actions;
pub mod error;
mod routes;
mod store;
mod wire;
pub mod workers;

pub use self::routes::router;
