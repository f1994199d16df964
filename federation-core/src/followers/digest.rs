//! The digest of a set of followers: the SHA-256 of each id, all of them combined by XOR.

use std::fmt;
use std::str::FromStr;

use openssl::sha::sha256;
use thiserror::Error;
use url::Url;

/// The digest of a set of followers (FEP-8fcf, "Partial follower collection digest").
///
/// The order does not matter, and one follower is added or taken away without knowing the others:
/// both are the same operation, so adding twice takes away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct FollowersDigest([u8; 32]);

/// A text that is not a digest.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("not a digest of 64 hexadecimal digits")]
pub struct InvalidDigest;

impl InvalidDigest {
    /// Whether the same text may be a digest later: never.
    pub const fn is_retryable(self) -> bool {
        false
    }
}

impl FollowersDigest {
    /// The digest after one follower was added, or, having been there, taken away.
    pub fn toggle(&mut self, follower: &Url) {
        let hash = sha256(follower.as_str().as_bytes());
        for (byte, other) in self.0.iter_mut().zip(hash) {
            *byte ^= other;
        }
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl<'a> FromIterator<&'a Url> for FollowersDigest {
    fn from_iter<I: IntoIterator<Item = &'a Url>>(followers: I) -> Self {
        let mut digest = Self::default();
        for follower in followers {
            digest.toggle(follower);
        }
        digest
    }
}

impl fmt::Display for FollowersDigest {
    /// 64 hexadecimal digits, lower case.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl FromStr for FollowersDigest {
    type Err = InvalidDigest;

    /// 64 hexadecimal digits of either case.
    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        if text.len() != 64 {
            return Err(InvalidDigest);
        }
        let mut digest = Self::default();
        let digits = text.as_bytes().chunks_exact(2);
        for (byte, pair) in digest.0.iter_mut().zip(digits) {
            let [high, low] = pair else {
                return Err(InvalidDigest);
            };
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Ok(digest)
    }
}

fn nibble(digit: u8) -> Result<u8, InvalidDigest> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(InvalidDigest),
    }
}
