//! Reading the members of a message, each with its own typed failure.

use std::str::FromStr;

use thiserror::Error;
use url::Url;

use super::MAX_MESSAGE_BYTES;
use crate::clock::Timestamp;
use crate::vocab::{self, Map, ParseError, Value, parse_id};

/// Why bytes are not a message of the handshake.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum MessageError {
    /// There are more bytes than are read.
    #[error("the message is longer than {MAX_MESSAGE_BYTES} bytes")]
    TooLong,
    /// The bytes broke off before the message was whole.
    #[error("the message broke off")]
    BrokenOff,
    /// The bytes are not one JSON object.
    #[error("the message is not a JSON object")]
    Json(#[from] ParseError),
    /// A member that has to be there is not.
    #[error("the member `{name}` is missing")]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// A member is of another type than it has to be.
    #[error("the member `{name}` is not {expected}")]
    WrongType {
        /// Its name.
        name: &'static str,
        /// What it has to be.
        expected: &'static str,
    },
    /// A member has a value that means nothing.
    #[error("the member `{name}` has a value that cannot be used")]
    Invalid {
        /// Its name.
        name: &'static str,
    },
    /// Both or neither of two members are there, of which there has to be one.
    #[error("precisely one of `token` and `session_id` has to be there")]
    NotOne,
}

impl MessageError {
    /// Whether the same bytes may be a message later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}

/// The members of a message.
pub(super) struct Fields(Map<String, Value>);

impl Fields {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, MessageError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(MessageError::TooLong);
        }
        Ok(Self(vocab::parse(bytes)?))
    }

    /// A member that is neither absent nor null.
    pub(super) fn optional(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn required(&self, name: &'static str) -> Result<&Value, MessageError> {
        self.optional(name).ok_or(MessageError::Missing { name })
    }

    pub(super) fn truth(&self, name: &'static str) -> Result<bool, MessageError> {
        let expected = "true or false";
        let value = self.required(name)?.as_bool();
        value.ok_or(MessageError::WrongType { name, expected })
    }

    /// A text of at most `limit` bytes.
    pub(super) fn text(&self, name: &'static str, limit: usize) -> Result<&str, MessageError> {
        text(self.required(name)?, name, limit)
    }

    /// A text that can stand in a header as it is: visible ASCII, at least one character.
    pub(super) fn printable(&self, name: &'static str, limit: usize) -> Result<&str, MessageError> {
        let text = self.text(name, limit)?;
        let visible = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible {
            Ok(text)
        } else {
            Err(MessageError::Invalid { name })
        }
    }

    pub(super) fn parsed<T: FromStr>(&self, name: &'static str) -> Result<T, MessageError> {
        let text = self.text(name, 64)?;
        text.parse()
            .map_err(|_unread| MessageError::Invalid { name })
    }

    pub(super) fn optional_url(&self, name: &'static str) -> Result<Option<Url>, MessageError> {
        let Some(value) = self.optional(name) else {
            return Ok(None);
        };
        let text = text(value, name, vocab::MAX_ID_BYTES)?;
        match parse_id(text) {
            Some(url) => Ok(Some(url)),
            None => Err(MessageError::Invalid { name }),
        }
    }

    pub(super) fn url(&self, name: &'static str) -> Result<Url, MessageError> {
        self.optional_url(name)?
            .ok_or(MessageError::Missing { name })
    }

    /// A moment as RFC 3339 writes it.
    pub(super) fn time(&self, name: &'static str) -> Result<Timestamp, MessageError> {
        Timestamp::parse_rfc3339(self.text(name, 64)?).ok_or(MessageError::Invalid { name })
    }

    /// A moment in whole seconds since 1970.
    pub(super) fn seconds(&self, name: &'static str) -> Result<Timestamp, MessageError> {
        let expected = "a whole number of seconds";
        let value = self.required(name)?.as_i64();
        let seconds = value.ok_or(MessageError::WrongType { name, expected })?;
        Ok(Timestamp::from_millis(seconds.saturating_mul(1000)))
    }

    /// A list of one to `limit` names.
    pub(super) fn names(
        &self,
        name: &'static str,
        limit: usize,
    ) -> Result<Vec<&str>, MessageError> {
        let expected = "a list of names";
        let list = self.required(name)?.as_array();
        let list = list.ok_or(MessageError::WrongType { name, expected })?;
        if list.is_empty() || list.len() > limit {
            return Err(MessageError::Invalid { name });
        }
        list.iter().map(|item| text(item, name, 64)).collect()
    }
}

fn text<'v>(value: &'v Value, name: &'static str, limit: usize) -> Result<&'v str, MessageError> {
    let expected = "a text";
    let text = value
        .as_str()
        .ok_or(MessageError::WrongType { name, expected })?;
    if text.len() > limit {
        return Err(MessageError::Invalid { name });
    }
    Ok(text)
}
