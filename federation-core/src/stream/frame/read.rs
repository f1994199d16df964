//! From messages to frames, strictly.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use serde_json::{Map, Value};
use url::Url;

use super::ephemeral::{Ephemeral, EphemeralKind, EphemeralKinds, PresenceState};
use super::{
    Ack, ActivityFrame, Frame, FrameError, Hello, MAX_CODE, MAX_HEAD_BYTES, MAX_HEADERS, MAX_SEQ,
    MAX_TEXT_BYTES,
};
use crate::metrics::{self, Direction};
use crate::vocab;

/// Longest URL of an ephemeral frame, in bytes, as it is sent and as URLs are normalised.
const MAX_URL: usize = 2048;
/// Longest target of an activity, in bytes.
const MAX_TARGET: usize = 4096;
/// Names of kinds in a `hello` at most; unknown ones are passed over.
const MAX_KINDS: usize = 32;

impl Frame {
    /// Reads a text message.
    ///
    /// # Errors
    /// See [`FrameError`].
    ///
    /// # Security
    /// Work and memory are linear in the length, which is checked first.
    pub fn from_text(text: &str) -> Result<Self, FrameError> {
        let object = object(text.as_bytes(), MAX_TEXT_BYTES)?;
        let frame = match member(&object, "op")?.as_str() {
            Some("hello") => Self::Hello(hello(&object)?),
            Some("ack") => Self::Ack(ack(&object)?),
            Some("ephemeral") => Self::Ephemeral(ephemeral(&object)?),
            _ => return Err(FrameError::Op),
        };
        metrics::stream_frame(Direction::In, frame.kind());
        Ok(frame)
    }

    /// Reads a binary message; the body is a slice of it, not a copy.
    ///
    /// # Errors
    /// See [`FrameError`]. The length of the body is the caller's to bound.
    ///
    /// # Security
    /// Nothing is believed of the headers but that a request could carry them.
    pub fn from_binary(message: &Bytes) -> Result<Self, FrameError> {
        let head = message.len().min(MAX_HEAD_BYTES.saturating_add(1));
        let head = message.get(..head).unwrap_or_default();
        let Some(end) = head.iter().position(|byte| *byte == b'\n') else {
            return Err(if message.len() > MAX_HEAD_BYTES {
                FrameError::TooLong {
                    limit: MAX_HEAD_BYTES,
                }
            } else {
                FrameError::NoBody
            });
        };
        let object = object(head.get(..end).unwrap_or_default(), MAX_HEAD_BYTES)?;
        if member(&object, "op")?.as_str() != Some("activity") {
            return Err(FrameError::Op);
        }
        let target = text(&object, "target", MAX_TARGET)?;
        if !target.starts_with('/') {
            return Err(FrameError::Member { name: "target" });
        }
        let frame = Self::Activity(ActivityFrame {
            seq: seq(&object)?,
            target: target.to_owned(),
            headers: headers(&object)?,
            body: message.slice(end.saturating_add(1)..),
        });
        metrics::stream_frame(Direction::In, frame.kind());
        Ok(frame)
    }
}

fn object(bytes: &[u8], limit: usize) -> Result<Map<String, Value>, FrameError> {
    if bytes.len() > limit {
        return Err(FrameError::TooLong { limit });
    }
    Ok(vocab::parse(bytes)?)
}

fn member<'a>(object: &'a Map<String, Value>, name: &'static str) -> Result<&'a Value, FrameError> {
    object.get(name).ok_or(FrameError::Member { name })
}

fn text<'a>(
    object: &'a Map<String, Value>,
    name: &'static str,
    limit: usize,
) -> Result<&'a str, FrameError> {
    member(object, name)?
        .as_str()
        .filter(|text| text.len() <= limit)
        .ok_or(FrameError::Member { name })
}

fn url(object: &Map<String, Value>, name: &'static str) -> Result<Url, FrameError> {
    let url = vocab::parse_id(text(object, name, MAX_URL)?);
    // As it is written again, a letter may take up to nine bytes for its one to four.
    let url = url.filter(|url| url.as_str().len() <= MAX_URL);
    url.ok_or(FrameError::Member { name })
}

