//! Why an issuer refuses: typed, each with a stable code, a status, and whether to try again.

use std::time::Duration;

use http::StatusCode;
use thiserror::Error;

use crate::fetch::Cause;
use crate::handshake::Scope;
use crate::handshake::message::MessageError;
use crate::handshake::token::NoEntropy;
use crate::inbox::KeyLookupError;
use crate::signature::{Coverage, SignatureError};
use crate::store::StoreError;

/// How long to wait after a failure that says nothing better.
const WAIT: Duration = Duration::from_secs(5);

/// Why an issuer refuses a call of the handshake, or a token.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The body is not the message that it has to be.
    #[error("the message cannot be read")]
    Message(#[from] MessageError),
    /// There is no such call.
    #[error("there is no such call")]
    NoSuchCall,
    /// The call was made by another method than POST.
    #[error("the calls of the handshake are made by POST")]
    NotPost,
    /// The body is not announced as JSON.
    #[error("the body has to be application/json")]
    MediaType,
    /// The request is not signed, or its signature does not hold.
    #[error("the signature is refused")]
    Signature(#[from] SignatureError),
    /// The request is signed by the older scheme, which the handshake does not take.
    #[error("the handshake takes signatures by RFC 9421 alone")]
    Downgraded,
    /// A component or parameter is missing that has to be in the signature.
    #[error("the signature lacks {part}")]
    Incomplete {
        /// What is missing, as RFC 9421 writes it.
        part: &'static str,
    },
    /// The domain of the key is blocked here.
    #[error("the domain {host} is blocked")]
    Blocked {
        /// The domain.
        host: String,
    },
    /// The key could not be had.
    #[error("the key of the signature could not be had")]
    Key(#[source] KeyLookupError),
    /// The signer is not the actor that its server names as its own.
    #[error("the signer is not the actor of its node: {reason}")]
    NotANode {
        /// What is missing.
        reason: &'static str,
    },
    /// The signer's server cannot be asked now whether the signer is its own actor.
    #[error("whether the signer is the actor of its node cannot be found out now")]
    NodeUnavailable {
        /// How long to wait, when that is known.
        retry_after: Option<Duration>,
        /// What happened.
        #[source]
        source: Cause,
    },
    /// A node asks itself.
    #[error("the holder is the issuer")]
    HolderIsIssuer,
    /// The subject lives on another origin than the holder.
    #[error("the subject is not of the holder's origin")]
    ForeignSubject,
    /// The subject's own server says that it is gone.
    #[error("the subject is gone")]
    SubjectGone,
    /// There is no such actor as the subject.
    #[error("the subject is no actor")]
    SubjectUnusable(#[source] Cause),
    /// The subject cannot be looked at now.
    #[error("the subject cannot be fetched now")]
    SubjectUnavailable {
        /// How long to wait, when that is known.
        retry_after: Option<Duration>,
        /// What happened.
        #[source]
        source: Cause,
    },
    /// Nothing that was asked for is granted here.
    #[error("none of the scopes is granted here")]
    NoScope,
    /// There is no such challenge: it never was, was used, is over, or ended by a wrong proof.
    #[error("there is no such challenge, or no longer")]
    UnknownChallenge,
    /// The challenge or session is another node's.
    #[error("this belongs to another holder")]
    NotTheHolder,
    /// The signature has another nonce than the challenge.
    #[error("the nonce is not that of the challenge")]
    WrongNonce,
    /// There are as many open challenges or sessions as there may be, or calls came too fast.
    #[error("too many {what}")]
    TooMany {
        /// Of which there are too many.
        what: &'static str,
        /// How long to wait.
        retry_after: Duration,
    },
    /// The token opens nothing: it never did, or its session is over.
    #[error("the token opens nothing")]
    InvalidToken,
    /// The session does not allow this.
    #[error("the session does not have the scope {scope}")]
    InsufficientScope {
        /// What it would have to allow.
        scope: Scope,
    },
    /// The store failed; nothing has happened.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// There is nothing to make secrets from.
    #[error("no secret can be made now")]
    Entropy(#[from] NoEntropy),
}

impl HandshakeError {
    /// The status to answer with.
    pub fn status(&self) -> StatusCode {
        match self {
            Self::Message(MessageError::TooLong) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Message(_) => StatusCode::BAD_REQUEST,
            Self::NoSuchCall => StatusCode::NOT_FOUND,
            Self::NotPost => StatusCode::METHOD_NOT_ALLOWED,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Key(KeyLookupError::Unavailable { .. })
            | Self::NodeUnavailable { .. }
            | Self::SubjectUnavailable { .. }
            | Self::Entropy(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Signature(_)
            | Self::Downgraded
            | Self::Incomplete { .. }
            | Self::Key(_)
            | Self::UnknownChallenge
            | Self::WrongNonce
            | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::Blocked { .. }
            | Self::NotANode { .. }
            | Self::HolderIsIssuer
            | Self::ForeignSubject
            | Self::SubjectGone
            | Self::SubjectUnusable(_)
            | Self::NoScope
            | Self::NotTheHolder
            | Self::InsufficientScope { .. } => StatusCode::FORBIDDEN,
            Self::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Self::Store(fault) if fault.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
            Self::Store(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// A stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Message(MessageError::TooLong) => "body_too_large",
            Self::Message(_) => "malformed_message",
            Self::NoSuchCall => "not_found",
            Self::NotPost => "method_not_allowed",
            Self::MediaType => "unsupported_media_type",
            Self::Signature(SignatureError::Missing) => "signature_missing",
            Self::Signature(SignatureError::NotCovered { .. }) | Self::Incomplete { .. } => {
                "signature_incomplete"
            }
            Self::Signature(SignatureError::WrongTag) => "signature_tag",
            Self::Signature(_) => "signature_refused",
            Self::Downgraded => "signature_scheme",
            Self::Blocked { .. } => "domain_blocked",
            Self::Key(KeyLookupError::Unavailable { .. }) => "key_unavailable",
            Self::Key(KeyLookupError::Gone) => "actor_gone",
            Self::Key(_) => "key_unusable",
            Self::NotANode { .. } => "not_a_node",
            Self::NodeUnavailable { .. } => "node_unavailable",
            Self::HolderIsIssuer => "holder_is_issuer",
            Self::ForeignSubject => "foreign_subject",
            Self::SubjectGone => "subject_gone",
            Self::SubjectUnusable(_) => "subject_unusable",
            Self::SubjectUnavailable { .. } => "subject_unavailable",
            Self::NoScope => "scope_refused",
            Self::UnknownChallenge => "challenge_unknown",
            Self::NotTheHolder => "not_the_holder",
            Self::WrongNonce => "nonce_refused",
            Self::TooMany { .. } => "too_many_requests",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope { .. } => "insufficient_scope",
            Self::Store(_) => "store_failed",
            Self::Entropy(_) => "unavailable",
        }
    }

    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Key(KeyLookupError::Unavailable { .. })
            | Self::NodeUnavailable { .. }
            | Self::SubjectUnavailable { .. }
            | Self::TooMany { .. }
            | Self::Entropy(_) => true,
            Self::Store(fault) => fault.is_retryable(),
            _ => false,
        }
    }

    /// How long to wait before the same call, when it is worth one.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Key(KeyLookupError::Unavailable { retry_after, .. })
            | Self::NodeUnavailable { retry_after, .. }
            | Self::SubjectUnavailable { retry_after, .. } => Some(retry_after.unwrap_or(WAIT)),
            Self::TooMany { retry_after, .. } => Some(*retry_after),
            _ if self.is_retryable() => Some(WAIT),
            _ => None,
        }
    }

    /// Whether this refusal of a proof ends the challenge that was to be proven.
    ///
    /// Everything does that says the proof is wrong; what says that it could not be judged, or
    /// that its sender is not listened to at all, does not.
    pub fn ends_challenge(&self) -> bool {
        let status = self.status();
        let refused = status == StatusCode::UNAUTHORIZED || status == StatusCode::FORBIDDEN;
        refused && !matches!(self, Self::Blocked { .. })
    }

    /// What the caller is told beside the code: enough to put it right, nothing of the issuer's
    /// inner state.
    pub fn detail(&self) -> String {
        let cause: Option<&dyn std::error::Error> = match self {
            Self::Message(fault) => Some(fault),
            Self::Signature(fault) => Some(fault),
            Self::Key(fault) => Some(fault),
            _ => None,
        };
        match cause {
            Some(cause) => format!("{self}: {cause}"),
            None => self.to_string(),
        }
    }
}

impl From<KeyLookupError> for HandshakeError {
    fn from(error: KeyLookupError) -> Self {
        Self::Key(error)
    }
}

/// The part of a signature that its inspection missed, as the handshake names it.
pub(super) fn incomplete(error: SignatureError) -> HandshakeError {
    match error {
        SignatureError::NotCovered { part } => HandshakeError::Incomplete {
            part: match part {
                Coverage::Method => "\"@method\"",
                Coverage::Target | Coverage::Host => "\"@target-uri\"",
                Coverage::Time => "created",
                Coverage::Digest => "\"content-digest\"",
            },
        },
        other => HandshakeError::Signature(other),
    }
}
