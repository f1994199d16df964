//! The end of accounts: what is erased at once, what follows in steps that survive a crash, and
//! which other nodes took notice.
//!
//! The transaction of the request ends every sign-in, erases what the member said about themselves
//! and writes a row of `account_deletions`. A worker goes on from there: it tells every node that
//! ever got something from the member, and leaves tombstones of all that they wrote.

pub mod actions;
pub mod federate;
pub mod model;
mod routes;
pub mod store;
mod wire;
mod workers;

pub use self::routes::router;
pub use self::wire::{ConfirmationView, DeletionView};
pub use self::workers::work;
