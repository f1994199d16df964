//! The port behind every inbox: one request in, one answer out, however the request came.

use std::fmt;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::StatusCode;

use super::{InboundRequest, ReceiveError};

/// Takes signed requests for an inbox: authenticates, applies once, answers after the commit (I1).
///
/// An HTTP route and a push stream give it the same requests and get the same answers.
pub trait InboxService: fmt::Debug + Send + Sync + 'static {
    /// Takes one request; a 2xx answer means that its effect is committed.
    fn receive(&self, request: InboundRequest) -> BoxFuture<'_, InboxAnswer>;
}

/// What the sender of a request is told.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct InboxAnswer {
    /// The status of the HTTP answer.
    pub status: StatusCode,
    /// A stable word for what went wrong; `accepted` when nothing did.
    pub code: &'static str,
    /// What went wrong, for people; empty when nothing did.
    pub detail: String,
    /// How long to wait before the same request is worth another try.
    pub retry_after: Option<Duration>,
}

impl InboxAnswer {
    /// 202: the effect is committed, now or before.
    pub fn accepted() -> Self {
        Self {
            status: StatusCode::ACCEPTED,
            code: "accepted",
            detail: String::new(),
            retry_after: None,
        }
    }

    /// An answer to a request that had no effect.
    pub fn refused(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            retry_after: None,
        }
    }

    /// The same answer, asking to wait.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }
}

impl From<&ReceiveError> for InboxAnswer {
    fn from(error: &ReceiveError) -> Self {
        Self {
            status: error.status(),
            code: error.code(),
            detail: error.to_string(),
            retry_after: error.retry_after(),
        }
    }
}
