//! From a signed request to a [`Verified`] activity, and from there to its one effect.
//!
//! [`Inbox::authenticate`] makes every check that needs no store, one [`Step`] after another; a
//! [`Verified`] is the proof that they passed. [`ActivityStore::apply_once`] records the activity
//! and runs its effect in one transaction, in which the handler holds it against what is stored
//! ([`ownership`]).
//!
//! ```
//! use std::sync::Arc;
//! use bytes::Bytes;
//! use federation_core::SystemClock;
//! use federation_core::fetch::{BlockedDomains, Directory, DirectoryConfig, MemoryActorCache};
//! use federation_core::inbox::{InboundRequest, Inbox, InboxConfig, InboundLimiter, Step};
//! use federation_core::testing::ScriptedTransport;
//! use http::{HeaderMap, Method};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (clock, web) = (Arc::new(SystemClock), Arc::new(ScriptedTransport::new()));
//! let cache = Arc::new(MemoryActorCache::default());
//! let directory = Directory::new(web, cache, None, clock.clone(), DirectoryConfig::default());
//! let directory = Arc::new(directory);
//! let config = InboxConfig::new("https://here.example".parse()?);
//! let origin = config.origin.clone();
//! let inbox = Inbox::new(config, directory.clone(), Arc::new(BlockedDomains::default()), clock)
//!     .asking(directory)
//!     .limited(Arc::new(InboundLimiter::new(Default::default())));
//!
//! // What arrived: the raw target of the request line, the headers, the bytes, and from where.
//! let body = Bytes::from_static(b"{}");
//! let request = InboundRequest::new(Method::POST, &origin, "/inbox", HeaderMap::new(), body)?
//!     .from_source("203.0.113.9".parse()?);
//! # let runtime = tokio::runtime::Builder::new_current_thread().build()?;
//! # runtime.block_on(async {
//! let refused = inbox.authenticate(request).await.unwrap_err();
//! assert_eq!(refused.step(), Step::Signature);
//! assert_eq!((refused.status().as_u16(), refused.code()), (401, "signature_missing"));
//! # });
//! # Ok(())
//! # }
//! ```
//!
//! # The steps
//!
//! Numbers are those of the attacks that the tests name (`attack_NN_…`). What a step refuses, no
//! later one sees; nothing is fetched before [`Step::Key`].
//!
//! | step | refuses | attacks | error |
//! |---|---|---|---|
//! | [`Rate`](Step::Rate) | too much from one address; too many fetches for it; too much of one proven peer | 52, 64 | [`ReceiveError::TooMany`] |
//! | [`Size`](Step::Size) | bodies over the limit | 55 | [`ReceiveError::TooLarge`] |
//! | [`Signature`](Step::Signature) | no signature, two readings of one, too little covered, another path, host, time or body, a weaker scheme beside a broken one | 1, 4, 6 to 10, 12, 13, 14, 16, 17, 18 | [`ReceiveError::Signature`] |
//! | [`Shape`](Step::Shape) | JSON that readers disagree about, no id, several actors, endless lists | 41, 42, 43, 59 | [`ReceiveError::NotActivity`] |
//! | [`Domain`](Step::Domain) | blocked domains, in any spelling, also of what is passed on | 19, 20 | [`ReceiveError::Blocked`] |
//! | [`Authority`](Step::Authority) | ids, objects, answers and undos that are not the actor's origin's or its own | 26, 27, 29, 31, 32, 33, 39 | [`ReceiveError::Authority`] |
//! | [`Key`](Step::Key) | keys inside, elsewhere, not linked both ways, too weak | 3, 5, 14, 21, 22, 24, 25, 52, 60 | [`ReceiveError::Key`] |
//! | [`Sender`](Step::Sender) | signatures that do not hold, or are by another actor and nothing else proves it | 2, 14, 15 | [`ReceiveError::Signature`], [`ReceiveError::NotTheActor`] |
//! | [`Proof`](Step::Proof) | integrity proofs that do not hold, of others, too old | 2, 3, 10 | [`ReceiveError::Proof`] |
//! | [`Origin`](Step::Origin) | forwarded and announced copies that their origin does not show | 35, 37 | [`ReceiveError::Unconfirmed`] |
//! | [`ActivityStore`] | what came before | 11 | [`Applied::Duplicate`] |
//! | [`ownership`] | what is not the stored owner's | 26, 28 to 34, 36, 38, 39, 45, 46 | [`OwnershipError`](ownership::OwnershipError) |
//! | [`followers`](crate::followers) | lists of followers of others | 44 | [`SynchronizationError`](crate::followers::SynchronizationError) |
//!
//! Attack 23, files served as if they were ActivityPub, and 30, 40 of the directory's, are met
//! where they can happen: by whoever serves files, and by [`Directory`](crate::fetch::Directory).
//!
//! # Whose word counts
//!
//! An activity is its actor's by one of four proofs ([`Proof`]): an integrity proof in it
//! (FEP-8b32), which outranks all else; the actor's signature of the request; for what another
//! actor forwarded (ActivityPub s7.1.2) or announced (FEP-1b12), what the actor's own server shows
//! under its id; and for a `Delete`, that this server says 410. A proof that does not hold refuses
//! the activity, whatever else speaks for it; one that cannot be judged here says nothing.

mod announced;
mod authority;
mod error;
mod keys;
mod origins;
pub mod ownership;
mod prove;
mod rate;
mod receive;
mod request;
mod service;
mod source;
mod steps;
mod store;
mod verified;

#[cfg(test)]
mod tests;

pub use authority::AuthorityError;
pub use error::ReceiveError;
pub use keys::{KeyDirectory, KeyLookupError, OwnedKey};
pub use origins::{OriginAnswer, OriginError, Origins};
pub use rate::{InboundLimiter, Rate, RateLimits, TooMany};
pub use receive::{Inbox, InboxConfig};
pub use request::{InboundRequest, RequestError};
pub use service::{InboxAnswer, InboxService};
pub use source::{SourceAddress, TrustedProxies};
pub use steps::Step;
pub use store::{ActivityStore, Applied};
pub use verified::{Passage, Proof, Verified};
