//! How much one exchange may cost.

use std::time::Duration;

/// The bounds of one exchange. All of them hold at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchLimits {
    /// Bytes of the answer's body that are read at most.
    pub max_bytes: usize,
    /// Time for everything: resolving, connecting, every redirect, the last byte of the body.
    pub deadline: Duration,
    /// Redirects of a GET that are followed at most.
    pub max_redirects: u8,
    /// Whether of a longer body the first `max_bytes` are taken, in place of an error.
    pub cuts: bool,
}

impl FetchLimits {
    /// For documents, keys, `WebFinger` and `NodeInfo`: 1 MiB, 10 s, 3 redirects.
    pub const fn document() -> Self {
        Self {
            max_bytes: 1024 * 1024,
            deadline: Duration::from_secs(10),
            max_redirects: 3,
            cuts: false,
        }
    }

    /// For deliveries: 64 KiB of answer, 15 s, no redirects.
    pub const fn delivery() -> Self {
        Self {
            max_bytes: 64 * 1024,
            deadline: Duration::from_secs(15),
            max_redirects: 0,
            cuts: false,
        }
    }

    /// For files of up to `max_bytes`: 60 s, 3 redirects.
    pub const fn media(max_bytes: usize) -> Self {
        Self {
            max_bytes,
            deadline: Duration::from_mins(1),
            max_redirects: 3,
            cuts: false,
        }
    }

    /// The same limits with another deadline.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// The same limits with another number of bytes.
    #[must_use]
    pub const fn with_max_bytes(mut self, max_bytes: usize) -> Self {
        self.max_bytes = max_bytes;
        self
    }

    /// The same limits with another number of redirects.
    #[must_use]
    pub const fn with_max_redirects(mut self, max_redirects: u8) -> Self {
        self.max_redirects = max_redirects;
        self
    }

    /// The same limits, where the beginning of a longer body is enough.
    #[must_use]
    pub const fn cutting(mut self) -> Self {
        self.cuts = true;
        self
    }
}

impl Default for FetchLimits {
    fn default() -> Self {
        Self::document()
    }
}
