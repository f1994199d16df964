//! Object integrity proofs: FEP-8b32 with the cryptosuite `eddsa-jcs-2022`, making and verifying.
//!
//! A proof travels inside a document and outlives the request that brought it, so a forwarded or
//! announced activity can be believed without asking its origin again. As with HTTP signatures,
//! verifying runs in two steps: [`inspect()`] settles everything that needs no key and gives a
//! [`ProofClaim`]; [`ProofClaim::verify`] takes the key and gives a [`VerifiedProof`].
//!
//! # Security
//! A proof by itself says only that some key signed the document. The key has to be one that the
//! document's owner lists (`assertionMethod`, FEP-521a), so the caller resolves
//! [`ProofClaim::verification_method`] through a [`Directory`](crate::fetch::Directory) and holds
//! the owner that it finds against [`ProofClaim::owner`].
//!
//! Whoever holds a proven document can prove it to anybody: prove public documents alone.
//!
//! ```
//! use federation_core::Timestamp;
//! use federation_core::proof::{self, ProofPolicy};
//! use federation_core::signature::{Algorithm, PrivateKey, SigningKey};
//! use federation_core::vocab;
//! use url::Url;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let now = Timestamp::from_millis(1_795_190_734_000);
//! let key_id = Url::parse("https://there.example/users/bob#ed25519-key")?;
//! let key = SigningKey::new(key_id, PrivateKey::generate(Algorithm::Ed25519)?);
//!
//! let mut document = vocab::parse(br#"{
//!     "@context": "https://www.w3.org/ns/activitystreams",
//!     "id": "https://there.example/likes/1",
//!     "type": "Like",
//!     "actor": "https://there.example/users/bob",
//!     "object": "https://here.example/notes/1"
//! }"#)?;
//! proof::sign(&mut document, &key, now)?;
//!
//! let claim = proof::inspect(&document, &ProofPolicy::default(), now)?;
//! assert_eq!(claim.verification_method(), key.key_id());
//! let verified = claim.verify(&key.key().public_key())?;
//! assert_eq!(verified.owner().as_str(), "https://there.example/users/bob");
//! # Ok(())
//! # }
//! ```

mod canonical;
mod claim;
mod error;
mod inspect;
mod options;
mod policy;
mod sign;
#[cfg(test)]
mod tests;

pub use claim::{ProofClaim, VerifiedProof};
pub use error::ProofError;
pub use inspect::inspect;
pub use policy::ProofPolicy;
pub use sign::sign;

/// The property of a document that holds its proof.
pub const PROPERTY: &str = "proof";
/// The JSON-LD context in which the terms of a proof are defined.
pub const CONTEXT: &str = "https://w3id.org/security/data-integrity/v2";
/// The one cryptosuite in use (W3C Data Integrity `EdDSA` Cryptosuites s3.3).
pub const CRYPTOSUITE: &str = "eddsa-jcs-2022";

/// The type of every proof (W3C Data Integrity s3.1).
const TYPE: &str = "DataIntegrityProof";
/// The one purpose of proofs in documents (FEP-8b32).
const PURPOSE: &str = "assertionMethod";
/// The property that holds a linked-data signature, which no proof covers (FEP-8b32).
const LINKED_DATA_SIGNATURE: &str = "signature";
