//! The holder: asks an issuer for a session, and ends it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use thiserror::Error;
use url::{Position, Url};

use crate::clock::{Clock, Timestamp};
use crate::fetch::{FetchError, FetchLimits, OutboundRequest, OutboundResponse, Transport};
use crate::handshake::message::{
    ChallengeAnswer, ChallengeRequest, IntrospectRequest, Introspection, MAX_MESSAGE_BYTES,
    MessageError, RevokeRequest, VerifyAnswer, VerifyRequest,
};
use crate::handshake::{
    CHALLENGE_PATH, INTROSPECT_PATH, PROOF_TAG, REVOKE_PATH, Scopes, SessionId, SessionToken,
    VERIFY_PATH,
};
use crate::outbox::{KeySource, KeySourceError};
use crate::signature::{BodyDigest, RequestToSign, Scheme, SignError};
use crate::vocab;

/// Time that one call may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Characters of an issuer's word that are kept in an error.
const MAX_SHOWN: usize = 300;

/// Why a holder does not get what it asked an issuer for.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ClientError {
    /// There was no answer.
    #[error("no answer from the issuer")]
    Fetch(#[from] FetchError),
    /// The node has no key to sign with.
    #[error("the call cannot be signed")]
    Key(#[source] KeySourceError),
    /// The call cannot be signed.
    #[error("the call cannot be signed")]
    Sign(#[from] SignError),
    /// The issuer's origin is not a URL that can be called.
    #[error("the issuer is not an origin")]
    NotAnOrigin,
    /// The server does not speak this: it is simply an `ActivityPub` server.
    #[error("the server has no node handshake (it answered {status})")]
    Unsupported {
        /// What it answered.
        status: StatusCode,
    },
    /// The issuer refuses.
    #[error("the issuer refuses: {status} {code}: {detail}")]
    Refused {
        /// The status.
        status: StatusCode,
        /// The issuer's word for it, empty when it gave none.
        code: String,
        /// The issuer's explanation, at most 300 characters.
        detail: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The answer is not the message that it has to be.
    #[error("the issuer's answer cannot be read")]
    Message(#[from] MessageError),
    /// The challenge was made for another issuer, which would use the proof there.
    #[error("the challenge is for the audience {audience:?}")]
    ForeignAudience {
        /// For whom it was made.
        audience: String,
    },
    /// The challenge or session is over by the time it comes, by this node's clock.
    #[error("what the issuer gave is over since {expires_at}; the clocks differ")]
    Expired {
        /// When it was over.
        expires_at: Timestamp,
    },
    /// The issuer granted what nobody asked for.
    #[error("the issuer granted {granted}, which is more than was asked for")]
    Excessive {
        /// What it granted.
        granted: Scopes,
    },
}

impl ClientError {
    /// Whether the same call may succeed later.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Fetch(error) => error.is_retryable(),
            Self::Key(error) => error.retryable,
            // The challenge ended in between, as it does when two proofs cross; a new one helps.
            Self::Refused { code, .. } if code == "challenge_unknown" => true,
            Self::Refused { status, .. } => {
                status.is_server_error() || *status == StatusCode::TOO_MANY_REQUESTS
            }
            _ => false,
        }
    }

    /// How long the issuer asks to wait.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// Whether the server has no node handshake at all.
    pub fn is_unsupported(&self) -> bool {
        matches!(self, Self::Unsupported { .. })
    }
}

/// A session at another node, with the token that opens it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GrantedSession {
    /// The issuer's origin, with the path `/`.
    pub issuer: Url,
    /// The user that it is for; `None` for the node itself.
    pub subject: Option<Url>,
    /// Its id.
    pub id: SessionId,
    /// What opens it, as a bearer token.
    pub token: SessionToken,
    /// What it allows: what was asked for, or less.
    pub scopes: Scopes,
    /// The first moment at which it is over, by the issuer's clock.
    pub expires_at: Timestamp,
}

/// Asks issuers for sessions in the name of one node; clones share everything.
#[derive(Clone)]
pub struct HandshakeClient {
    node_actor: Url,
    keys: Arc<dyn KeySource>,
    transport: Arc<dyn Transport>,
    clock: Arc<dyn Clock>,
}

impl HandshakeClient {
    /// A client that signs as `node_actor`, which its server names as its own (FEP-2677).
    pub fn new(
        node_actor: Url,
        keys: Arc<dyn KeySource>,
        transport: Arc<dyn Transport>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            node_actor,
            keys,
            transport,
            clock,
        }
    }

    /// Opens a session at the node whose origin `issuer` is of, for `subject` or the node itself.
    ///
    /// # Errors
    /// See [`ClientError`].
    ///
    /// # Security
    /// A challenge made for another audience is not proven, so that no issuer can pass a proof
    /// on; nor is a session taken that allows more than was asked for.
    pub async fn open(
        &self,
        issuer: &Url,
        subject: Option<&Url>,
        scopes: Scopes,
    ) -> Result<GrantedSession, ClientError> {
        let asked = ChallengeRequest {
            subject: subject.cloned(),
            scopes,
        };
        let answer = self
            .call(issuer, CHALLENGE_PATH, asked.to_json(), None)
            .await?;
        let challenge = ChallengeAnswer::parse(&answer.body)?;
        if challenge.audience != issuer[..Position::BeforePath] {
            let audience = challenge.audience;
            return Err(ClientError::ForeignAudience { audience });
        }
        self.check_ahead(challenge.expires_at)?;

        let proof = VerifyRequest {
            challenge_id: challenge.challenge_id,
        };
        let nonce = Some(challenge.nonce.as_str());
        let answer = self
            .call(issuer, VERIFY_PATH, proof.to_json(), nonce)
            .await?;
        let session = VerifyAnswer::parse(&answer.body)?;
        if !session.scope.is_subset_of(scopes) {
            let granted = session.scope;
            return Err(ClientError::Excessive { granted });
        }
        self.check_ahead(session.expires_at)?;
        Ok(GrantedSession {
            issuer: origin_of(issuer)?,
            subject: subject.cloned(),
            id: session.session_id,
            token: session.session_token,
            scopes: session.scope,
            expires_at: session.expires_at,
        })
    }

    /// Asks the issuer what a token opens (RFC 7662).
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn introspect(
        &self,
        issuer: &Url,
        token: &SessionToken,
    ) -> Result<Introspection, ClientError> {
        let asked = IntrospectRequest {
            token: token.as_str().to_owned(),
        };
        let answer = self
            .call(issuer, INTROSPECT_PATH, asked.to_json(), None)
            .await?;
        Ok(Introspection::parse(&answer.body)?)
    }

    /// Ends a session (RFC 7009); one that the issuer does not know is no fault.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke(&self, session: &GrantedSession) -> Result<(), ClientError> {
        let asked = RevokeRequest::Token(session.token.as_str().to_owned());
        self.call(&session.issuer, REVOKE_PATH, asked.to_json(), None)
            .await?;
        Ok(())
    }

    /// Ends the session with this id at the node whose origin `issuer` is of, when its token is not
    /// kept; one that the issuer does not know is no fault.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn revoke_by_id(&self, issuer: &Url, id: SessionId) -> Result<(), ClientError> {
        let asked = RevokeRequest::SessionId(Some(id));
        self.call(issuer, REVOKE_PATH, asked.to_json(), None)
            .await?;
        Ok(())
    }

    /// Signs and makes one call; the answer has a 2xx status.
    async fn call(
        &self,
        issuer: &Url,
        path: &str,
        body: Vec<u8>,
        nonce: Option<&str>,
    ) -> Result<OutboundResponse, ClientError> {
        let mut url = origin_of(issuer)?;
        url.set_path(path);
        let key = self.keys.signing_key(&self.node_actor).await;
        let key = key.map_err(ClientError::Key)?;
        let now = self.clock.now();
        let method = Method::POST;
        let mut request = RequestToSign::new(&method, &url, now).digest(BodyDigest::of(&body));
        if let Some(nonce) = nonce {
            request = request.nonce(nonce).tag(PROOF_TAG);
        }
        let mut headers = request.sign(Scheme::Rfc9421, &key)?;
        let json = HeaderValue::from_static("application/json");
        headers.insert(CONTENT_TYPE, json.clone());
        headers.insert(ACCEPT, json);
        let limits = FetchLimits::document()
            .with_max_bytes(MAX_MESSAGE_BYTES)
            .with_deadline(DEADLINE)
            .with_max_redirects(0);
        let request = OutboundRequest::post(url, headers, Bytes::from(body), limits);
        let answer = self.transport.execute(request).await?;
        if answer.status.is_success() {
            return Ok(answer);
        }
        Err(refused(&answer, self.clock.now()))
    }

    fn check_ahead(&self, expires_at: Timestamp) -> Result<(), ClientError> {
        if expires_at <= self.clock.now() {
            return Err(ClientError::Expired { expires_at });
        }
        Ok(())
    }
}

