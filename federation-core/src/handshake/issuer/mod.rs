//! The issuer: four calls, each from a signed request to an answer.

mod signer;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tracing::info;
use url::{Position, Url};

use super::call::{self, Call, PROOF_TAG};
use super::challenge::check_subject;
use crate::clock::{Clock, Timestamp};
use crate::fetch::DomainPolicy;
use crate::handshake::message::{
    ChallengeAnswer, ChallengeRequest, IntrospectRequest, Introspection, MAX_MESSAGE_BYTES,
    MessageError, RevokeRequest, VerifyAnswer, VerifyRequest,
};
use crate::handshake::{
    Challenge, ChallengeAdded, ChallengeId, Entropy, Granted, HandshakeError, HandshakeStore,
    HolderDirectory, Proof, SESSION_ENTROPY, SessionAdded, Sessions, SystemEntropy, Terms,
};
use crate::inbox::{InboundLimiter, InboundRequest, KeyDirectory, TooMany};
use crate::signature::{SignatureClaim, VerificationPolicy};
use crate::vocab::same_origin;

/// Where a challenge is asked for.
pub const CHALLENGE_PATH: &str = "/api/v1/node/challenge";
/// Where a challenge is proven.
pub const VERIFY_PATH: &str = "/api/v1/node/verify";
/// Where a token is asked about.
pub const INTROSPECT_PATH: &str = "/api/v1/node/introspect";
/// Where a session is ended.
pub const REVOKE_PATH: &str = "/api/v1/node/revoke";

/// How far a request's time of signing may lie from the issuer's clock, either way.
const WINDOW: Duration = Duration::from_mins(5);
/// How long a holder with too many sessions waits before it asks again.
const TOO_MANY_SESSIONS: Duration = Duration::from_mins(1);

/// What an issuer needs to know about its own node.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct IssuerConfig {
    /// Its origin, as others address it.
    pub origin: Url,
    /// The id of its own actor, which may look at every session and end it.
    pub node_actor: Url,
    /// What it grants.
    pub terms: Terms,
    /// What it demands of signatures, beside what the handshake does.
    pub policy: VerificationPolicy,
}

impl IssuerConfig {
    /// The defaults: every scope for a day, and clocks that are five minutes off.
    pub fn new(origin: Url, node_actor: Url) -> Self {
        let policy = VerificationPolicy {
            max_age: WINDOW,
            max_future_skew: WINDOW,
            expiry_leeway: Duration::ZERO,
            ..VerificationPolicy::default()
        };
        Self {
            origin,
            node_actor,
            terms: Terms::default(),
            policy,
        }
    }
}

/// What an issuer works with.
#[derive(Clone, Debug)]
#[expect(
    clippy::exhaustive_structs,
    reason = "every part is needed; a further one changes every issuer"
)]
pub struct IssuerParts {
    /// Where challenges and sessions are kept.
    pub store: Arc<dyn HandshakeStore>,
    /// The sessions in that store.
    pub sessions: Sessions,
    /// Finds keys; `Arc<Directory>` does.
    pub keys: Arc<dyn KeyDirectory>,
    /// Finds node actors and subjects; [`Holders`](super::Holders) does.
    pub holders: Arc<dyn HolderDirectory>,
    /// The domains that nothing is granted to.
    pub blocked: Arc<dyn DomainPolicy>,
    /// Counts calls by source address, before anything is fetched for them, and by holder; the
    /// same as the inbox has, so that both share one bound. `None` counts nothing.
    pub limiter: Option<Arc<InboundLimiter>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

/// Grants sessions to other nodes; clones share everything.
#[derive(Clone)]
pub struct Issuer(Arc<Inner>);

struct Inner {
    config: IssuerConfig,
    /// The origin without a slash at the end.
    audience: String,
    /// What a proof is held against: the policy, and the tag.
    proof_policy: VerificationPolicy,
    parts: IssuerParts,
    entropy: Arc<dyn Entropy>,
}

impl Issuer {
    /// Joins the parts.
    pub fn new(config: IssuerConfig, parts: IssuerParts) -> Self {
        Self::with_entropy(config, parts, Arc::new(SystemEntropy))
    }

