//! Where a page of found messages begins or ends.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, Schema};

/// A found message, as pages are cut at it.
///
/// Cursors hold nothing but places in an order: whoever writes one gets another part of what they
/// may find anyway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SearchCursor {
    /// How well it answers; 0 where that does not count.
    pub(super) score: u32,
    /// Its number.
    pub(super) number: i64,
    /// The newest message that had a part in the order; what comes later does not change it.
    pub(super) newest: i64,
}

/// The text is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a cursor of a search")]
pub struct InvalidCursor;

impl SearchCursor {
    /// A message in the order of time.
    pub(super) fn at(number: i64) -> Self {
        Self {
            score: 0,
            number,
            newest: 0,
        }
    }

    /// What tells before which others it stands: better ones first, then newer ones.
    pub(super) fn place(self) -> (u32, i64) {
        (self.score, self.number)
    }
}

impl fmt::Display for SearchCursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            score,
            number,
            newest,
        } = self;
        write!(formatter, "{score:x}.{number:x}.{newest:x}")
    }
}

impl FromStr for SearchCursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let mut parts = text.split('.');
        let mut part = || {
            let digits = parts.next().ok_or(InvalidCursor)?;
            let is_plain = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            let value = i64::from_str_radix(digits, 16).ok().filter(|_| is_plain);
            value.ok_or(InvalidCursor)
        };
        let (score, number, newest) = (part()?, part()?, part()?);
        let score = u32::try_from(score).map_err(|_too_large| InvalidCursor)?;
        if parts.next().is_some() {
            return Err(InvalidCursor);
        }
        Ok(Self {
            score,
            number,
            newest,
        })
    }
}

impl Serialize for SearchCursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for SearchCursor {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl utoipa::PartialSchema for SearchCursor {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .schema_type(Type::String)
            .pattern(Some(
                "^[0-9a-f]{1,8}[.][0-7]?[0-9a-f]{1,15}[.][0-7]?[0-9a-f]{1,15}$",
            ))
            .into()
    }
}

impl utoipa::ToSchema for SearchCursor {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursors_read_back() {
        let cursor = SearchCursor {
            score: 4096,
            number: i64::MAX,
            newest: 1,
        };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        for wrong in [
            "",
            "1.2",
            "1.2.3.4",
            "-1.2.3",
            "+1.2.3",
            "g.1.1",
            "1ffffffff.1.1",
        ] {
            assert_eq!(wrong.parse::<SearchCursor>(), Err(InvalidCursor), "{wrong}");
        }
    }
}
