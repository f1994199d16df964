//! Invitations to open an account: a code, kept as SHA-256, good for some accounts and some time.

mod actions;
mod routes;
mod store;
mod wire;

pub(super) use self::routes::router;
pub(super) use self::store::redeem;
pub use self::store::{Terms, insert};
