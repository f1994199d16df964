//! Why a received request has no effect, and what to answer.

use std::time::Duration;

use http::StatusCode;
use thiserror::Error;

use crate::inbox::{AuthorityError, KeyLookupError, OriginError, Step, TooMany};
use crate::proof::ProofError;
use crate::signature::SignatureError;
use crate::vocab::VocabError;

/// Why a received request was refused.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReceiveError {
    /// The source, or the peer, sends more than it may.
    #[error("too many requests")]
    TooMany(#[from] TooMany),
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
    /// The domain of the sender, or of what it passes on, is blocked here.
    #[error("the domain {host} is blocked")]
    Blocked {
        /// The blocked host.
        host: String,
    },
    /// The actor has no right to what the activity claims.
    #[error("the actor may not do this")]
    Authority(#[from] AuthorityError),
    /// The key could not be had.
    #[error("the key of the signature could not be had")]
    Key(#[from] KeyLookupError),
    /// The activity is another actor's than the key, and nothing else proves it.
    #[error("the signature is not by the activity's actor")]
    NotTheActor,
    /// The integrity proof of the activity speaks against it.
    #[error("the integrity proof is refused")]
    Proof(#[from] ProofError),
    /// Somebody else brought the activity, and its origin does not confirm it.
    #[error("the origin of the activity does not confirm it")]
    Unconfirmed(#[from] OriginError),
}

impl ReceiveError {
    /// The step that refused.
    pub const fn step(&self) -> Step {
        match self {
            Self::TooMany(_) => Step::Rate,
            Self::TooLarge { .. } => Step::Size,

            Self::NotTheActor
            | Self::Signature(
                SignatureError::Mismatch | SignatureError::AlgorithmMismatch { .. },
            ) => Step::Sender,
            Self::Signature(_) => Step::Signature,
            Self::NotActivity(_) => Step::Shape,
            Self::Blocked { .. } => Step::Domain,
            Self::Authority(_) => Step::Authority,
            Self::Key(_) => Step::Key,
            Self::Proof(_) => Step::Proof,
            Self::Unconfirmed(_) => Step::Origin,
        }
    }

    /// The status to answer with.
    pub const fn status(&self) -> StatusCode {
        match self {
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooLarge { .. } => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Signature(_)
            | Self::Key(KeyLookupError::Gone | KeyLookupError::Unusable(_))
            | Self::Proof(_) => StatusCode::UNAUTHORIZED,
            Self::NotActivity(_) => StatusCode::BAD_REQUEST,
            Self::Key(KeyLookupError::Unavailable { .. })
            | Self::Unconfirmed(OriginError::Unavailable { .. }) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Blocked { .. }
            | Self::NotTheActor
            | Self::Authority(_)
            | Self::Unconfirmed(_) => StatusCode::FORBIDDEN,
        }
    }

    /// Whether the same request may pass later.
    pub const fn is_retryable(&self) -> bool {
        match self {
            Self::TooMany(_) | Self::Key(KeyLookupError::Unavailable { .. }) => true,
            Self::Unconfirmed(fault) => fault.is_retryable(),
            _ => false,
        }
    }

    /// How long the sender should wait, when that is known.
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::TooMany(fault) => Some(fault.retry_after),
            Self::Key(KeyLookupError::Unavailable { retry_after, .. }) => *retry_after,
            Self::Unconfirmed(fault) => fault.retry_after(),
            _ => None,
        }
    }

    /// A stable word for logs, metrics and problem documents.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::TooMany(_) => "too_many_requests",
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
            Self::Proof(_) => "proof_refused",
            Self::Unconfirmed(OriginError::Unavailable { .. }) => "origin_unavailable",
            Self::Unconfirmed(_) => "not_confirmed",
        }
    }
}
