//! Why the server ends a socket: close codes (RFC 6455 s7.4, private use from 4000) and reasons.

use axum::extract::ws::{CloseFrame, Utf8Bytes};

/// Why the server ends a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CloseReason {
    /// 1001: the server stops; come back and resume.
    GoingAway,
    /// 1009: a message of the client was too large.
    TooLarge,
    /// 1011: the server failed; come back and resume.
    Internal,
    /// 4400: the client sent something that is not in the specification.
    BadFrame,
    /// 4401: the token is missing, wrong or expired, or the session was ended.
    Unauthenticated,
    /// 4404: there is no such channel, or the member is not in it.
    NoChannel,
    /// 4408: no `identify` came in time, or the client fell silent.
    TimedOut,
    /// 4409: the client read too slowly; come back and resume.
    TooSlow,
    /// 4429: too many sockets, or too many frames.
    TooMany,
}

impl CloseReason {
    /// The code.
    pub fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::TooLarge => 1009,
            Self::Internal => 1011,
            Self::BadFrame => 4400,
            Self::Unauthenticated => 4401,
            Self::NoChannel => 4404,
            Self::TimedOut => 4408,
            Self::TooSlow => 4409,
            Self::TooMany => 4429,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::GoingAway => "the server stops, come back and resume",
            Self::TooLarge => "the message is too large",
            Self::Internal => "the server failed, come back and resume",
            Self::BadFrame => "not a frame of this protocol",
            Self::Unauthenticated => "not signed in, or no longer",
            Self::NoChannel => "no such channel",
            Self::TimedOut => "nothing was heard in time",
            Self::TooSlow => "read too slowly, come back and resume",
            Self::TooMany => "too many sockets or frames",
        }
    }

    /// The frame that says so.
    pub(super) fn frame(self) -> CloseFrame {
        CloseFrame {
            code: self.code(),
            reason: Utf8Bytes::from_static(self.text()),
        }
    }
}
