//! Why a push stream ends, as WebSocket close codes (RFC 6455 s7.4, private use from 4000).

use std::fmt;

/// Why a push stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CloseReason {
    /// 1000: the holder has no more use for it.
    Done,
    /// 1001: the side that closes it stops; come back.
    GoingAway,
    /// 1006: the connection broke, or ended without a reason. Never sent.
    Gone,
    /// 1009: a message is longer than the other side takes.
    TooLong,
    /// 1011: the side that closes it failed.
    Internal,
    /// 4400: not a frame of this protocol, or not one that this side sends.
    BadFrame,
    /// 4401: the session has ended: revoked or expired.
    SessionEnded,
    /// 4403: the holder's domain is blocked.
    Blocked,
    /// 4408: nothing was heard in time: no `hello`, no pong, no `ack`.
    TimedOut,
    /// 4409: the holder has opened another stream.
    Replaced,
    /// 4412: a number out of order, or an `ack` for one that was not sent or is settled.
    OutOfOrder,
    /// 4413: more activities without `ack` than the window has room for.
    Overrun,
    /// 4414: the other side does not read what is sent to it.
    TooSlow,
    /// 4429: too many frames.
    TooMany,
    /// Any other code of the other side. Never sent.
    Other(u16),
}

const KNOWN: [CloseReason; 14] = [
    CloseReason::Done,
    CloseReason::GoingAway,
    CloseReason::Gone,
    CloseReason::TooLong,
    CloseReason::Internal,
    CloseReason::BadFrame,
    CloseReason::SessionEnded,
    CloseReason::Blocked,
    CloseReason::TimedOut,
    CloseReason::Replaced,
    CloseReason::OutOfOrder,
    CloseReason::Overrun,
    CloseReason::TooSlow,
    CloseReason::TooMany,
];

impl CloseReason {
    /// The close code.
    pub const fn code(self) -> u16 {
        match self {
            Self::Done => 1000,
            Self::GoingAway => 1001,
            Self::Gone => 1006,
            Self::TooLong => 1009,
            Self::Internal => 1011,
            Self::BadFrame => 4400,
            Self::SessionEnded => 4401,
            Self::Blocked => 4403,
            Self::TimedOut => 4408,
            Self::Replaced => 4409,
            Self::OutOfOrder => 4412,
            Self::Overrun => 4413,
            Self::TooSlow => 4414,
            Self::TooMany => 4429,
            Self::Other(code) => code,
        }
    }

    /// The reason with this code; no code at all is [`CloseReason::Gone`].
    pub fn from_code(code: Option<u16>) -> Self {
        let Some(code) = code else { return Self::Gone };
        let known = KNOWN.into_iter().find(|reason| reason.code() == code);
        known.unwrap_or(Self::Other(code))
    }

    /// A stable word for logs and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::GoingAway => "going_away",
            Self::Gone => "gone",
            Self::TooLong => "too_long",
            Self::Internal => "internal",
            Self::BadFrame => "bad_frame",
            Self::SessionEnded => "session_ended",
            Self::Blocked => "blocked",
            Self::TimedOut => "timed_out",
            Self::Replaced => "replaced",
            Self::OutOfOrder => "out_of_order",
            Self::Overrun => "overrun",
            Self::TooSlow => "too_slow",
            Self::TooMany => "too_many",
            Self::Other(_) => "other",
        }
    }

    /// Whether the holder may open another stream by and by.
    pub const fn is_retryable(self) -> bool {
        !matches!(self, Self::Blocked)
    }

    /// Whether the other side did not keep to the protocol.
    pub const fn is_violation(self) -> bool {
        matches!(
            self,
            Self::TooLong | Self::BadFrame | Self::OutOfOrder | Self::Overrun | Self::TooMany
        )
    }
}

impl fmt::Display for CloseReason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} ({})", self.name(), self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_names_one_reason() {
        for reason in KNOWN {
            assert_eq!(CloseReason::from_code(Some(reason.code())), reason);
        }
        assert_eq!(CloseReason::from_code(None), CloseReason::Gone);
        assert_eq!(CloseReason::from_code(Some(4999)), CloseReason::Other(4999));
    }
}
