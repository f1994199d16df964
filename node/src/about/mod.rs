//! What this node is and whether it is well: for clients, other nodes and whoever watches it.

mod routes;
mod wire;

pub use self::routes::router;
