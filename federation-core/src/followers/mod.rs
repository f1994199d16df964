//! Followers kept alike on both sides (FEP-8fcf): a digest with the delivery, a list when it does
//! not fit.
//!
//! The sender of an activity to its followers adds the header `Collection-Synchronization` with
//! the digest of those followers that live at the receiver ([`Synchronization`]). A receiver whose
//! own digest differs fetches the list of them, which only it may read
//! ([`partial_collection`]), and repairs what it has ([`reconcile()`]).
//!
//! ```
//! use federation_core::followers::{FollowersDigest, Synchronization, at_origin};
//! use url::Url;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let followers = ["https://testing.example.org/users/1", "https://example.org/users/2",
//!     "https://testing.example.org/users/2"].map(|id| Url::parse(id).unwrap());
//! let peer = Url::parse("https://testing.example.org/inbox")?;
//! let digest: FollowersDigest = at_origin(&followers, &peer).collect();
//! assert_eq!(
//!     digest.to_string(),
//!     "c33f48cd341ef046a206b8a72ec97af65079f9a3a9b90eef79c5920dce45c61f",
//! );
//! let header = Synchronization {
//!     collection_id: "https://example.org/users/1/followers".parse()?,
//!     url: "https://example.org/users/1/followers_synchronization".parse()?,
//!     digest,
//! };
//! assert_eq!(Synchronization::parse(&header.to_string())?, header);
//! # Ok(())
//! # }
//! ```

mod decorate;
mod digest;
mod header;
mod list;
mod reconcile;
#[cfg(test)]
mod tests;

pub use decorate::{FollowersDecorator, FollowersSource};
pub use digest::{FollowersDigest, InvalidDigest};
pub use header::{HEADER, MAX_HEADER_BYTES, Synchronization, SynchronizationError};
pub use list::{MAX_LISTED, at_origin, partial_collection};
pub use reconcile::{ReconcileError, Reconciliation, reconcile};
