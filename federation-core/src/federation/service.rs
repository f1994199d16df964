//! [`Federation`]: takes requests, sends activities, delivers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};
use url::Url;

use super::actors::{LocalActors, Places};
use super::builder::FederationBuilder;
use super::error::HandlerError;
use super::handler::Handler;
use super::keys::LocalKeyRing;
use super::queue::{Message, Queue, Seed};
use super::storage::FederationStore;
use crate::clock::Clock;
use crate::discovery::Software;
use crate::fetch::{Directory, DomainPolicy, RequestSigner, Transport};
use crate::inbox::{
    Applied, InboundRequest, Inbox, InboxAnswer, InboxService, TrustedProxies, Verified,
};
use crate::metrics;
use crate::outbox::{DeliveryStore, DeliveryWorker, WorkerConfig};
use crate::vocab::{ActivityKind, Actor, ActorKind};

/// How long an activity that came again is known for a copy; senders try again for days.
const REMEMBERED: Duration = Duration::from_hours(30 * 24);
/// How often what is past that time is forgotten, and how much of it in one transaction.
const PRUNE_EVERY: Duration = Duration::from_mins(10);
const PRUNED: u32 = 500;

/// A server's part in the fediverse; clones share it.
///
/// See [the module](super) for what it promises.
pub struct Federation<S: FederationStore>(pub(super) Arc<Parts<S>>);

pub(super) struct Parts<S: FederationStore> {
    pub(super) places: Places,
    pub(super) store: S,
    pub(super) software: Software,
    pub(super) actors: Arc<dyn LocalActors>,
    pub(super) keys: Arc<dyn LocalKeyRing>,
    pub(super) handler: Arc<dyn Handler<S>>,
    pub(super) transport: Arc<dyn Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) signer: Arc<dyn RequestSigner>,
    pub(super) directory: Arc<Directory>,
    pub(super) blocked: Arc<dyn DomainPolicy>,
    pub(super) inbox: Inbox,
    #[cfg_attr(
        not(feature = "axum"),
        expect(dead_code, reason = "the routes ask for it")
    )]
    pub(super) proxies: TrustedProxies,
    pub(super) worker: WorkerConfig,
}

impl<S: FederationStore> Federation<S> {
    /// Begins a federation of the server that others know by `origin` (such as
    /// `https://example.org`), keeping its state in `store`.
    pub fn builder(origin: Url, store: S) -> FederationBuilder<S> {
        FederationBuilder::new(origin, store)
    }

    /// The id of the local actor with this name.
    pub fn actor_id(&self, name: &str) -> Url {
        self.0.places.actor(name)
    }

    /// What software this server says it is.
    pub fn software(&self) -> &Software {
        &self.0.software
    }

    /// Where everything is kept.
    pub fn store(&self) -> &S {
        &self.0.store
    }

