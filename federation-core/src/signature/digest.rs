//! Digests of bodies: the `Digest` header (RFC 3230) and `Content-Digest` (RFC 9530).

use std::fmt;

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig, STANDARD};
use openssl::sha::sha256;

use crate::signature::SignatureError;

/// Header of the older scheme.
pub(super) const DIGEST: &str = "digest";
/// Header of RFC 9530.
pub(super) const CONTENT_DIGEST: &str = "content-digest";

/// Base64 that also reads text without its padding, as some senders write it.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The SHA-256 digest of a body, computed once for any number of requests.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BodyDigest([u8; 32]);

impl BodyDigest {
    /// Hashes the bytes of a body.
    pub fn of(body: &[u8]) -> Self {
        Self(sha256(body))
    }

    /// The digest itself.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The value of a `Digest` header (RFC 3230).
    pub fn to_digest_header(&self) -> String {
        format!("SHA-256={}", STANDARD.encode(self.0))
    }

    /// The value of a `Content-Digest` header (RFC 9530 s2).
    pub fn to_content_digest_header(&self) -> String {
        format!("sha-256=:{}:", STANDARD.encode(self.0))
    }

    /// Holds the value of a `Digest` header against this digest.
    ///
    /// Algorithms other than SHA-256 are passed over; the name may be in any case.
    ///
    /// # Errors
    /// A malformed value, no SHA-256 in it, several of them, or another digest.
    pub fn check_digest_header(&self, value: &str) -> Result<(), SignatureError> {
        let mut claimed = None;
        for entry in value.split(',') {
            let (name, encoded) = entry.trim().split_once('=').ok_or(malformed(DIGEST))?;
            if name.trim().eq_ignore_ascii_case("sha-256")
                && claimed.replace(encoded.trim()).is_some()
            {
                return Err(malformed(DIGEST));
            }
        }
        self.check(claimed, DIGEST)
    }

    /// Holds the value of a `Content-Digest` header against this digest.
    ///
    /// # Errors
    /// As [`BodyDigest::check_digest_header`].
    pub fn check_content_digest_header(&self, value: &str) -> Result<(), SignatureError> {
        let mut claimed = None;
        for entry in value.split(',') {
            let (name, encoded) = entry
                .trim()
                .split_once('=')
                .ok_or(malformed(CONTENT_DIGEST))?;
            if name != "sha-256" {
                continue;
            }
            let encoded = encoded
                .strip_prefix(':')
                .and_then(|rest| rest.strip_suffix(':'))
                .ok_or(malformed(CONTENT_DIGEST))?;
            if claimed.replace(encoded).is_some() {
                return Err(malformed(CONTENT_DIGEST));
            }
        }
        self.check(claimed, CONTENT_DIGEST)
    }

    fn check(&self, claimed: Option<&str>, header: &'static str) -> Result<(), SignatureError> {
        let claimed = claimed.ok_or(SignatureError::DigestUnsupported { header })?;
        let mut bytes = [0; 33];
        let length = LENIENT
            .decode_slice(claimed, &mut bytes)
            .map_err(|_fault| malformed(header))?;
        let bytes = bytes.get(..length).unwrap_or_default();
        if bytes.len() != self.0.len() {
            return Err(malformed(header));
        }
        if openssl::memcmp::eq(bytes, &self.0) {
            Ok(())
        } else {
            Err(SignatureError::DigestMismatch { header })
        }
    }
}

impl fmt::Debug for BodyDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "BodyDigest({})", STANDARD.encode(self.0))
    }
}

const fn malformed(header: &'static str) -> SignatureError {
    SignatureError::DigestMalformed { header }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BODY: &[u8] = br#"{"hello": "world"}"#;

    #[test]
    fn writes_the_published_vector() {
        let digest = BodyDigest::of(BODY);
        assert_eq!(
            digest.to_content_digest_header(),
            "sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:"
        );
        assert_eq!(
            digest.to_digest_header(),
            "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="
        );
    }

    #[test]
    fn reads_what_servers_write() {
        let digest = BodyDigest::of(BODY);
        for value in [
            "SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=",
            "sha-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=",
            "sha-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE",
            "MD5=AAAA, SHA-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=",
        ] {
            assert_eq!(digest.check_digest_header(value), Ok(()), "{value}");
        }
        let list = "sha-512=:AAAA:, sha-256=:X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE=:";
        assert_eq!(digest.check_content_digest_header(list), Ok(()));
    }

    #[test]
    fn refuses_each_fault_by_its_name() {
        let digest = BodyDigest::of(BODY);
        let good = digest.to_digest_header();
        for (value, expected) in [
            ("", malformed(DIGEST)),
            ("SHA-256", malformed(DIGEST)),
            ("SHA-256=*", malformed(DIGEST)),
            ("SHA-256=AAAA", malformed(DIGEST)),
            (format!("{good}, {good}").as_str(), malformed(DIGEST)),
            (
                "MD5=AAAA",
                SignatureError::DigestUnsupported { header: DIGEST },
            ),
            (
                BodyDigest::of(b"other").to_digest_header().as_str(),
                SignatureError::DigestMismatch { header: DIGEST },
            ),
        ] {
            assert_eq!(digest.check_digest_header(value), Err(expected), "{value}");
        }
        assert_eq!(
            digest.check_content_digest_header(
                "sha-256=X48E9qOokqqrvdts8nOJRJN3OWDUoyWxBf7kbu9DBPE="
            ),
            Err(malformed(CONTENT_DIGEST))
        );
    }

    proptest! {
        #[test]
        fn never_panics(value in "\\PC{0,120}") {
            let digest = BodyDigest::of(BODY);
            let _ = digest.check_digest_header(&value);
            let _ = digest.check_content_digest_header(&value);
        }

        #[test]
        fn no_other_body_passes(body in proptest::collection::vec(any::<u8>(), 0..64)) {
            prop_assume!(body != BODY);
            let value = BodyDigest::of(BODY).to_digest_header();
            prop_assert!(BodyDigest::of(&body).check_digest_header(&value).is_err());
        }
    }
}
