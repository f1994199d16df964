//! The ordered checks between a request and a [`Verified`] activity, cheapest first.

use std::fmt;
use std::sync::Arc;

use url::Url;

use crate::clock::Clock;
use crate::fetch::DomainPolicy;
use crate::inbox::{
    InboundRequest, KeyDirectory, KeyLookupError, OwnedKey, Proof, ReceiveError, Verified,
    authority,
};
use crate::signature::{SignatureClaim, VerificationPolicy, VerifiedSignature, inspect};
use crate::vocab::{Activity, ActivityKind, Actor, ActorKind, same_origin};

/// What an inbox needs to know about its own server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct InboxConfig {
    /// This server's origin, as others address it.
    pub origin: Url,
    /// What is demanded of signatures.
    pub policy: VerificationPolicy,
    /// Longest body that is read, in bytes; 1 MiB by default.
    pub max_body_bytes: usize,
}

impl InboxConfig {
    /// The defaults for a server with this origin.
    pub fn new(origin: Url) -> Self {
        Self {
            origin,
            policy: VerificationPolicy::default(),
            max_body_bytes: 1024 * 1024,
        }
    }
}

/// Authenticates what other servers send.
#[derive(Clone)]
pub struct Inbox {
    config: InboxConfig,
    keys: Arc<dyn KeyDirectory>,
    blocked: Arc<dyn DomainPolicy>,
    clock: Arc<dyn Clock>,
}

impl Inbox {
    /// Joins the parts; `Arc<Directory>` is a [`KeyDirectory`].
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
        }
    }

    /// The configuration.
    pub const fn config(&self) -> &InboxConfig {
        &self.config
    }

    /// Makes every check of a received request, in order: size; signature headers, coverage, time,
    /// host and digest; shape; blocked domains; what the activity alone shows about its authority;
    /// the key and its owner; the signature.
    ///
    /// # Errors
    /// See [`ReceiveError`]; the first check that fails names it.
    ///
    /// # Security
    /// Nothing is fetched before all checks that need no fetch have passed, and then only the key
    /// of the activity's own actor, on that actor's own origin.
    pub async fn authenticate(&self, request: InboundRequest) -> Result<Verified, ReceiveError> {
        let limit = self.config.max_body_bytes;
        if request.body().len() > limit {
            return Err(ReceiveError::TooLarge { limit });
        }
        let now = self.clock.now();
        let claim = inspect(&request, &self.config.policy, now)?;
        let activity = Activity::parse(request.body())?;
        for url in [claim.key_id(), &activity.actor] {
            self.check_not_blocked(url)?;
        }
        authority::judge(&activity, &self.config.origin)?;
        if !same_origin(claim.key_id(), &activity.actor) {
            return Err(ReceiveError::NotTheActor);
        }
        let (actor, proof) = self.prove(&claim, &activity).await?;
        tracing::trace!(activity = %activity.id, actor = %activity.actor, "verified");
        let raw = request.into_body();
        Ok(Verified::new(activity, actor, raw, now, proof))
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
        let limit = self.config.max_body_bytes;
        if request.body().len() > limit {
            return Err(ReceiveError::TooLarge { limit });
        }
        let claim = inspect(request, &self.config.policy, self.clock.now())?;
        self.check_not_blocked(claim.key_id())?;
        if same_origin(claim.key_id(), &self.config.origin) {
            return Err(ReceiveError::NotTheActor);
        }
        let (owned, signature) = self.verify(&claim, |_owner| Ok(())).await?;
        self.check_not_blocked(&owned.owner.id)?;
        Ok((owned.owner, signature))
    }

    fn check_not_blocked(&self, url: &Url) -> Result<(), ReceiveError> {
        let host = url.host_str().unwrap_or_default();
        if self.blocked.is_blocked(host) {
            return Err(ReceiveError::Blocked {
                host: host.to_owned(),
            });
        }
        Ok(())
    }

    async fn prove(
        &self,
        claim: &SignatureClaim,
        activity: &Activity,
    ) -> Result<(Arc<Actor>, Proof), ReceiveError> {
        let is_actor = |owner: &Url| {
            if *owner == activity.actor {
                Ok(())
            } else {
                Err(ReceiveError::NotTheActor)
            }
        };
        match self.verify(claim, is_actor).await {
            Ok((owned, signature)) => Ok((owned.owner, Proof::Signature(signature))),
            Err(ReceiveError::Key(KeyLookupError::Gone))
                if deletes_itself(activity) && self.keys.is_gone(&activity.actor).await =>
            {
                Ok((Arc::new(remains_of(&activity.actor)), Proof::Gone))
            }
            Err(fault) => Err(fault),
        }
    }

    /// Finds the key, judges its owner and verifies; once more with a fresh key when the known one
    /// does not fit, since owners change keys.
    async fn verify(
        &self,
        claim: &SignatureClaim,
        judge: impl Fn(&Url) -> Result<(), ReceiveError> + Send + Sync,
    ) -> Result<(OwnedKey, VerifiedSignature), ReceiveError> {
        let known = self.keys.key(claim.key_id()).await?;
        judge(&known.owner.id)?;
        let fault = match claim.verify(&known.key) {
            Ok(signature) => return Ok((known, signature)),
            Err(fault) => fault,
        };
        let fresh = match self.keys.refresh_key(claim.key_id()).await {
            Ok(fresh) => fresh,
            Err(KeyLookupError::Unusable(_)) => return Err(fault.into()),
            Err(other) => return Err(other.into()),
        };
        judge(&fresh.owner.id)?;
        if fresh.key == known.key {
            return Err(fault.into());
        }
        let signature = claim.verify(&fresh.key)?;
        Ok((fresh, signature))
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Inbox")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

fn deletes_itself(activity: &Activity) -> bool {
    activity.kind == ActivityKind::Delete && activity.object_id() == Some(&activity.actor)
}

/// All that is left of an actor that is gone.
fn remains_of(id: &Url) -> Actor {
    let kind = ActorKind::from_name("Tombstone");
    Actor::new(id.clone(), kind, id.clone())
}
