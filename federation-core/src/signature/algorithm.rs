//! The signature algorithms in use, and the names each scheme has for them.

use std::fmt;

use crate::signature::error::excerpt;
use crate::signature::{Scheme, SignatureError};

/// A signature algorithm; always taken from the key, never from a label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(
    clippy::exhaustive_enums,
    reason = "a new algorithm changes every verifier"
)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 8017 s8.2).
    RsaSha256,
    /// Ed25519 (RFC 8032).
    Ed25519,
}

impl Algorithm {
    /// The name by which a signature of the given scheme announces this algorithm.
    ///
    /// Draft-cavage has no registered name for Ed25519 other than `hs2019`.
    pub const fn label(self, scheme: Scheme) -> &'static str {
        match (scheme, self) {
            (Scheme::Cavage, Self::RsaSha256) => "rsa-sha256",
            (Scheme::Cavage, Self::Ed25519) => "hs2019",
            (Scheme::Rfc9421, Self::RsaSha256) => "rsa-v1_5-sha256",
            (Scheme::Rfc9421, Self::Ed25519) => "ed25519",
        }
    }

    /// Reads a label; `None` when the label leaves the choice to the key (`hs2019`).
    ///
    /// # Errors
    /// Every name that is symmetric, weak or unknown, among them `hmac-sha256` and `rsa-sha1`.
    pub(super) fn from_label(scheme: Scheme, label: &str) -> Result<Option<Self>, SignatureError> {
        match (scheme, label) {
            (Scheme::Cavage, "hs2019") => Ok(None),
            (Scheme::Cavage, "rsa-sha256") | (Scheme::Rfc9421, "rsa-v1_5-sha256") => {
                Ok(Some(Self::RsaSha256))
            }
            (_, "ed25519") => Ok(Some(Self::Ed25519)),
            _ => Err(SignatureError::UnsupportedAlgorithm {
                label: excerpt(label, 64),
            }),
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::RsaSha256 => "RSA with SHA-256",
            Self::Ed25519 => "Ed25519",
        })
    }
}
