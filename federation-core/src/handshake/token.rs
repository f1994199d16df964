//! Secrets and ids of the handshake, all made from bytes that are handed in.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::sha::sha256;
use thiserror::Error;
use uuid::Uuid;

use crate::clock::Timestamp;

/// Characters of a token that are kept for operators to recognise it by.
const HINT_CHARACTERS: usize = 8;

/// Where random bytes come from.
pub trait Entropy: fmt::Debug + Send + Sync + 'static {
    /// Fills the whole slice.
    ///
    /// # Errors
    /// There are no random bytes to be had now.
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy>;
}

/// There are no random bytes to be had.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("no random bytes: {reason}")]
pub struct NoEntropy {
    /// What the source said.
    pub reason: String,
}

impl NoEntropy {
    /// Whether there may be random bytes later: yes.
    pub const fn is_retryable(&self) -> bool {
        true
    }
}

/// The random generator of OpenSSL, which the system seeds.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) -> Result<(), NoEntropy> {
        openssl::rand::rand_bytes(bytes).map_err(|stack| NoEntropy {
            reason: stack.to_string(),
        })
    }
}

/// A text that is not an id of the handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not an id")]
pub struct InvalidId;

impl InvalidId {
    /// Whether the same text may be an id later: never.
    pub const fn is_retryable(self) -> bool {
        false
    }
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// The id made at `now` from random bytes (UUID version 7, RFC 9562 s5.7).
            pub fn new(now: Timestamp, random: &[u8; 10]) -> Self {
                let millis = u64::try_from(now.as_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, random).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(formatter)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Reads the hyphenated form alone, in lower case: one id has one text.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let id = Uuid::try_parse(text).map_err(|_invalid| InvalidId)?;
                if id.hyphenated().to_string() == text {
                    Ok(Self(id))
                } else {
                    Err(InvalidId)
                }
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )+};
}

ids! {
    /// Names a challenge. It has 74 random bits, and only its holder is told of it.
    ChallengeId,
    /// Names a session; not a secret.
    SessionId
}

/// The value that the proof of a challenge has to be signed with: 256 random bits.
#[derive(Clone, PartialEq, Eq)]
pub struct Nonce(String);

impl Nonce {
    /// The nonce made of these random bytes: 43 characters of base64url (RFC 4648 s5).
    pub fn from_bytes(random: &[u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random))
    }

    /// A nonce that was stored or received.
    pub(crate) fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The text that is signed.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the text is this nonce; takes the same time wherever they differ.
    pub fn is(&self, text: &str) -> bool {
        same(self.0.as_bytes(), text.as_bytes())
    }
}

impl fmt::Debug for Nonce {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Nonce(..)")
    }
}

/// A session token: 256 random bits, shown once; its `Debug` shows nothing of it.
#[derive(Clone)]
pub struct SessionToken(String);

impl SessionToken {
    /// The token made of these random bytes: 43 characters of base64url (RFC 4648 s5).
    pub fn from_bytes(random: &[u8; 32]) -> Self {
        Self(URL_SAFE_NO_PAD.encode(random))
    }

    /// A token that an issuer has sent.
    pub(crate) fn from_text(text: String) -> Self {
        Self(text)
    }

    /// The text to send as a bearer token (RFC 6750).
    ///
    /// # Security
    /// Whoever has it may act in the session: never log it or put it into a URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first eight characters, by which people recognise the token.
    pub fn hint(&self) -> String {
        self.0.chars().take(HINT_CHARACTERS).collect()
    }

    /// What is stored of the token.
    pub fn hash(&self) -> TokenHash {
        TokenHash::of(&self.0)
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SessionToken(..)")
    }
}

/// The SHA-256 digest of a token's text: all that an issuer keeps of it.
#[derive(Clone, Copy)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The digest of a token as it was presented.
    pub fn of(token: &str) -> Self {
        Self(sha256(token.as_bytes()))
    }

    /// A stored digest; `None` when it has another length.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The digest itself.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for TokenHash {
    /// Takes the same time wherever they differ.
    fn eq(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl Eq for TokenHash {}

impl fmt::Debug for TokenHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("TokenHash(..)")
    }
}

/// Compares in a time that tells nothing but whether the lengths differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && openssl::memcmp::eq(one, other)
}
