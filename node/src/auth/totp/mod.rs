//! The second factor: one-time codes by time, and recovery codes for whoever lost their device.
//!
//! A member who set it up signs in with password and code. A code counts once: the newest step
//! that was used is kept and moves in the transaction of the sign-in.

mod actions;
mod code;
pub(super) mod routes;
mod store;
mod wire;

pub(super) use self::code::base32;
pub use self::store::{SecondFactor, check, is_asked};
