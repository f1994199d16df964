//! Visits: a member of this node asks for a session at another one, and goes there with it.
//!
//! The session is the other node's, granted by the handshake to this node for that member. It ends
//! there when the member ends it here, signs out, or may not act any more.

mod actions;
mod routes;
mod store;
mod wire;
mod workers;

pub(super) use self::routes::router;
pub use self::workers::work;
