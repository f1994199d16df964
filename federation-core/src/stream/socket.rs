//! What a push stream runs on: WebSocket messages, whichever library frames them.

use futures_util::{Sink, Stream};
use thiserror::Error;

use bytes::Bytes;

use super::CloseReason;
use crate::fetch::Cause;

/// A WebSocket message (RFC 6455 s5.6, s5.5). Pongs are sent by the library.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::exhaustive_enums,
    reason = "the messages of RFC 6455, to which none will be added"
)]
pub enum Message {
    /// Text.
    Text(String),
    /// Octets.
    Binary(Bytes),
    /// Asks whether the other side is there.
    Ping,
    /// It is.
    Pong,
    /// The end and its code, if one was given.
    Close(Option<u16>),
}

impl From<CloseReason> for Message {
    fn from(reason: CloseReason) -> Self {
        Self::Close(Some(reason.code()))
    }
}

/// Why a socket carries nothing more.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SocketError {
    /// A message is longer than this side takes.
    #[error("a message that is too long")]
    TooLong,
    /// What came is not WebSocket.
    #[error("not what a WebSocket carries")]
    Protocol(#[source] Cause),
    /// The connection is gone.
    #[error("the connection is gone")]
    Gone(#[source] Cause),
}

impl SocketError {
    /// Whether a new connection may do better.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Gone(_))
    }

    /// How the stream is closed for it.
    pub(super) const fn reason(&self) -> CloseReason {
        match self {
            Self::TooLong => CloseReason::TooLong,
            Self::Protocol(_) => CloseReason::BadFrame,
            Self::Gone(_) => CloseReason::Gone,
        }
    }
}

/// An open WebSocket.
pub trait Socket:
    Stream<Item = Result<Message, SocketError>> + Sink<Message, Error = SocketError> + Send + Unpin
{
}

impl<S> Socket for S where
    S: Stream<Item = Result<Message, SocketError>>
        + Sink<Message, Error = SocketError>
        + Send
        + Unpin
{
}
