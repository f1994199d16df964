//! Why a received request has no effect, and what to answer.

use std::time::Duration;

use http::StatusCode;
use thiserror::Error;

use crate::inbox::{AuthorityError, KeyLookupError};
use crate::signature::SignatureError;
use crate::vocab::VocabError;

/// Why a received request was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The body is longer than this server reads.
    #[error("the body is longer than {limit} bytes")]
    TooLarge {
        /// The limit, in bytes.
        limit: usize,
    },
    /// The request is not signed, or not as it must be.
    #[error("the signature is refused")]
    Signature(#[from] SignatureError),
    /// The body is not an activity.
    #[error("the body is not an activity")]
    NotActivity(#[from] VocabError),
    /// The sender's domain is blocked here.
    #[error("the domain {host} is blocked")]
    Blocked {
        /// The blocked host.
        host: String,
    },
    /// The key could not be had.
    #[error("the key of the signature could not be had")]
    Key(#[from] KeyLookupError),
    /// The key belongs to somebody else than the activity's actor.
    #[error("the signature is not by the activity's actor")]
    NotTheActor,
    /// The actor has no right to what the activity claims.
    #[error("the actor may not do this")]
    Authority(#[from] AuthorityError),
}

impl ReceiveError {
    /// The status to answer with.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Signature(_) | Self::Key(KeyLookupError::Gone | KeyLookupError::Unusable(_)) => {
                StatusCode::UNAUTHORIZED
            }
            Self::NotActivity(_) => StatusCode::BAD_REQUEST,
            Self::Blocked { .. } | Self::NotTheActor | Self::Authority(_) => StatusCode::FORBIDDEN,
            Self::Key(KeyLookupError::Unavailable { .. }) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether the same request may pass later.
    pub const fn is_retryable(&self) -> bool {
        matches!(self, Self::Key(KeyLookupError::Unavailable { .. }))
    }

    /// How long the sender should wait, when that is known.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Key(KeyLookupError::Unavailable { retry_after, .. }) => *retry_after,
            _ => None,
        }
    }

    /// A stable word for logs, metrics and problem documents.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } => "body_too_large",
            Self::Signature(SignatureError::Missing) => "signature_missing",
            Self::Signature(_) => "signature_refused",
            Self::NotActivity(_) => "not_an_activity",
            Self::Blocked { .. } => "domain_blocked",
            Self::Key(KeyLookupError::Gone) => "actor_gone",
            Self::Key(KeyLookupError::Unavailable { .. }) => "key_unavailable",
            Self::Key(KeyLookupError::Unusable(_)) => "key_unusable",
            Self::NotTheActor => "not_the_actor",
            Self::Authority(_) => "not_authorised",
        }
    }
}
