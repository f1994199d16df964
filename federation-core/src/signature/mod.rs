//! HTTP signatures: draft-cavage-12 and RFC 9421, signing and verifying.
//!
//! Signing gives the headers to add; verifying runs in two steps, so that everything that needs no
//! key is settled before a key is fetched: [`inspect()`] reads a request into a [`SignatureClaim`],
//! and [`SignatureClaim::verify`] turns it into a [`VerifiedSignature`].
//!
//! ```
//! use federation_core::signature::{Algorithm, PrivateKey, Scheme, SigningKey, sign_request};
//! use federation_core::Timestamp;
//! use http::Method;
//! use url::Url;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let key_id = Url::parse("https://here.example/users/alice#main-key")?;
//! let key = SigningKey::new(key_id, PrivateKey::generate(Algorithm::Ed25519)?);
//! let inbox = Url::parse("https://there.example/inbox")?;
//! let now = Timestamp::from_millis(1_795_190_734_000);
//! let headers = sign_request(Scheme::Cavage, &key, &Method::POST, &inbox, Some(b"{}"), now)?;
//! assert!(headers.contains_key("signature"));
//! # Ok(())
//! # }
//! ```

mod algorithm;
mod base;
mod cavage;
mod challenge;
mod digest;
mod error;
mod explain;
mod inspect;
mod key;
mod key_id;
pub(crate) mod multibase;
mod peer_scheme;
mod policy;
mod private_key;
mod rfc9421;
mod sign;
mod verify;

#[cfg(test)]
mod tests;

pub use algorithm::Algorithm;
pub use challenge::{ACCEPT_SIGNATURE, SignatureDemand, demand_signature};
pub use digest::BodyDigest;
pub use error::{Coverage, KeyError, SignError, SignatureError};
pub use explain::{Check, Verdict, explain};
pub use inspect::{claimed_key_id, inspect};
pub use key::PublicKey;
pub use key_id::{KeyIdFault, parse_key_id};
pub use peer_scheme::PeerScheme;
pub use policy::VerificationPolicy;
pub use private_key::{PrivateKey, SigningKey};
pub use sign::{RequestToSign, sign_request};
pub use verify::{SignatureClaim, VerifiedSignature};

/// How a signature is carried and what exactly is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new scheme changes every signer and verifier"
)]
pub enum Scheme {
    /// Draft-cavage-http-signatures-12: what nearly every server sends and accepts.
    Cavage,
    /// HTTP Message Signatures, RFC 9421.
    Rfc9421,
}

impl Scheme {
    /// The word for it in metrics and in what is remembered of peers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cavage => "cavage",
            Self::Rfc9421 => "rfc9421",
        }
    }
}

impl std::fmt::Display for Scheme {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Cavage => "draft-cavage-12",
            Self::Rfc9421 => "RFC 9421",
        })
    }
}
