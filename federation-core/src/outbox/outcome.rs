//! What the answer of a peer means for a delivery.

use std::time::Duration;

use http::StatusCode;

/// What became of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The peer took it.
    Delivered {
        /// The status it answered.
        status: u16,
    },
    /// It may be taken later.
    Retry {
        /// The status, if there was an answer.
        status: Option<u16>,
        /// What went wrong.
        error: String,
        /// How long the peer asked to wait.
        retry_after: Option<Duration>,
        /// Whether the whole peer is in trouble, and not this delivery alone.
        peer_wide: bool,
    },
    /// The peer did not accept the signature or the sender; tried only a few times.
    Refused {
        /// 401 or 403.
        status: u16,
        /// What the peer said about it.
        detail: Option<String>,
    },
    /// The inbox is gone for good (410).
    Gone,
    /// It will never be taken.
    Rejected {
        /// The status, if there was an answer.
        status: Option<u16>,
        /// What went wrong.
        error: String,
    },
}

impl Outcome {
    /// The meaning of an answer with this status.
    pub fn from_status(status: StatusCode, retry_after: Option<Duration>) -> Self {
        let code = status.as_u16();
        let error = || match status.canonical_reason() {
            Some(reason) => format!("the peer answered {code} {reason}"),
            None => format!("the peer answered {code}"),
        };
        match code {
            200..=299 => Self::Delivered { status: code },
            code if Self::is_refusal(code) => Self::Refused {
                status: code,
                detail: None,
            },
            410 => Self::Gone,
            408 | 425 | 429 | 500..=599 => Self::Retry {
                status: Some(code),
                error: error(),
                retry_after,
                peer_wide: matches!(code, 429 | 502..=504),
            },
            _ => Self::Rejected {
                status: Some(code),
                error: error(),
            },
        }
    }

    /// Whether a status says that the peer did not accept the signature or the sender.
    pub(super) fn is_refusal(status: u16) -> bool {
        matches!(status, 401 | 403)
    }

    /// The same, with what the peer said about it.
    #[must_use]
    pub fn explained(mut self, said: Option<String>) -> Self {
        let Some(said) = said else { return self };
        match &mut self {
            Self::Refused { detail, .. } => *detail = Some(said),
            Self::Retry { error, .. } | Self::Rejected { error, .. } => {
                error.push_str(": ");
                error.push_str(&said);
            }
            Self::Delivered { .. } | Self::Gone => {}
        }
        self
    }

    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Delivered { status } | Self::Refused { status, .. } => Some(*status),
            Self::Gone => Some(410),
            Self::Retry { status, .. } | Self::Rejected { status, .. } => *status,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_one_meaning() {
        let meaning = |code| Outcome::from_status(StatusCode::from_u16(code).unwrap(), None);
        for code in [200, 201, 202, 204] {
            assert_eq!(meaning(code), Outcome::Delivered { status: code });
        }
        for code in [301, 302, 307, 400, 404, 405, 406, 413, 415, 422] {
            assert!(matches!(meaning(code), Outcome::Rejected { .. }), "{code}");
        }
        for (code, wide) in [
            (408, false),
            (429, true),
            (500, false),
            (502, true),
            (503, true),
            (504, true),
            (520, false),
        ] {
            let Outcome::Retry { peer_wide, .. } = meaning(code) else {
                panic!("{code}")
            };
            assert_eq!(peer_wide, wide, "{code}");
        }
        assert_eq!(meaning(410), Outcome::Gone);
        assert!(matches!(meaning(401), Outcome::Refused { status: 401, .. }));
    }
}
