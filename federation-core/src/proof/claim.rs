//! A proof before and after its key was seen.

use std::fmt;

use url::Url;

use super::error::ProofError;
use crate::clock::Timestamp;
use crate::metrics::{self, Stopwatch};
use crate::signature::{Algorithm, PublicKey};

/// A proof that passed every check which needs no key.
#[derive(Clone)]
pub struct ProofClaim {
    pub(super) signed: [u8; 64],
    pub(super) signature: [u8; 64],
    pub(super) verification_method: Url,
    pub(super) owner: Url,
    pub(super) created: Option<Timestamp>,
}

impl ProofClaim {
    /// The id of the key, on the owner's origin; resolve it to verify.
    pub const fn verification_method(&self) -> &Url {
        &self.verification_method
    }

    /// Whose the document is by its own account: the key has to be this actor's.
    pub const fn owner(&self) -> &Url {
        &self.owner
    }

    /// When the proof was made, where it says so.
    pub const fn created(&self) -> Option<Timestamp> {
        self.created
    }

    /// Holds the proof against a key.
    ///
    /// # Errors
    /// [`ProofError::WrongKey`] for a key that is not Ed25519, [`ProofError::Mismatch`] unless the
    /// signature is good.
    ///
    /// # Security
    /// The key must be the one that the actor [`ProofClaim::owner`] lists under
    /// [`ProofClaim::verification_method`]; nothing here can tell.
    pub fn verify(&self, key: &PublicKey) -> Result<VerifiedProof, ProofError> {
        if key.algorithm() != Algorithm::Ed25519 {
            return Err(ProofError::WrongKey);
        }
        let watch = Stopwatch::start();
        let outcome = key.verify(&self.signed, &self.signature);
        metrics::signature_verified("eddsa-jcs-2022", outcome.is_ok(), watch.elapsed());
        outcome.map_err(|_mismatch| ProofError::Mismatch)?;
        Ok(VerifiedProof {
            verification_method: self.verification_method.clone(),
            owner: self.owner.clone(),
            created: self.created,
        })
    }
}

impl fmt::Debug for ProofClaim {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ProofClaim")
            .field("verification_method", &self.verification_method.as_str())
            .field("owner", &self.owner.as_str())
            .field("created", &self.created)
            .finish_non_exhaustive()
    }
}

/// A proof that verified under a key; only [`ProofClaim::verify`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedProof {
    verification_method: Url,
    owner: Url,
    created: Option<Timestamp>,
}

impl VerifiedProof {
    /// The id of the key that it verified under.
    pub const fn verification_method(&self) -> &Url {
        &self.verification_method
    }

    /// Whose the document is.
    pub const fn owner(&self) -> &Url {
        &self.owner
    }

    /// When the proof was made, where it says so.
    pub const fn created(&self) -> Option<Timestamp> {
        self.created
    }
}
