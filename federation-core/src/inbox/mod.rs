//! From a signed request to a [`Verified`] activity, and from there to its one effect.
//!
//! [`Inbox::authenticate`] makes every check that needs no store; a [`Verified`] is the proof that
//! they passed. [`ActivityStore::apply_once`] records the activity and runs its effect in one
//! transaction.

mod authority;
mod error;
mod keys;
mod receive;
mod request;
mod store;
mod verified;

#[cfg(test)]
mod tests;

pub use authority::AuthorityError;
pub use error::ReceiveError;
pub use keys::{KeyDirectory, KeyLookupError, OwnedKey};
pub use receive::{Inbox, InboxConfig};
pub use request::{InboundRequest, RequestError};
pub use store::{ActivityStore, Applied};
pub use verified::{Proof, Verified};
