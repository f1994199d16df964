//! Why bytes are no frame, and why a frame cannot be written.

use thiserror::Error;

use crate::vocab::ParseError;

/// Why a message is not a frame of the push stream.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FrameError {
    /// It is longer than any frame of its kind.
    #[error("longer than {limit} bytes")]
    TooLong {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The JSON object cannot be read.
    #[error("not the JSON object of a frame")]
    Json(#[from] ParseError),
    /// There is no such frame, or not in this kind of message.
    #[error("no frame of this name in this kind of message")]
    Op,
    /// A member is missing or is something else than specified.
    #[error("the member {name} is missing or not as specified")]
    Member {
        /// The member.
        name: &'static str,
    },
    /// The headers of an activity cannot be those of a request.
    #[error("the headers are not those of a request")]
    Headers,
    /// There is no line feed between the JSON object and the body.
    #[error("an activity without a body")]
    NoBody,
}

impl FrameError {
    /// Whether the same message may be a frame later: never.
    pub const fn is_retryable(&self) -> bool {
        false
    }
}
