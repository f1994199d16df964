//! The node handshake: how a node comes to act at another node, for itself or for one of its
//! users.
//!
//! The *issuer* is the node whose resources are used, the *holder* the node that asks. The holder
//! asks for a challenge, proves it with a signature of its node actor that carries the challenge's
//! nonce, and is given a session token; either of them ends the session when it likes.
//! `docs/node-handshake.md` specifies every message, with vectors.
//!
//! [`Challenge`], [`Granted`] and [`StoredSession`] are the state machine: plain values, with time
//! and random bytes handed in. [`Issuer`] serves it over a [`HandshakeStore`], [`Sessions`] answers
//! what a token opens, and [`HandshakeClient`] is the holder.
//!
//! ```
//! use federation_core::Timestamp;
//! use federation_core::handshake::message::ChallengeRequest;
//! use federation_core::handshake::{Challenge, Granted, Proof, Scope, Terms};
//! use url::Url;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (terms, now) = (Terms::default(), Timestamp::from_millis(1_795_190_734_000));
//! let (audience, holder) = ("https://issuer.example", Url::parse("https://holder.example/actor")?);
//! let asked = ChallengeRequest { subject: None, scopes: Scope::Stream.into() };
//! let challenge = Challenge::issue(&asked, &holder, audience, &terms, &[7; 42], now)?;
//!
//! // The holder signs `challenge.answer().nonce`; the issuer has verified that signature.
//! let proof = Proof { holder: &holder, nonce: challenge.nonce.as_str() };
//! let scopes = challenge.judge(proof, audience, &terms, now)?;
//! let granted = Granted::from_challenge(&challenge, scopes, &terms, &[8; 42], now);
//!
//! let hash = granted.token.hash();
//! let session = granted.stored.authorise(&hash, Scope::Stream, now)?;
//! assert_eq!(session.holder, holder);
//! # Ok(())
//! # }
//! ```

mod answer;
mod call;
mod challenge;
mod client;
mod error;
mod held;
mod holders;
mod issuer;
mod memory;
pub mod message;
#[cfg(feature = "axum")]
mod router;
mod scope;
mod session;
mod sessions;
mod store;
mod terms;
mod token;
mod watched;

#[cfg(test)]
mod tests;

pub use answer::Problem;
pub use call::PROOF_TAG;
pub use challenge::{CHALLENGE_ENTROPY, Challenge, Proof};
pub use client::{ClientError, GrantedSession, HandshakeClient};
pub use error::HandshakeError;
pub use held::HeldSessions;
pub use holders::{HolderDirectory, Holders, LookupError};
pub use issuer::{
    CHALLENGE_PATH, INTROSPECT_PATH, Issuer, IssuerConfig, IssuerParts, REVOKE_PATH, VERIFY_PATH,
};
pub use memory::MemoryHandshakeStore;
#[cfg(feature = "axum")]
pub use router::router;
pub use scope::{Scope, Scopes, UnknownScope};
pub use session::{Granted, NodeSession, SESSION_ENTROPY, StoredSession};
pub use sessions::Sessions;
pub use store::{ChallengeAdded, HandshakeStore, REVOKED_AT_ONCE, SessionAdded, SessionFilter};
pub use terms::{CHALLENGE_LIFETIME, MAX_SESSION_LIFETIME, Terms};
pub use token::{
    ChallengeId, Entropy, InvalidId, NoEntropy, Nonce, SessionId, SessionToken, SystemEntropy,
    TokenHash,
};
pub use watched::{Ended, SessionWatch};
