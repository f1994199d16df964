//! Being in a channel of another node (FEP-1b12): actors of other nodes in those of this one
//! (`following`), and members of this node in those of others (`joining`).
//!
//! Who follows whom is kept by `groups`; who may is judged here, by the same rules as for members of
//! this node.

mod answers;
mod closing;
mod following;
mod joining;
mod routes;
mod wire;

pub use self::answers::{receive_accept, receive_reject};
pub use self::closing::work;
pub use self::following::{Outcome, receive_follow, receive_leave, receive_undo};
pub use self::routes::router;
