//! OAuth 2.1 for applications that act for members: registering (RFC 7591), asking the member,
//! codes with PKCE (RFC 7636), tokens, and asking about or ending them (RFC 7662, RFC 7009).
//!
//! What an application gets is a session of `auth` with scopes, so that it shows in the list of
//! sessions and ends at once. There is no `client_credentials` grant: a bot acts for a member, by a
//! personal access token.

mod authorize;
mod client;
mod error;
mod form;
mod model;
mod page;
mod redirect;
mod registration;
mod routes;
mod store;
mod token;
mod wire;
pub mod workers;

pub use self::routes::router;
