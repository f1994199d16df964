//! Why an exchange with another server failed.

use std::time::Duration;

use thiserror::Error;

use super::guard::GuardError;

/// What an error of a lower layer is kept as.
pub type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why an exchange brought no answer. An answer with an error status is an answer.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum FetchError {
    /// The guard refused the URL or the address.
    #[error("the request was refused")]
    Refused(#[from] GuardError),
    /// Name, connection or TLS handshake failed.
    #[error("no connection to the server")]
    Connect(#[source] Cause),
    /// The deadline passed.
    #[error("no complete answer within {} s", deadline.as_secs_f32())]
    Timeout {
        /// The deadline of the whole exchange.
        deadline: Duration,
    },
    /// The connection ended, or spoke something else than HTTP, before the answer was complete.
    #[error("the answer broke off")]
    Interrupted(#[source] Cause),
    /// The body is longer than asked for.
    #[error("the answer is longer than {limit} bytes")]
    TooLarge {
        /// Bytes that would have been read.
        limit: usize,
    },
    /// The body is compressed, which was not asked for.
    #[error("the answer has a content encoding that was not asked for")]
    Encoding,
    /// More redirects than allowed, or one that leads back.
    #[error("more than {limit} redirects, or a loop of them")]
    TooManyRedirects {
        /// Redirects that would have been followed.
        limit: u8,
    },
    /// A redirect without a usable target, or from `https` to `http`.
    #[error("a redirect that leads nowhere safe")]
    Redirect,
    /// The request itself cannot be sent.
    #[error("the request cannot be sent")]
    Request(#[source] Cause),
}

impl FetchError {
    /// Whether the same request may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Connect(_) | Self::Timeout { .. } | Self::Interrupted(_) => true,
            Self::Refused(_)
            | Self::TooLarge { .. }
            | Self::Encoding
            | Self::TooManyRedirects { .. }
            | Self::Redirect
            | Self::Request(_) => false,
        }
    }

    /// How long the server asked to wait; known only from answers, so none here.
    pub fn retry_after(&self) -> Option<Duration> {
        None
    }

    /// Whether the server as a whole could not be reached.
    pub fn is_peer_failure(&self) -> bool {
        self.is_retryable()
    }
}