/// What an answer means that is no success. A server that knows nothing of the handshake answers
/// 404 or 405 without a code of the handshake's.
fn refused(answer: &OutboundResponse, now: Timestamp) -> ClientError {
    let status = answer.status;
    let problem = vocab::parse(&answer.body).unwrap_or_default();
    let text = |name: &str| -> String {
        let text = problem.get(name).and_then(vocab::Value::as_str);
        text.unwrap_or_default().chars().take(MAX_SHOWN).collect()
    };
    let missing = [
        StatusCode::NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED,
        StatusCode::GONE,
        StatusCode::NOT_IMPLEMENTED,
    ];
    if missing.contains(&status) {
        return ClientError::Unsupported { status };
    }
    ClientError::Refused {
        status,
        code: text("code"),
        detail: text("detail"),
        retry_after: answer.retry_after(now),
    }
}

/// The origin of a URL, with the path `/` and nothing after it.
pub(super) fn origin_of(url: &Url) -> Result<Url, ClientError> {
    let mut origin = url.clone();
    let usable = origin.has_host() && matches!(origin.scheme(), "https" | "http");
    if !usable || !url.username().is_empty() || url.password().is_some() {
        return Err(ClientError::NotAnOrigin);
    }
    origin.set_path("/");
    origin.set_query(None);
    origin.set_fragment(None);
    Ok(origin)
}

impl fmt::Debug for HandshakeClient {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HandshakeClient")
            .field("node_actor", &self.node_actor.as_str())
            .finish_non_exhaustive()
    }
}
