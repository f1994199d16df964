//! Which part of a collection a request asks for.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use url::{Url, form_urlencoded};

/// Entries of a page when nothing else is set.
pub const PAGE_ITEMS: usize = 50;

/// Entries of a page at most.
pub const MAX_PAGE: usize = 200;

/// Bytes of a cursor at most.
pub const MAX_CURSOR_BYTES: usize = 128;

/// Names an entry of a collection in the URL of a page: letters, digits, `-`, `.`, `_` and `~`
/// (RFC 3986 s2.3). What it means is the source's own.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor(String);

impl Cursor {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

/// A text that is no cursor, or no place in a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a place in a collection")]
pub struct InvalidCursor;

impl InvalidCursor {
    /// Whether the same text may be a cursor later: never.
    pub const fn is_retryable(self) -> bool {
        false
    }
}

impl FromStr for Cursor {
    type Err = InvalidCursor;

    fn from_str(text: &str) -> Result<Self, InvalidCursor> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let fits = !text.is_empty() && text.len() <= MAX_CURSOR_BYTES;
        if fits && text.bytes().all(plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidCursor)
        }
    }
}

/// Where a page begins.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Position {
    /// At the start of the collection, which is its newest entry.
    #[default]
    Start,
    /// With the entries that follow this one in the collection: older ones.
    Before(Cursor),
    /// With the entries that stand directly ahead of this one: newer ones.
    After(Cursor),
}

/// One page of a collection: where it begins, and how many entries it has at most.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    position: Position,
    limit: usize,
}

impl Cut {
    /// A page of up to `limit` entries, between 1 and [`MAX_PAGE`].
    pub fn new(position: Position, limit: usize) -> Self {
        Self {
            position,
            limit: limit.clamp(1, MAX_PAGE),
        }
    }

    /// Where the page begins.
    pub const fn position(&self) -> &Position {
        &self.position
    }

    /// Entries at most.
    pub const fn limit(&self) -> usize {
        self.limit
    }

    /// Reads the query of a request: `page`, with `before` or `after` for any page but the first.
    /// `None` when it asks for the collection as a whole. Other parameters are passed over.
    ///
    /// # Errors
    /// [`InvalidCursor`] for a cursor that is none, for one that is given twice, and for both
    /// directions at once.
    pub fn from_query(query: Option<&str>) -> Result<Option<Self>, InvalidCursor> {
        let mut is_page = false;
        let mut position = Position::Start;
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let found = match name.as_ref() {
                "page" => {
                    is_page = true;
                    continue;
                }
                "before" => Position::Before(value.parse()?),
                "after" => Position::After(value.parse()?),
                _ => continue,
            };
            if position != Position::Start {
                return Err(InvalidCursor);
            }
            position = found;
        }
        Ok(is_page.then(|| Self::new(position, PAGE_ITEMS)))
    }

    /// The URL of a page of the collection `id`.
    pub(super) fn url(id: &Url, position: &Position) -> Url {
        let mut url = id.clone();
        let mut query = url.query_pairs_mut();
        query.clear().append_pair("page", "true");
        match position {
            Position::Start => {}
            Position::Before(cursor) => {
                query.append_pair("before", cursor.as_str());
            }
            Position::After(cursor) => {
                query.append_pair("after", cursor.as_str());
            }
        }
        drop(query);
        url
    }
}