    /// Joins the parts, with another source of random bytes.
    pub fn with_entropy(
        config: IssuerConfig,
        parts: IssuerParts,
        entropy: Arc<dyn Entropy>,
    ) -> Self {
        let mut proof_policy = config.policy.clone();
        proof_policy.required_tag = Some(PROOF_TAG.to_owned());
        Self(Arc::new(Inner {
            audience: config.origin[..Position::BeforePath].to_owned(),
            proof_policy,
            config,
            parts,
            entropy,
        }))
    }

    /// The configuration.
    pub fn config(&self) -> &IssuerConfig {
        &self.0.config
    }

    /// The sessions that were granted.
    pub fn sessions(&self) -> &Sessions {
        &self.0.parts.sessions
    }

    /// What challenges and sessions call this issuer: its origin without a slash at the end.
    pub fn audience(&self) -> &str {
        &self.0.audience
    }

    /// Answers a request for a challenge.
    ///
    /// # Errors
    /// See [`HandshakeError`]; the first check that fails names it.
    ///
    /// # Security
    /// In this order: size; signature headers, coverage, time, host and digest; blocked domain;
    /// the message, and whether its subject is of the signer's origin; then the key and the
    /// signature; whether the signer is its node's own actor; whether the subject is there.
    /// Nothing is fetched before the checks that need no fetch have passed.
    pub async fn challenge(
        &self,
        request: &InboundRequest,
    ) -> Result<ChallengeAnswer, HandshakeError> {
        let inner = &self.0;
        let (now, claim) = inner.read(request)?;
        if same_origin(claim.key_id(), &inner.config.origin) {
            return Err(HandshakeError::HolderIsIssuer);
        }
        let asked = ChallengeRequest::parse(request.body())?;
        check_subject(asked.subject.as_ref(), claim.key_id())?;
        if asked
            .scopes
            .intersection(inner.config.terms.offered)
            .is_empty()
        {
            return Err(HandshakeError::NoScope);
        }
        let holder = inner.authenticate(&claim).await?;
        inner.check_there(asked.subject.as_ref()).await?;

        let random = inner.random()?;
        let terms = inner.config.terms;
        let challenge = Challenge::issue(&asked, &holder, &inner.audience, &terms, &random, now)?;
        let answer = challenge.answer();
        match inner.parts.store.add_challenge(challenge, terms).await? {
            ChallengeAdded::Kept => Ok(answer),
            ChallengeAdded::TooMany(until) => Err(HandshakeError::TooMany {
                what: "open challenges",
                retry_after: until.since(now).max(Duration::from_secs(1)),
            }),
        }
    }

    /// Answers a request that proves a challenge.
    ///
    /// # Errors
    /// See [`HandshakeError`].
    ///
    /// # Security
    /// The challenge that the body names ends with the first wrong proof, whoever brings it
    /// ([`HandshakeError::ends_challenge`]); a right one uses it up in the transaction that
    /// keeps the session.
    pub async fn verify(&self, request: &InboundRequest) -> Result<VerifyAnswer, HandshakeError> {
        check_size(request)?;
        let id = VerifyRequest::parse(request.body())?.challenge_id;
        match self.0.prove(request, id).await {
            Err(fault) if fault.ends_challenge() => {
                self.0.parts.store.end_challenge(id).await?;
                Err(fault)
            }
            done => done,
        }
    }

    /// Answers a question about a token (RFC 7662).
    ///
    /// # Errors
    /// See [`HandshakeError`]; a token that opens nothing is no error.
    pub async fn introspect(
        &self,
        request: &InboundRequest,
    ) -> Result<Introspection, HandshakeError> {
        let inner = &self.0;
        let (now, claim) = inner.read(request)?;
        let token = IntrospectRequest::parse(request.body())?.token;
        let asker = inner.authenticate(&claim).await?;
        let issuer = &inner.config.node_actor;
        let sessions = &inner.parts.sessions;
        sessions.introspect(&token, &asker, issuer, now).await
    }

