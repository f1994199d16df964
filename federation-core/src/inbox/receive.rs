//! The inbox: from a request to a [`Verified`] activity, one [`Step`](super::Step) after another.

use std::fmt;
use std::sync::Arc;

use url::Url;

use crate::clock::Clock;
use crate::fetch::{DomainPolicy, SchemeMemory};
use crate::followers::{self, Synchronization};
use crate::inbox::prove::Proven;
use crate::inbox::verified::Parts;
use crate::inbox::{
    InboundLimiter, InboundRequest, KeyDirectory, Origins, Passage, ReceiveError, Verified,
};
use crate::outbox::Contacts;
use crate::proof::ProofPolicy;
use crate::signature::{SignatureClaim, VerificationPolicy, VerifiedSignature, inspect};
use crate::vocab::{Actor, same_origin};

/// What an inbox needs to know about its own server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InboxConfig {
    /// This server's origin, as others address it.
    pub origin: Url,
    /// What is demanded of signatures.
    pub policy: VerificationPolicy,
    /// What is demanded of integrity proofs (FEP-8b32).
    pub proofs: ProofPolicy,
    /// Longest body that is read, in bytes; 1 MiB by default.
    pub max_body_bytes: usize,
}

impl InboxConfig {
    /// The defaults for a server with this origin.
    pub fn new(origin: Url) -> Self {
        Self {
            origin,
            policy: VerificationPolicy::default(),
            proofs: ProofPolicy::default(),
            max_body_bytes: 1024 * 1024,
        }
    }
}

/// Authenticates what other servers send.
#[derive(Clone)]
pub struct Inbox {
    pub(super) config: InboxConfig,
    pub(super) keys: Arc<dyn KeyDirectory>,
    pub(super) blocked: Arc<dyn DomainPolicy>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) origins: Option<Arc<dyn Origins>>,
    pub(super) limiter: Option<Arc<InboundLimiter>>,
    pub(super) schemes: Option<SchemeMemory>,
    pub(super) contacts: Option<Contacts>,
}

impl Inbox {
    /// Joins the parts; `Arc<Directory>` is a [`KeyDirectory`].
    ///
    /// What actors forward for others is then accepted by integrity proof alone, see
    /// [`Inbox::asking`], and nothing is counted, see [`Inbox::limited`].
    pub fn new(
        config: InboxConfig,
        keys: Arc<dyn KeyDirectory>,
        blocked: Arc<dyn DomainPolicy>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            config,
            keys,
            blocked,
            clock,
            origins: None,
            limiter: None,
            schemes: None,
            contacts: None,
        }
    }

    /// The same inbox, which looks up at its origin what an actor brings for another without
    /// proof; `Arc<Directory>` is an [`Origins`].
    #[must_use]
    pub fn asking(mut self, origins: Arc<dyn Origins>) -> Self {
        self.origins = Some(origins);
        self
    }

    /// The same inbox, which remembers which servers sign by RFC 9421, so that they are answered
    /// in kind.
    #[must_use]
    pub fn learning(mut self, schemes: SchemeMemory) -> Self {
        self.schemes = Some(schemes);
        self
    }

    /// The same inbox, which tells the queue of deliveries who proved to be there.
    #[must_use]
    pub fn noting(mut self, contacts: Contacts) -> Self {
        self.contacts = Some(contacts);
        self
    }

    /// The same inbox, which counts what comes in.
    #[must_use]
    pub fn limited(mut self, limiter: Arc<InboundLimiter>) -> Self {
        self.limiter = Some(limiter);
        self
    }

    /// What counts requests, when anything does; other ways in share it.
    pub const fn limiter(&self) -> Option<&Arc<InboundLimiter>> {
        self.limiter.as_ref()
    }

    /// The configuration.
    pub const fn config(&self) -> &InboxConfig {
        &self.config
    }

    /// Makes every check of a received request, in the order of [`Step`](super::Step).
    ///
    /// # Errors
    /// See [`ReceiveError`]; the first check that fails names it, and its
    /// [`step`](ReceiveError::step) says where that was.
    ///
    /// # Security
    /// Nothing is fetched before all checks that need no fetch have passed; then at most the key
    /// of the sender, once more when it has changed, the key of the proof, and the activity at its
    /// origin, each within the budget of its host and of the source address.
    #[tracing::instrument(level = "debug", name = "authenticate", skip_all, fields(path = request.path()))]
    pub async fn authenticate(&self, request: InboundRequest) -> Result<Verified, ReceiveError> {
        let now = self.clock.now();
        self.admit(&request, now)?;
        let claim = inspect(&request, &self.config.policy, now)?;
        let permitted = self.permit(request.body(), &claim, now)?;
        let proven = self.prove(&request, &claim, permitted, now).await?;
        let (activity, actor) = (&proven.activity, &proven.actor);
        tracing::trace!(activity = %activity.id, actor = %actor.id, "verified");
        let synchronization = synchronization(&request, &claim, &proven);
        Ok(Verified::new(Parts {
            synchronization,
            raw: proven.shown.unwrap_or_else(|| request.into_body()),
            activity: proven.activity,
            actor: proven.actor,
            received_at: now,
            proof: proven.proof,
            passage: proven.passage,
        }))
    }

    /// Authenticates a request that need not carry an activity, such as a signed GET: the same
    /// checks as [`Inbox::authenticate`], without those of the activity.
    ///
    /// # Errors
    /// See [`ReceiveError`].
    pub async fn identify(
        &self,
        request: &InboundRequest,
    ) -> Result<(Arc<Actor>, VerifiedSignature), ReceiveError> {
        let now = self.clock.now();
        self.admit(request, now)?;
        let claim = inspect(request, &self.config.policy, now)?;
        self.check_not_blocked(claim.key_id())?;
        if same_origin(claim.key_id(), &self.config.origin) {
            return Err(ReceiveError::NotTheActor);
        }
        let anybody = |_owner: &Url| Ok(());
        let (owned, signature) = self.verify(&claim, request.payer(), now, anybody).await?;
        self.check_not_blocked(&owned.owner.id)?;
        self.charge_peer(&owned.owner.id, now)?;
        Ok((owned.owner, signature))
    }
}

/// The header about the followers of the actor, when the actor signed it and it may be believed.
fn synchronization(
    request: &InboundRequest,
    claim: &SignatureClaim,
    proven: &Proven,
) -> Option<Synchronization> {
    let mut values = request.headers().get_all(followers::HEADER).iter();
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    if !claim.covers(followers::HEADER.as_str()) || !matches!(proven.passage, Passage::Direct) {
        return None;
    }
    let header = Synchronization::parse(value.to_str().ok()?).ok()?;
    header.check(&proven.actor).is_ok().then_some(header)
}

impl fmt::Debug for Inbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Inbox")
            .field("config", &self.config)
            .field("origins", &self.origins)
            .field("limiter", &self.limiter)
            .finish_non_exhaustive()
    }
}
