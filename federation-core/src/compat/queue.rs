//! [`Compat`]: what an application of `activitypub_federation` holds in place of that crate's
//! inbox and queue.

use std::fmt;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use activitypub_federation::traits::{Activity, Actor};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware};
use serde::Serialize;
use tokio::sync::{Mutex, MutexGuard};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::client::GuardedMiddleware;
use super::keys::PemKeys;
use crate::federation::{
    BuildError, Federation, FederationBuilder, FederationStore, HandlerError, Queue,
};
use crate::inbox::Verified;
use crate::outbox::{Outgoing, Target};
use crate::store::StoreError;

/// Activities that may be received at once without waiting for each other, at least.
const TURNS: usize = 64;

/// The inbox, client and queue for an application of `activitypub_federation`; clones share it.
pub struct Compat<S: FederationStore>(Arc<Parts<S>>);

struct Parts<S: FederationStore> {
    federation: Federation<S>,
    /// A repetition that arrives while the first is received waits for it.
    turns: Vec<Mutex<()>>,
}

impl<S: FederationStore> Compat<S> {
    /// Joins the parts for the server that others know by `origin`; its actors sign by `keys`, and
    /// what it fetches is signed by `fetches_as`.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn new(
        origin: Url,
        store: S,
        keys: PemKeys,
        fetches_as: Url,
    ) -> Result<Self, BuildError> {
        let builder = Federation::builder(origin, store);
        Self::build(builder.keys(keys).fetches_as(fetches_as)).await
    }

    /// The same with settings of its own; the builder has its keys already, and needs no handler.
    ///
    /// # Errors
    /// See [`BuildError`].
    pub async fn build(builder: FederationBuilder<S>) -> Result<Self, BuildError> {
        let federation = builder.handler(record_alone).build().await?;
        let turns = std::iter::repeat_with(Mutex::default).take(TURNS).collect();
        Ok(Self(Arc::new(Parts { federation, turns })))
    }

    /// What all of it is built on.
    pub fn federation(&self) -> &Federation<S> {
        &self.0.federation
    }

    /// A client for `FederationConfig::builder().client(…)`: guarded, and with signed GETs.
    ///
    /// # Errors
    /// The HTTP library refused its settings; it is given none that it could refuse.
    pub fn client(&self) -> Result<ClientWithMiddleware, reqwest::Error> {
        let federation = &self.0.federation;
        let guarded = GuardedMiddleware {
            transport: Arc::clone(federation.transport()),
            signer: Arc::clone(federation.signer()),
            clock: Arc::clone(federation.clock()),
        };
        let unused = reqwest::Client::builder().no_proxy().build()?;
        Ok(ClientBuilder::new(unused).with(guarded).build())
    }

    /// Queues an activity durably, in place of `activitypub_federation`'s `queue_activity`.
    ///
    /// What an actor sends reaches each server in the order in which it was queued.
    ///
    /// # Errors
    /// The activity cannot be written as JSON, or the store failed.
    pub async fn queue_activity<A, ActorT>(
        &self,
        activity: &A,
        actor: &ActorT,
        inboxes: Vec<Url>,
    ) -> Result<(), StoreError>
    where
        A: Activity + Serialize + Sync,
        ActorT: Actor + Sync,
    {
        let outgoing = self.outgoing(activity, actor, inboxes)?;
        let federation = &self.0.federation;
        let now = federation.clock().now();
        let enqueue =
            move |transaction: &mut S::Transaction| Ok(S::enqueue(transaction, &outgoing, now)?);
        federation
            .store()
            .transact(enqueue)
            .await
            .map_err(|error| match error {
                HandlerError::Store(error) => error,
                other => StoreError::new(other, false),
            })
    }

    /// The activity as the queue takes it: for [`FederationStore::enqueue`], in the transaction of
    /// the change that it tells about.
    ///
    /// # Errors
    /// The activity cannot be written as JSON.
    pub fn outgoing<A, ActorT>(
        &self,
        activity: &A,
        actor: &ActorT,
        mut inboxes: Vec<Url>,
    ) -> Result<Outgoing, StoreError>
    where
        A: Activity + Serialize,
        ActorT: Actor,
    {
        let body = serde_json::to_string(activity);
        let body = body.map_err(|error| StoreError::new(error, false))?;
        inboxes.sort();
        inboxes.dedup();
        let target = |inbox| Target {
            inbox,
            recipients: Vec::new(),
        };
        Ok(Outgoing {
            activity_id: activity.id().clone(),
            actor_id: actor.id().clone(),
            object_id: None,
            body,
            ordering_key: Some(actor.id().to_string()),
            targets: inboxes.into_iter().map(target).collect(),
        })
    }

    /// Delivers what is queued, until `shutdown`.
    pub async fn run(&self, shutdown: CancellationToken) {
        self.0.federation.run(shutdown).await;
    }

    /// The turn of an activity; others with its id wait.
    pub(super) async fn turn(&self, verified: &Verified) -> Option<MutexGuard<'_, ()>> {
        let mut hasher = DefaultHasher::new();
        verified.activity().id.hash(&mut hasher);
        let count = u64::try_from(TURNS).unwrap_or(u64::MAX);
        let place = usize::try_from(hasher.finish() % count).unwrap_or_default();
        match self.0.turns.get(place) {
            Some(turn) => Some(turn.lock().await),
            None => None,
        }
    }
}

/// The effect has happened already, in the application's own database.
#[expect(clippy::unnecessary_wraps, reason = "a handler may fail")]
fn record_alone<T>(_: &mut T, _: &Verified, _: &mut Queue) -> Result<(), HandlerError> {
    Ok(())
}

impl<S: FederationStore> Clone for Compat<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<S: FederationStore> fmt::Debug for Compat<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Compat")
            .field(&self.0.federation)
            .finish()
    }
}