    /// Ends a session (RFC 7009).
    ///
    /// # Errors
    /// See [`HandshakeError`]; a session that is not there is no error.
    pub async fn revoke(&self, request: &InboundRequest) -> Result<(), HandshakeError> {
        let inner = &self.0;
        let (now, claim) = inner.read(request)?;
        let named = RevokeRequest::parse(request.body())?;
        let asker = inner.authenticate(&claim).await?;
        let issuer = &inner.config.node_actor;
        let sessions = &inner.parts.sessions;
        sessions.revoke_for(&named, &asker, issuer, now).await
    }
}

impl Inner {
    async fn prove(
        &self,
        request: &InboundRequest,
        id: ChallengeId,
    ) -> Result<VerifyAnswer, HandshakeError> {
        let now = self.parts.clock.now();
        let Call { claim, nonce } = call::read(request, &self.proof_policy, now)?;
        let nonce = nonce.ok_or(HandshakeError::Incomplete { part: "nonce" })?;
        self.check_signer(claim.key_id())?;
        self.charge_source(request, now)?;
        let found = self.parts.store.challenge(id).await?;
        let challenge = found.ok_or(HandshakeError::UnknownChallenge)?;
        let holder = self.authenticate(&claim).await?;
        let proof = Proof {
            holder: &holder,
            nonce: &nonce,
        };
        let terms = self.config.terms;
        let scopes = challenge.judge(proof, &self.audience, &terms, now)?;
        self.check_there(challenge.subject.as_ref()).await?;

        let random: [u8; SESSION_ENTROPY] = self.random()?;
        // What was looked up took time, in which the challenge may have ended.
        let now = self.parts.clock.now();
        let granted = Granted::from_challenge(&challenge, scopes, &terms, &random, now);
        let stored = granted.stored.clone();
        match self.parts.store.open_session(id, stored, terms).await? {
            SessionAdded::Kept(ended) => {
                self.parts.sessions.announce(&ended);
                let session = &granted.stored.session;
                info!(
                    session.id = %session.id,
                    session.holder = %session.holder,
                    session.subject = session.subject.as_ref().map(Url::as_str),
                    session.scope = %session.scopes,
                    "granted a node session"
                );
                Ok(granted.answer())
            }
            SessionAdded::ChallengeGone => Err(HandshakeError::UnknownChallenge),
            SessionAdded::TooMany => Err(HandshakeError::TooMany {
                what: "open sessions",
                retry_after: TOO_MANY_SESSIONS,
            }),
        }
    }

    /// Everything about a call that is settled before its message is read.
    fn read(
        &self,
        request: &InboundRequest,
    ) -> Result<(Timestamp, SignatureClaim), HandshakeError> {
        let now = self.parts.clock.now();
        check_size(request)?;
        let call = call::read(request, &self.config.policy, now)?;
        self.check_signer(call.claim.key_id())?;
        self.charge_source(request, now)?;
        Ok((now, call.claim))
    }

    /// Takes a place for what may have to be fetched for a call that nobody has proven yet.
    fn charge_source(
        &self,
        request: &InboundRequest,
        now: Timestamp,
    ) -> Result<(), HandshakeError> {
        match (&self.parts.limiter, request.source()) {
            (Some(limiter), Some(source)) => {
                limiter.charge_fetch(source, now).map_err(too_many_calls)
            }
            _ => Ok(()),
        }
    }

    /// Takes a place for a call of a proven holder.
    fn charge_holder(&self, holder: &Url) -> Result<(), HandshakeError> {
        let host = holder.host_str().unwrap_or_default();
        match &self.parts.limiter {
            Some(limiter) => limiter
                .charge_peer(host, self.parts.clock.now())
                .map_err(too_many_calls),
            None => Ok(()),
        }
    }

    fn random(&self) -> Result<[u8; SESSION_ENTROPY], HandshakeError> {
        let mut random = [0; SESSION_ENTROPY];
        self.entropy.fill(&mut random)?;
        Ok(random)
    }
}

fn too_many_calls(too_many: TooMany) -> HandshakeError {
    HandshakeError::TooMany {
        what: "calls",
        retry_after: too_many.retry_after.max(Duration::from_secs(1)),
    }
}

fn check_size(request: &InboundRequest) -> Result<(), HandshakeError> {
    if request.body().len() > MAX_MESSAGE_BYTES {
        return Err(MessageError::TooLong.into());
    }
    Ok(())
}

impl fmt::Debug for Issuer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Issuer")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}
