//! WebFinger (RFC 7033) and `acct:` URIs (RFC 7565): one name in, one document out.
//!
//! Everything here works on plain values and needs no HTTP library. A server turns a raw query
//! string into an answer with [`respond()`]; a client turns a handle into a checked actor URL with
//! [`resolve()`], over whatever implements [`Fetch`].
//!
//! Features: `client` brings [`client::HttpsClient`], a ready [`Fetch`] on reqwest; `axum` brings
//! [`router::router`].
//!
//! ```
//! use webfinger::{Handle, Jrd, Link, Scheme, lookup_url};
//!
//! let handle: Handle = "@Alice@Example.ORG".parse()?;
//! assert_eq!(handle.acct(), "acct:Alice@example.org");
//! assert_eq!(
//!     lookup_url(&handle, Scheme::Https)?.as_str(),
//!     "https://example.org/.well-known/webfinger?resource=acct%3AAlice%40example.org",
//! );
//!
//! let document = Jrd::new(handle.acct()).with_link(Link::actor("https://example.org/users/alice"));
//! assert_eq!(document.self_link()?.as_str(), "https://example.org/users/alice");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod handle;
pub mod jrd;
pub mod query;
pub mod resolve;
pub mod respond;

#[cfg(feature = "client")]
pub mod client;
#[cfg(feature = "axum")]
pub mod router;

mod percent;

pub use handle::Handle;
pub use handle::HandleError;
pub use jrd::Jrd;
pub use jrd::Link;
pub use jrd::SelfLinkError;
pub use query::Query;
pub use query::QueryError;
pub use query::Resource;
pub use resolve::Fetch;
pub use resolve::Fetched;
pub use resolve::ResolveError;
pub use resolve::Resolved;
pub use resolve::Scheme;
pub use resolve::lookup_url;
pub use resolve::resolve;
pub use respond::Answer;
pub use respond::Lookup;
pub use respond::respond;

/// The path every WebFinger server answers on (RFC 7033 s10.1).
pub const PATH: &str = "/.well-known/webfinger";

/// The media type of a JRD document (RFC 7033 s10.2).
pub const MEDIA_TYPE: &str = "application/jrd+json";
