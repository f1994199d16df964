//! What can be wrong with a key or a signature; every failure has its own variant.

use openssl::error::ErrorStack;
use thiserror::Error;

use crate::clock::Timestamp;
use crate::signature::{Algorithm, KeyIdFault};

/// Why key material was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyError {
    /// The text or bytes are longer than any key of a permitted size.
    #[error("the key is longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The bytes are not a key in the expected encoding.
    #[error("the key cannot be decoded as {encoding}")]
    Undecodable {
        /// The expected encoding.
        encoding: &'static str,
    },
    /// The key is of a kind that signs nothing here (DSA, EC, X25519, RSA-PSS, ...).
    #[error("the key is neither RSA nor Ed25519")]
    UnsupportedKind,
    /// The key is of a supported kind, but not of the kind asked for.
    #[error("the key is not of the kind {expected}")]
    OtherKind {
        /// The kind asked for.
        expected: Algorithm,
    },
    /// The RSA modulus has fewer than 2048 or more than 8192 bits, or is even.
    #[error("an RSA key of {bits} bits is not accepted (2048 to 8192, odd modulus)")]
    RsaModulus {
        /// Length of the modulus, in bits.
        bits: i32,
    },
    /// The RSA public exponent is even, below 65537 or longer than 33 bits.
    #[error("this RSA public exponent is not accepted (odd, 65537 or more, at most 33 bits)")]
    RsaExponent,
    /// The Ed25519 point has a small order, under which signatures prove nothing.
    #[error("this Ed25519 public key has a small order")]
    SmallOrder,
    /// OpenSSL could not make the key.
    #[error("OpenSSL could not make the key: {reason}")]
    Generation {
        /// What OpenSSL said.
        reason: String,
    },
}

impl KeyError {
    /// Whether the same key may be taken, or another one made, later: only where OpenSSL failed to make
    /// one.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Generation { .. })
    }
}

/// Why a request could not be signed.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignError {
    /// OpenSSL refused to sign.
    #[error("OpenSSL could not sign: {reason}")]
    Signing {
        /// What OpenSSL said.
        reason: String,
    },
    /// The target has no host.
    #[error("the request target has no host")]
    NoHost,
    /// A value cannot stand in a header (control or non-ASCII characters).
    #[error("the value for the header `{header}` has characters that headers cannot carry")]
    HeaderValue {
        /// Name of the header.
        header: &'static str,
    },
    /// There is no key to sign with.
    #[error("there is no key to sign with: {reason}")]
    NoKey {
        /// What went wrong.
        reason: String,
    },
}

impl SignError {
    /// Whether the same request may be signed later: never, with the same key.
    pub const fn is_retryable(&self) -> bool {
        false
    }

    pub(super) fn signing(errors: &ErrorStack) -> Self {
        Self::Signing {
            reason: errors.to_string(),
        }
    }
}

/// Why the signature of a request was refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum SignatureError {
    /// The request carries no signature.
    #[error("the request is not signed")]
    Missing,
    /// A header that must stand once stands several times, or two carriers compete.
    #[error("the header `{header}` is ambiguous: it stands more than once, or beside a rival")]
    Ambiguous {
        /// Name of the header.
        header: &'static str,
    },
    /// A header needed for the check has characters outside visible ASCII or is too long.
    #[error("the header `{header}` cannot be read")]
    Unreadable {
        /// Name of the header.
        header: &'static str,
    },
    /// The signature header does not follow its grammar.
    #[error("the header `{header}` is malformed: {reason}")]
    Malformed {
        /// Name of the header.
        header: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A parameter that must be there is absent.
    #[error("the signature has no `{name}`")]
    ParameterMissing {
        /// Name of the parameter.
        name: &'static str,
    },
    /// The key id is not a URL that can be trusted to name a key.
    #[error("the key id is not acceptable: {0}")]
    KeyId(#[from] KeyIdFault),
    /// The named algorithm is unknown, weak or symmetric.
    #[error("the signature algorithm `{label}` is not accepted")]
    UnsupportedAlgorithm {
        /// The label, cut to 64 characters.
        label: String,
    },
    /// The named algorithm is not the one the key belongs to.
    #[error("the signature says {labelled} but its key is {key}")]
    AlgorithmMismatch {
        /// What the signature says.
        labelled: Algorithm,
        /// What the key is.
        key: Algorithm,
    },
    /// Several signatures stand where one is expected, or the two headers name different ones.
    #[error("exactly one signature is expected")]
    NotOneSignature,
    /// A covered component is of a kind that is not supported.
    #[error("the component `{name}` is not supported")]
    UnsupportedComponent {
        /// The component, cut to 64 characters.
        name: String,
    },
    /// A component is listed twice.
    #[error("the component `{name}` is covered twice")]
    DuplicateComponent {
        /// The component, cut to 64 characters.
        name: String,
    },
    /// More components are listed than any honest sender lists.
    #[error("the signature covers more than {limit} components")]
    TooManyComponents {
        /// The limit.
        limit: usize,
    },
    /// Something that must be signed is not.
    #[error("the signature does not cover {part}")]
    NotCovered {
        /// What is missing.
        part: Coverage,
    },
    /// A covered header is not in the request.
    #[error("the signature covers the header `{name}`, which the request does not have")]
    HeaderMissing {
        /// Name of the header, cut to 64 characters.
        name: String,
    },
    /// The time of signing lies too far back.
    #[error("signed at {signed_at}, which is too long ago")]
    TooOld {
        /// When it was signed.
        signed_at: Timestamp,
    },
    /// The time of signing lies too far ahead.
    #[error("signed at {signed_at}, which lies in the future")]
    FromFuture {
        /// When it was signed.
        signed_at: Timestamp,
    },
    /// The signature's own expiry has passed.
    #[error("the signature expired at {expired_at}")]
    Expired {
        /// When it expired.
        expired_at: Timestamp,
    },
    /// The signed date is not a date.
    #[error("the signed date cannot be read")]
    UnreadableDate,
    /// The request was made for another host (or a proxy did not pass on the Host header).
    #[error("the request is addressed to `{received}`, not to `{own}`")]
    WrongHost {
        /// What the request says, cut to 255 characters.
        received: String,
        /// The authority of this server.
        own: String,
    },
    /// The digest header lists no algorithm that is accepted (SHA-256).
    #[error("the header `{header}` has no SHA-256 digest")]
    DigestUnsupported {
        /// Name of the header.
        header: &'static str,
    },
    /// The digest header does not follow its grammar.
    #[error("the header `{header}` is malformed")]
    DigestMalformed {
        /// Name of the header.
        header: &'static str,
    },
    /// The body is not the one that was signed.
    #[error("the body does not match its digest in `{header}`")]
    DigestMismatch {
        /// Name of the header.
        header: &'static str,
    },
    /// The `tag` of the signature is not the one required.
    #[error("the signature is not tagged for this use")]
    WrongTag,
    /// The signature does not verify under the key.
    #[error("the signature does not verify under its key")]
    Mismatch,
}

impl SignatureError {
    /// Whether the same request may pass later: never. Whoever tries again signs again.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

/// A part of the request that a signature must cover.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum Coverage {
    /// The method.
    #[error("the method")]
    Method,
    /// The path and query.
    #[error("the target")]
    Target,
    /// The host.
    #[error("the host")]
    Host,
    /// The time of signing.
    #[error("the time of signing")]
    Time,
    /// The digest of the body.
    #[error("the digest of the body")]
    Digest,
}

/// At most the first `limit` characters of remote text, for use in an error.
pub(super) fn excerpt(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}
