//! Guarded fetching: the one way out to other servers, and what is fetched through it.
//!
//! [`Transport`] is the port that everything outgoing uses, deliveries too; `GuardedClient`
//! (feature `client`) is the transport for the real internet. On top of it: [`fetch_document`]
//! for one `ActivityStreams` document, and [`Directory`] for actors, keys and handles.

#[cfg(feature = "client")]
pub mod client;
mod directory;
mod document;
mod error;
pub mod guard;
mod limits;
mod media_type;
pub(crate) mod redirect;
mod schemes;
mod signer;
#[cfg(test)]
mod signer_tests;
mod transport;
mod upgrade;

#[cfg(feature = "client")]
pub use client::GuardedClient;
pub use directory::{
    ActorCache, ActorCacheError, CachedActor, CollectionItems, CollectionLimits, Conversation,
    Directory, DirectoryConfig, DirectoryError, FetchBudget, MemoryActorCache, ResolvedKey, Thread,
    ThreadLimits,
};
pub use document::{Document, DocumentError, fetch_document};
pub use error::{Cause, FetchError};
pub use guard::{
    BlockedDomains, DomainPolicy, GuardError, GuardPolicy, InvalidDomain, canonical_host, site_of,
};
pub use limits::FetchLimits;
pub use media_type::{ACCEPT_ACTIVITY, is_activity_media_type};
pub use schemes::{SchemeMemory, SchemeStore};
pub use signer::{PeerSigner, RequestSigner, SignedHeaders};
pub use transport::{OutboundRequest, OutboundResponse, Transport};
pub use upgrade::{Connection, Upgrade, Upgraded, Upgrader};
