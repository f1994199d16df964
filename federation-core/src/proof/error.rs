//! Why a proof was not made, or proves nothing.

use thiserror::Error;

use crate::clock::Timestamp;
use crate::signature::SignError;

/// Why a proof was not made, or proves nothing.
///
/// None of these is worth a retry with the same document; a key that could not be had is the
/// directory's error and not one of these.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProofError {
    /// The document has no proof.
    #[error("the document has no proof")]
    Missing,
    /// The document has several proofs: which of them counts would be a guess (FEP-8b32).
    #[error("the document has {found} proofs where one is expected")]
    NotOne {
        /// How many there are.
        found: usize,
    },
    /// A property of the proof is missing or of another shape.
    #[error("`{property}` of the proof is not {expected}")]
    Malformed {
        /// The property.
        property: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// The proof is of another type or made with another cryptosuite.
    #[error("proofs with `{property}` = `{found}` are not supported")]
    Unsupported {
        /// The property.
        property: &'static str,
        /// Its value, cut to 64 characters.
        found: String,
    },
    /// The proof depends on something that a document alone does not have: an earlier proof, a
    /// security domain, a challenge.
    #[error("proofs with `{property}` are not supported")]
    Dependent {
        /// The property.
        property: &'static str,
    },
    /// The proof was made for another purpose than asserting the document.
    #[error("the proof was made for another purpose than `assertionMethod`")]
    WrongPurpose,
    /// The verification method is not an `http` or `https` id (a DID, for instance).
    #[error("the verification method `{found}` cannot be resolved here")]
    UnresolvableMethod {
        /// The method, cut to 255 characters.
        found: String,
    },
    /// The verification method lies on another origin than the document's owner.
    #[error("the verification method {method} lies elsewhere than the owner {owner}")]
    ForeignMethod {
        /// The method.
        method: String,
        /// The owner of the document.
        owner: String,
    },
    /// The document names no owner, or more than one.
    #[error("the document does not name one owner")]
    OwnerUnclear,
    /// The document's `@context` does not begin with that of the proof.
    #[error("the document's context does not begin with that of its proof")]
    ContextMismatch,
    /// The proof lies too far back.
    #[error("proven at {created}, which is too long ago")]
    TooOld {
        /// When it was made.
        created: Timestamp,
    },
    /// The proof lies ahead.
    #[error("proven at {created}, which lies in the future")]
    FromFuture {
        /// When it was made.
        created: Timestamp,
    },
    /// The proof has expired.
    #[error("the proof expired at {expired_at}")]
    Expired {
        /// When it expired.
        expired_at: Timestamp,
    },
    /// A whole number cannot be written as a double without changing it (RFC 8785 s3.2.2.3).
    #[error("the document has a whole number beyond 2^53, which has no canonical form")]
    InexactNumber,
    /// The document cannot be written canonically.
    #[error("the document has no canonical form: {reason}")]
    Canonical {
        /// What stood in the way.
        reason: String,
    },
    /// The key is not an Ed25519 key.
    #[error("an eddsa-jcs-2022 proof needs an Ed25519 key")]
    WrongKey,
    /// The proof does not verify under the key.
    #[error("the proof does not verify under its key")]
    Mismatch,
    /// The document to be proven has a proof or a linked-data signature already.
    #[error("the document has `{property}` already")]
    AlreadyPresent {
        /// The property.
        property: &'static str,
    },
    /// The key could not sign.
    #[error(transparent)]
    Signing(#[from] SignError),
}

impl ProofError {
    /// Whether the same document may be proven, or prove something, later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    /// Whether the proof says nothing either way, so that the document may be believed by other
    /// means, such as the signature of the request (FEP-8b32, "Proof verification").
    ///
    /// Every other error means that the document is not what its proof pretends, whatever else
    /// speaks for it: a proof comes before an HTTP signature.
    pub const fn is_inconclusive(&self) -> bool {
        matches!(
            self,
            Self::Missing
                | Self::NotOne { .. }
                | Self::Unsupported { .. }
                | Self::Dependent { .. }
                | Self::UnresolvableMethod { .. }
                | Self::TooOld { .. }
                | Self::Expired { .. }
        )
    }

    pub(super) const fn malformed(property: &'static str, expected: &'static str) -> Self {
        Self::Malformed { property, expected }
    }
}
