//! The frames of a push stream and their one spelling on the wire.
//!
//! `hello`, `ack` and `ephemeral` are text messages, each one JSON object. `activity` is a binary
//! message: a JSON object, a line feed, and the body exactly as it was signed. `docs/node-stream.md`
//! specifies them.

mod ephemeral;
mod error;
mod read;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

pub use ephemeral::{Ephemeral, EphemeralKind, EphemeralKinds, PresenceState};
pub use error::FrameError;

/// Bytes of a text message at most.
pub const MAX_TEXT_BYTES: usize = 8 * 1024;
/// Bytes of the JSON object of an `activity` at most, beside its body.
pub const MAX_HEAD_BYTES: usize = 32 * 1024;
/// Headers of an `activity` at most.
pub const MAX_HEADERS: usize = 48;
/// The largest number that a frame carries: what every JSON reader keeps exactly (RFC 8259 s6).
pub const MAX_SEQ: u64 = (1 << 53) - 1;
/// Characters of the code of an `ack` at most.
pub const MAX_CODE: usize = 64;

/// One frame.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Frame {
    /// What a side takes; the first frame of each.
    Hello(Hello),
    /// A signed request for an inbox; from the holder.
    Activity(ActivityFrame),
    /// What became of an `activity`; from the issuer, after the commit.
    Ack(Ack),
    /// What is worth something now or not at all; from the holder.
    Ephemeral(Ephemeral),
}

/// What a side takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hello {
    /// How many activities may wait for their `ack` at once; 0 from the holder.
    pub window: u16,
    /// Bytes of an activity's body at most; 0 from the holder.
    pub body_bytes: u32,
    /// The ephemeral frames that this side takes (issuer) or may send (holder).
    pub ephemeral: EphemeralKinds,
}

impl Hello {
    /// What the issuer says.
    pub fn issuer(window: u16, body_bytes: u32, ephemeral: EphemeralKinds) -> Self {
        Self {
            window,
            body_bytes,
            ephemeral,
        }
    }

    /// What the holder says.
    pub fn holder(ephemeral: EphemeralKinds) -> Self {
        Self {
            ephemeral,
            ..Self::default()
        }
    }
}

/// The signed POST that would have gone to an inbox.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ActivityFrame {
    /// 1 for the first of a stream, and one more for each that follows.
    pub seq: u64,
    /// Path and query of the inbox, as the request line would have them.
    pub target: String,
    /// The headers of the request, in order.
    pub headers: HeaderMap,
    /// The body as it was signed.
    pub body: Bytes,
}

impl ActivityFrame {
    /// A frame; the number is given when it is sent.
    pub fn new(seq: u64, target: impl Into<String>, headers: HeaderMap, body: Bytes) -> Self {
        Self {
            seq,
            target: target.into(),
            headers,
            body,
        }
    }
}

impl std::fmt::Debug for ActivityFrame {
    /// Shows neither the headers' values nor the body.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ActivityFrame")
            .field("seq", &self.seq)
            .field("target", &self.target)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// What became of an activity: what the inbox would have answered to its POST.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ack {
    /// The number of the activity.
    pub seq: u64,
    /// The status of the answer.
    pub status: StatusCode,
    /// A stable word for what went wrong, `accepted` when nothing did.
    pub code: String,
    /// Whole seconds to wait before the same activity is worth another try.
    pub retry_after: Option<u32>,
}

impl Ack {
    /// An answer; a code that is too long or has other characters than `a-z0-9_` becomes empty.
    pub fn new(seq: u64, status: StatusCode, code: &str, retry_after: Option<u32>) -> Self {
        let code = if read::is_code(code) { code } else { "" };
        Self {
            seq,
            status,
            code: code.to_owned(),
            retry_after,
        }
    }
}
