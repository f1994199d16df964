//! The port through which streams are opened, and why one cannot be.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use thiserror::Error;
use url::Url;

use crate::fetch::Cause;
use crate::stream::Socket;

/// Opens the WebSocket of a stream, with the node session it needs.
pub trait StreamConnector: fmt::Debug + Send + Sync + 'static {
    /// Opens a stream to the node at this origin.
    fn connect<'a>(
        &'a self,
        origin: &'a Url,
    ) -> BoxFuture<'a, Result<Box<dyn Socket>, ConnectError>>;
}

/// Why a stream cannot be opened.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The peer has no such endpoints: it is simply an `ActivityPub` server.
    #[error("the peer offers no push stream")]
    Unsupported,
    /// The peer will not have this node.
    #[error("the peer refuses a push stream ({code})")]
    Refused {
        /// The code of its answer.
        code: String,
    },
    /// It may work later.
    #[error("a push stream cannot be opened now")]
    Unavailable {
        /// How long the peer asks to wait.
        retry_after: Option<Duration>,
        /// Why.
        #[source]
        source: Cause,
    },
}

impl ConnectError {
    /// An error that may pass.
    pub fn unavailable(source: impl Into<Cause>) -> Self {
        Self::Unavailable {
            retry_after: None,
            source: source.into(),
        }
    }

    /// Whether a stream may be opened soon.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    /// How long the peer asks to wait.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } => *retry_after,
            Self::Unsupported | Self::Refused { .. } => None,
        }
    }
}
