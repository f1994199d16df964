//! Who and what a server is, told and asked: `WebFinger` (RFC 7033), NodeInfo 2.0 and 2.1
//! (FEP-f1d5, FEP-0151), host-meta (RFC 6415) and the server's own actor (FEP-d556, FEP-2677).
//!
//! [`Site`] says what this server is; with the feature `axum`, `router` answers every one of these
//! addresses from it. [`node_info()`] and [`application_actor`] ask other servers, through the guard
//! and the budget of a [`Directory`](crate::fetch::Directory);
//! [`Directory::resolve_handle`](crate::fetch::Directory::resolve_handle) and
//! [`Directory::handle_of`](crate::fetch::Directory::handle_of) go from handles to actors and back
//! (FEP-2c59). Reading is tolerant where nothing carries authority, and strict where an actor is
//! named: a server names actors of its own origin only.
//!
//! ```
//! use federation_core::discovery::{Account, Site};
//! use url::Url;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Handles are @name@example.org, while the server is at social.example.org.
//! let site = Site::new(&Url::parse("https://social.example.org")?).with_handle_domain("example.org")?;
//! let alice = Account::new("alice", Url::parse("https://social.example.org/users/alice")?);
//! assert_eq!(site.describe(&alice).subject.as_deref(), Some("acct:alice@example.org"));
//! # Ok(())
//! # }
//! ```

mod application;
mod host_meta;
mod lookup;
mod node_info;
#[cfg(feature = "axum")]
mod router;
mod site;
#[cfg(test)]
mod tests;
mod well_known;

pub use application::{ApplicationError, SERVICE_REL, application_actor};
pub use host_meta::{
    HOST_META_JSON_PATH, HOST_META_MEDIA_TYPE, HOST_META_PATH, HostMeta, HostMetaError,
    MAX_HOST_META, host_meta, host_meta_json,
};
pub use lookup::{NodeInfoError, node_info};
pub use node_info::{NodeInfo, Software, UserCounts};
#[cfg(feature = "axum")]
pub use router::{host_meta_router, node_info_router, router, webfinger_router};
pub use site::{Account, Accounts, Site};
pub use well_known::{
    APPLICATION_REL, NODE_INFO_2_0_MEDIA_TYPE, NODE_INFO_2_0_REL, NODE_INFO_MEDIA_TYPE,
    NODE_INFO_PATH, NODE_INFO_REL, NodeInfoIndex, NodeInfoLink,
};