fn seq(object: &Map<String, Value>) -> Result<u64, FrameError> {
    let seq = member(object, "seq")?.as_u64();
    seq.filter(|seq| (1..=MAX_SEQ).contains(seq))
        .ok_or(FrameError::Member { name: "seq" })
}

/// A whole number that may be missing, which is 0.
fn number<N: TryFrom<u64> + Default>(
    object: &Map<String, Value>,
    name: &'static str,
) -> Result<N, FrameError> {
    let Some(value) = object.get(name) else {
        return Ok(N::default());
    };
    value
        .as_u64()
        .and_then(|value| N::try_from(value).ok())
        .ok_or(FrameError::Member { name })
}

fn hello(object: &Map<String, Value>) -> Result<Hello, FrameError> {
    let fault = || FrameError::Member { name: "ephemeral" };
    let mut kinds = EphemeralKinds::none();
    if let Some(value) = object.get("ephemeral") {
        let names = value.as_array().filter(|names| names.len() <= MAX_KINDS);
        for name in names.ok_or_else(fault)? {
            let name = name.as_str().ok_or_else(fault)?;
            // A kind of a later version is one that this side does not take.
            kinds = EphemeralKind::from_name(name).map_or(kinds, |kind| kinds.with(kind));
        }
    }
    Ok(Hello {
        window: number(object, "window")?,
        body_bytes: number(object, "body_bytes")?,
        ephemeral: kinds,
    })
}

fn ack(object: &Map<String, Value>) -> Result<Ack, FrameError> {
    let status = member(object, "status")?.as_u64();
    let status = status
        .and_then(|status| u16::try_from(status).ok())
        .filter(|status| (200..600).contains(status))
        .and_then(|status| StatusCode::from_u16(status).ok())
        .ok_or(FrameError::Member { name: "status" })?;
    let code = match object.get("code") {
        None => "",
        Some(code) => code
            .as_str()
            .filter(|code| is_code(code))
            .ok_or(FrameError::Member { name: "code" })?,
    };
    let retry_after = match object.get("retry_after") {
        None => None,
        Some(_) => Some(number(object, "retry_after")?),
    };
    Ok(Ack {
        seq: seq(object)?,
        status,
        code: code.to_owned(),
        retry_after,
    })
}

pub(super) fn is_code(code: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    code.len() <= MAX_CODE && code.bytes().all(fits)
}

fn ephemeral(object: &Map<String, Value>) -> Result<Ephemeral, FrameError> {
    let kind = text(object, "kind", MAX_CODE)?;
    let kind = EphemeralKind::from_name(kind).ok_or(FrameError::Member { name: "kind" })?;
    let actor = url(object, "actor")?;
    Ok(match kind {
        EphemeralKind::Typing => Ephemeral::Typing {
            actor,
            context: url(object, "context")?,
        },
        EphemeralKind::Presence => Ephemeral::Presence {
            actor,
            state: PresenceState::from_name(text(object, "state", MAX_CODE)?)
                .ok_or(FrameError::Member { name: "state" })?,
        },
        EphemeralKind::Read => Ephemeral::Read {
            actor,
            context: url(object, "context")?,
            object: url(object, "object")?,
        },
    })
}

/// The headers: pairs of a name in lower case and a value of visible ASCII, spaces and tabs.
fn headers(object: &Map<String, Value>) -> Result<HeaderMap, FrameError> {
    let pairs = member(object, "headers")?
        .as_array()
        .filter(|pairs| pairs.len() <= MAX_HEADERS)
        .ok_or(FrameError::Headers)?;
    let mut headers = HeaderMap::with_capacity(pairs.len());
    for pair in pairs {
        let Some([Value::String(name), Value::String(value)]) = pair.as_array().map(Vec::as_slice)
        else {
            return Err(FrameError::Headers);
        };
        let lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
        let plain = value.bytes().all(is_header_byte);
        match (
            HeaderName::from_bytes(name.as_bytes()),
            HeaderValue::from_str(value),
        ) {
            (Ok(name), Ok(value)) if lower && plain => headers.append(name, value),
            _ => return Err(FrameError::Headers),
        };
    }
    Ok(headers)
}

pub(super) fn is_header_byte(byte: u8) -> bool {
    byte == b'\t' || (b' '..=b'~').contains(&byte)
}
