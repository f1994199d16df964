//! A value that is never shown: not in logs, errors, debug output or printed configuration (I10).

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// What stands wherever a secret would be shown.
const REDACTED: &str = "[redacted]";

/// Holds a secret and hands it out only through [`Secret::expose`].
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Takes a value into secrecy.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself.
    ///
    /// # Security
    /// Every call is a place where the secret could leak: pass it straight to its one use.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(REDACTED)
    }
}

impl<T> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}