    /// Looks up actors and handles of other servers.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.0.directory
    }

    /// The guarded way out (I5).
    pub fn transport(&self) -> &Arc<dyn Transport> {
        &self.0.transport
    }

    /// Signs what is fetched.
    pub fn signer(&self) -> &Arc<dyn RequestSigner> {
        &self.0.signer
    }

    /// Where time comes from.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.0.clock
    }

    /// Authenticates requests, such as signed GETs.
    pub fn inbox(&self) -> &Inbox {
        &self.0.inbox
    }

    /// What is queued: to list, to try again, to withdraw.
    pub fn deliveries(&self) -> Arc<dyn DeliveryStore> {
        self.0.store.deliveries()
    }

    /// The document of a local actor; `None` when there is none of that name.
    ///
    /// # Errors
    /// The application or the key ring failed.
    pub async fn document(&self, name: &str) -> Result<Option<Actor>, HandlerError> {
        let parts = &self.0;
        let Some(profile) = parts.actors.profile(name).await? else {
            return Ok(None);
        };
        let keys = self.published(&parts.places.actor(profile.name())).await?;
        Ok(Some(parts.places.document(&profile, keys)))
    }

    /// The document of the server's own actor (FEP-2677).
    ///
    /// # Errors
    /// The key ring failed.
    pub async fn server_document(&self) -> Result<Actor, HandlerError> {
        let keys = self.published(&self.0.places.server_actor()).await?;
        Ok(self.0.places.server_document(keys))
    }

    async fn published(&self, actor: &Url) -> Result<Vec<crate::vocab::ActorKey>, HandlerError> {
        let keys = self.0.keys.published(actor).await;
        keys.map_err(|error| {
            let retryable = error.retryable;
            crate::store::StoreError::new(error, retryable).into()
        })
    }

    /// Runs `operation` in one transaction; what it writes and what it queues is kept together.
    ///
    /// It may run again when the database had to roll back.
    ///
    /// # Errors
    /// What `operation` answers, or the store's failure; nothing has happened then.
    pub async fn transact<T, F>(&self, operation: F) -> Result<T, HandlerError>
    where
        T: Send + 'static,
        F: Fn(&mut S::Transaction, &mut Queue) -> Result<T, HandlerError> + Send + 'static,
    {
        let parts = Arc::clone(&self.0);
        // Made once, so that a repeated run gives the same ids.
        let seed = uuid::Uuid::now_v7();
        let run = move |transaction: &mut S::Transaction| {
            let mut queue = parts.queue(Seed::Name(seed));
            let outcome = operation(transaction, &mut queue)?;
            keep::<S>(transaction, queue)?;
            Ok(outcome)
        };
        self.0.store.transact(run).await
    }

    /// Queues one message durably.
    ///
    /// # Errors
    /// The message cannot be queued, or the store failed.
    pub async fn send(&self, message: impl Into<Message>) -> Result<(), HandlerError> {
        let message = message.into();
        self.transact(move |_transaction, queue| Ok(queue.send(message.clone())?))
            .await
    }

    /// Applies a verified activity once.
    ///
    /// # Errors
    /// What the handler answers, or the store's failure; nothing has happened then.
    pub async fn apply(&self, verified: Verified) -> Result<Applied<()>, HandlerError> {
        let parts = Arc::clone(&self.0);
        let proven = proven_actor(&verified);
        let effect = move |transaction: &mut S::Transaction, verified: &Verified| {
            let mut queue = parts.queue(Seed::Activity(verified.clone()));
            parts.handler.receive(transaction, verified, &mut queue)?;
            keep::<S>(transaction, queue)
        };
        let applied = self.0.store.apply(verified, effect).await?;
        // A copy of an older update is a duplicate, and must not bring back an older document.
        if let (Applied::New(()), Some(actor)) = (&applied, proven) {
            self.0.directory.replace(actor).await;
        }
        Ok(applied)
    }

    /// Delivers what is queued, until `shutdown`; then lets go of what is under way and returns.
    ///
    /// Any number of processes may do this on one store.
    pub async fn run(&self, shutdown: CancellationToken) {
        let parts = &self.0;
        let worker = DeliveryWorker::new(
            parts.store.deliveries(),
            Arc::clone(&parts.transport),
            Arc::new(RingOf(Arc::clone(&parts.keys))),
            Arc::clone(&parts.clock),
            parts.worker.clone(),
        );
        let stopped = shutdown.clone();
        let pruning = async {
            while !stopped.is_cancelled() {
                parts.prune().await;
                let next = parts.clock.now().plus(PRUNE_EVERY);
                tokio::select! {
                    () = parts.clock.sleep_until(next) => {}
                    () = stopped.cancelled() => {}
                }
            }
        };
        tokio::join!(worker.run(shutdown), pruning);
    }

    async fn take(&self, request: InboundRequest) -> InboxAnswer {
        let verified = match self.0.inbox.authenticate(request).await {
            Ok(verified) => verified,
            Err(refused) => {
                info!(code = refused.code(), error = %refused, "refused an activity");
                return InboxAnswer::from(&refused);
            }
        };
        let id = verified.activity().id.clone();
        match self.apply(verified).await {
            Ok(applied) => {
                debug!(%id, again = applied == Applied::Duplicate, "took an activity");
                InboxAnswer::accepted()
            }
            Err(error) => {
                warn!(%id, %error, "an activity had no effect");
                error.answer()
            }
        }
    }
}

impl<S: FederationStore> Parts<S> {
    fn queue(&self, seed: Seed) -> Queue {
        Queue::new(self.places.clone(), self.clock.now(), seed)
    }

    async fn prune(&self) {
        let before = self.clock.now().minus(REMEMBERED);
        loop {
            match self.store.prune(before, PRUNED).await {
                Ok(0) => return,
                Ok(_some) => {}
                Err(error) => {
                    warn!(%error, "cannot forget old activities");
                    return;
                }
            }
        }
    }
}

/// Puts what was queued into the transaction.
fn keep<S: FederationStore>(
    transaction: &mut S::Transaction,
    queue: Queue,
) -> Result<(), HandlerError> {
    let now = queue.now();
    for outgoing in queue.into_outgoing() {
        S::enqueue(transaction, &outgoing, now)?;
    }
    Ok(())
}

/// The new document that an actor's `Update` of itself brings; `None` when it is not whole.
fn proven_actor(verified: &Verified) -> Option<Actor> {
    let activity = verified.activity();
    if activity.kind != ActivityKind::Update {
        return None;
    }
    let object = verified.trusted_object()?;
    // The inbox has compared id and keys of what it knows for an actor.
    if object.id.as_ref() != Some(&activity.actor)
        || !ActorKind::from_name(object.kind.as_str()).is_known()
    {
        return None;
    }
    let actor = object.as_actor().ok()?;
    (!actor.public_keys.is_empty()).then_some(actor)
}

/// The signing side of a key ring, for the worker.
#[derive(Debug)]
pub(super) struct RingOf(pub(super) Arc<dyn LocalKeyRing>);

impl crate::outbox::KeySource for RingOf {
    fn signing_key<'a>(
        &'a self,
        actor_id: &'a Url,
    ) -> BoxFuture<'a, Result<crate::signature::SigningKey, crate::outbox::KeySourceError>> {
        self.0.signing_key(actor_id)
    }

    fn previous_key<'a>(
        &'a self,
        actor_id: &'a Url,
    ) -> BoxFuture<'a, Result<Option<crate::signature::SigningKey>, crate::outbox::KeySourceError>>
    {
        self.0.previous_key(actor_id)
    }
}

impl<S: FederationStore> InboxService for Federation<S> {
    fn receive(&self, request: InboundRequest) -> BoxFuture<'_, InboxAnswer> {
        Box::pin(metrics::answering(self.take(request)))
    }
}

impl<S: FederationStore> Clone for Federation<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: FederationStore> fmt::Debug for Federation<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Federation")
            .field("origin", &self.0.places.origin().as_str())
            .field("store", &self.0.store)
            .finish_non_exhaustive()
    }
}
