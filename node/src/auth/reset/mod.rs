//! Passwords: changing one that is known, and setting a new one by mail; which addresses are
//! proved to be their member's; and notes to members about what changed.
//!
//! A code that is sent is 256 random bits, kept as SHA-256, good once and for an hour. Whether an
//! account exists shows nowhere: a request for a new password is a row that is looked at later.

mod actions;
pub(super) mod email;
pub mod notes;
mod routes;
mod store;
mod texts;
mod wire;
pub mod workers;

pub(super) use self::routes::router;
pub use self::store::{Handed, issue};
