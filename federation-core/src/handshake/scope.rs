//! What a session allows: [`Scope`], and sets of them as [`Scopes`].

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// One thing that a session may allow (scope tokens of RFC 6749 s3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Scope {
    /// `chat:read`: read channels as the subject.
    ChatRead,
    /// `chat:write`: write to channels as the subject.
    ChatWrite,
    /// `voice:join`: join voice rooms as the subject.
    VoiceJoin,
    /// `stream`: open the push stream.
    Stream,
}

impl Scope {
    /// Every scope, in the order in which they are written.
    pub const ALL: [Self; 4] = [
        Self::ChatRead,
        Self::ChatWrite,
        Self::VoiceJoin,
        Self::Stream,
    ];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChatRead => "chat:read",
            Self::ChatWrite => "chat:write",
            Self::VoiceJoin => "voice:join",
            Self::Stream => "stream",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::ChatRead => 1,
            Self::ChatWrite => 2,
            Self::VoiceJoin => 4,
            Self::Stream => 8,
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// A text that names no scope.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("there is no scope {name:?}")]
pub struct UnknownScope {
    /// The text, cut to 64 characters.
    pub name: String,
}

impl UnknownScope {
    /// Whether the same text may name a scope later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        let found = Self::ALL.into_iter().find(|scope| scope.as_str() == text);
        found.ok_or_else(|| UnknownScope {
            name: text.chars().take(64).collect(),
        })
    }
}

/// A set of scopes.
///
/// Written as text with spaces between (RFC 6749 s3.3), and as a list of names in JSON and in
/// settings, always in the order of [`Scope::ALL`].
///
/// ```
/// use federation_core::handshake::{Scope, Scopes};
///
/// let asked: Scopes = "stream chat:read".parse().unwrap();
/// let offered = Scopes::from(Scope::Stream);
/// assert_eq!(asked.to_string(), "chat:read stream");
/// assert_eq!(asked.intersection(offered).to_string(), "stream");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Scopes(u8);

impl Scopes {
    /// No scope at all.
    pub const NONE: Self = Self(0);
    /// Every scope.
    pub const ALL: Self = Self(15);

    /// The same set with this scope in it.
    #[must_use]
    pub const fn with(self, scope: Scope) -> Self {
        Self(self.0 | scope.bit())
    }

    /// Whether the scope is in the set.
    pub const fn contains(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }

    /// What is in both sets.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether everything in this set is in the other.
    pub const fn is_subset_of(self, other: Self) -> bool {
        self.0 & other.0 == self.0
    }

    /// Whether nothing is in the set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The scopes in the set, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL
            .into_iter()
            .filter(move |scope| self.contains(*scope))
    }

    /// The scopes among these names that are known here; all others are passed over.
    pub fn known_in<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        names
            .into_iter()
            .filter_map(|name| name.parse::<Scope>().ok())
            .collect()
    }
}

impl From<Scope> for Scopes {
    fn from(scope: Scope) -> Self {
        Self::NONE.with(scope)
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        scopes.into_iter().fold(Self::NONE, Self::with)
    }
}

impl FromStr for Scopes {
    type Err = UnknownScope;

    /// Reads names with spaces between; the empty text is the empty set.
    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        text.split(' ')
            .filter(|name| !name.is_empty())
            .map(str::parse)
            .collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, scope) in self.iter().enumerate() {
            if place > 0 {
                formatter.write_str(" ")?;
            }
            formatter.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.iter()).finish()
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Scope::as_str))
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let scopes = names.iter().map(|name| name.parse());
        scopes
            .collect::<Result<_, UnknownScope>>()
            .map_err(de::Error::custom)
    }
}
