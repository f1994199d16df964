//! Passkeys (`WebAuthn` Level 3): signing in without name, password and code.
//!
//! The authenticator verifies its member itself, so a passkey is two factors in one. What is kept
//! between a challenge and its answer goes to the client, sealed by the key ring: challenges cost
//! the server nothing, however many are asked for. An answer counts once: its row and what it
//! brings are one transaction. Passkeys belong to the host of `server.public_url`, over https or
//! on `localhost`; a node that is known by an IP address has none, since browsers make none for it.

mod actions;
mod ceremony;
mod routes;
mod store;
mod wire;

pub(super) use self::ceremony::relying_party;
pub(super) use self::routes::router;
pub(super) use self::store::prune;
