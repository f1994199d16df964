//! The one JSON reader for bytes from other servers: what is verified and what is used are the
//! same document (no second parser that could read it differently).
//!
//! Refused, because readers disagree about their meaning: a key that occurs twice in one object,
//! nesting deeper than [`MAX_DEPTH`], the character U+0000, lone surrogates, bytes that are not
//! UTF-8, numbers outside the range of a double, and anything after the document. Whole numbers
//! beyond 64 bits are read as the nearest double, as RFC 8259 s6 advises.

use std::cell::RefCell;
use std::fmt;

use serde::de::{self, DeserializeSeed, MapAccess, SeqAccess, Visitor};
use serde_json::map::Entry;
use serde_json::{Map, Number, Value};
use thiserror::Error;

/// Arrays and objects inside each other that are read at most.
pub const MAX_DEPTH: usize = 64;

/// Why bytes are not a JSON document that this crate reads.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ParseError {
    /// Not JSON by RFC 8259 (this includes lone surrogates, bad UTF-8 and numbers out of range).
    #[error("not valid JSON at line {line}, column {column}")]
    Syntax {
        /// Line of the fault, from 1.
        line: usize,
        /// Column of the fault in bytes, from 0.
        column: usize,
        /// What the JSON reader reported.
        #[source]
        source: serde_json::Error,
    },
    /// Arrays and objects nest deeper than [`MAX_DEPTH`].
    #[error("JSON nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// An object names a property twice.
    #[error("JSON object with the key {key:?} more than once")]
    DuplicateKey {
        /// The key, cut after 64 characters.
        key: String,
    },
    /// A string or key contains the character U+0000.
    #[error("JSON string with the character U+0000")]
    Nul,
    /// The document is something other than an object.
    #[error("a JSON document that is not an object")]
    NotAnObject,
}

impl ParseError {
    /// Whether the same bytes may be read later; never: their sender has to change them.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

/// Reads one JSON object strictly; the caller has bounded the length of `bytes`.
///
/// # Errors
/// [`ParseError`] for everything that the module text lists, and for a document that is not an
/// object.
///
/// # Security
/// Work and memory grow linearly with the length of `bytes`; recursion stops at [`MAX_DEPTH`].
pub fn parse(bytes: &[u8]) -> Result<Map<String, Value>, ParseError> {
    match parse_value(bytes)? {
        Value::Object(map) => Ok(map),
        _ => Err(ParseError::NotAnObject),
    }
}

/// Reads one JSON value of any kind under the rules of [`parse`].
///
/// # Errors
/// [`ParseError`], except that any kind of value is allowed.
pub fn parse_value(bytes: &[u8]) -> Result<Value, ParseError> {
    let fault = RefCell::new(None);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let strict = Strict {
        depth: 0,
        fault: &fault,
    };
    let read = strict
        .deserialize(&mut reader)
        .and_then(|value| reader.end().map(|()| value));
    read.map_err(|source| {
        fault.take().unwrap_or(ParseError::Syntax {
            line: source.line(),
            column: source.column(),
            source,
        })
    })
}

/// Reads one value at `depth`; a refusal of ours is put into `fault`, since the reader between
/// can only carry text.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: usize,
    fault: &'a RefCell<Option<ParseError>>,
}

impl Strict<'_> {
    fn refuse<E: de::Error>(self, error: ParseError) -> E {
        let shown = E::custom(&error);
        self.fault.replace(Some(error));
        shown
    }

    fn deeper<E: de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(self.refuse(ParseError::TooDeep));
        }
        Ok(Self {
            depth: self.depth + 1,
            fault: self.fault,
        })
    }

    fn text<E: de::Error>(self, text: String) -> Result<String, E> {
        if text.as_bytes().contains(&0) {
            return Err(self.refuse(ParseError::Nul));
        }
        Ok(text)
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: de::Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: de::Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: de::Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: de::Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: de::Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value)
            .map(Value::Number)
            .ok_or_else(|| E::custom("number out of range"))
    }

    fn visit_str<E: de::Error>(self, value: &str) -> Result<Value, E> {
        self.visit_string(value.to_owned())
    }

    fn visit_string<E: de::Error>(self, value: String) -> Result<Value, E> {
        self.text(value).map(Value::String)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inner)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        // Enough for nearly every document, whose table then need not grow; what is inside one may
        // be there a hundred thousand times and begins small.
        let mut map = if self.depth == 0 {
            Map::with_capacity(14)
        } else {
            Map::new()
        };
        while let Some(key) = entries.next_key::<String>()? {
            match map.entry(self.text(key)?) {
                Entry::Vacant(place) => {
                    place.insert(entries.next_value_seed(inner)?);
                }
                Entry::Occupied(first) => {
                    let key = first.key().chars().take(64).collect();
                    return Err(self.refuse(ParseError::DuplicateKey { key }));
                }
            }
        }
        Ok(Value::Object(map))
    }
}
