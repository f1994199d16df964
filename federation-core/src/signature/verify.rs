//! The last step: a claim and a key become a verified signature, or nothing.

use url::Url;

use crate::clock::Timestamp;
use crate::metrics::{self, Stopwatch};
use crate::signature::{Algorithm, PublicKey, Scheme, SignatureError};

/// A signature that passed every check that needs no key, and waits for its key.
#[derive(Clone, Debug)]
pub struct SignatureClaim {
    pub(super) scheme: Scheme,
    pub(super) key_id: Url,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) signature: Vec<u8>,
    pub(super) signed_at: Timestamp,
    pub(super) nonce: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) covered: Vec<String>,
    pub(super) base: Vec<u8>,
    pub(super) queryless_base: Option<Vec<u8>>,
}

impl SignatureClaim {
    /// The id of the key to fetch.
    pub const fn key_id(&self) -> &Url {
        &self.key_id
    }

    /// The scheme in use.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// When it was signed, by the signer's clock.
    pub const fn signed_at(&self) -> Timestamp {
        self.signed_at
    }

    /// Whether the header of this name, in lower case, is signed.
    pub fn covers(&self, header: &str) -> bool {
        self.covered.iter().any(|name| name == header)
    }

    /// The bytes whose signature is claimed.
    pub fn signed_text(&self) -> &[u8] {
        &self.base
    }

    /// Holds the signature against the key.
    ///
    /// May be called again with another key, after a refresh.
    ///
    /// # Errors
    /// [`SignatureError::AlgorithmMismatch`] when the signature announced another algorithm than
    /// the key's, [`SignatureError::Mismatch`] when it does not verify.
    pub fn verify(&self, key: &PublicKey) -> Result<VerifiedSignature, SignatureError> {
        let watch = Stopwatch::start();
        let outcome = self.hold_against(key);
        metrics::signature_verified(self.scheme.name(), outcome.is_ok(), watch.elapsed());
        outcome
    }

    fn hold_against(&self, key: &PublicKey) -> Result<VerifiedSignature, SignatureError> {
        if let Some(labelled) = self.algorithm
            && labelled != key.algorithm()
        {
            return Err(SignatureError::AlgorithmMismatch {
                labelled,
                key: key.algorithm(),
            });
        }
        let query_covered = match (
            key.verify(&self.base, &self.signature),
            &self.queryless_base,
        ) {
            (Ok(()), _) => true,
            (Err(_), Some(queryless)) => {
                key.verify(queryless, &self.signature)?;
                false
            }
            (Err(fault), None) => return Err(fault),
        };
        Ok(VerifiedSignature {
            scheme: self.scheme,
            key_id: self.key_id.clone(),
            algorithm: key.algorithm(),
            signed_at: self.signed_at,
            nonce: self.nonce.clone(),
            tag: self.tag.clone(),
            query_covered,
        })
    }
}

/// Proof that a request was signed by a key; only [`SignatureClaim::verify`] makes it.
#[derive(Clone, Debug)]
pub struct VerifiedSignature {
    scheme: Scheme,
    key_id: Url,
    algorithm: Algorithm,
    signed_at: Timestamp,
    nonce: Option<String>,
    tag: Option<String>,
    query_covered: bool,
}

impl VerifiedSignature {
    /// The scheme in use.
    pub const fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The id of the key that signed.
    pub const fn key_id(&self) -> &Url {
        &self.key_id
    }

    /// The algorithm of the key.
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// When it was signed, by the signer's clock.
    pub const fn signed_at(&self) -> Timestamp {
        self.signed_at
    }

    /// The signed `nonce` (RFC 9421 s2.3).
    pub fn nonce(&self) -> Option<&str> {
        self.nonce.as_deref()
    }

    /// The signed `tag` (RFC 9421 s2.3).
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// Whether the query was signed; without one, it is.
    pub const fn query_covered(&self) -> bool {
        self.query_covered
    }
}
