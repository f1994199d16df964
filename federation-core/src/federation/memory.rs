//! A store in memory with real transactions: for simulations, tests, and tools that may forget.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::future::{BoxFuture, ready};
use url::Url;

use super::error::HandlerError;
use super::storage::FederationStore;
use crate::clock::Timestamp;
use crate::fetch::{ActorCache, MemoryActorCache};
use crate::handshake::{HandshakeStore, MemoryHandshakeStore};
use crate::inbox::{Applied, Verified};
use crate::outbox::{DeliveryStore, MemoryDeliveryStore, Outgoing};
use crate::store::StoreError;

/// Actors of other servers that are remembered.
const ACTORS: u64 = 10_000;

/// A [`FederationStore`] that forgets everything with its last clone.
///
/// Transactions are real: one at a time, and one that fails leaves nothing behind. A test that
/// drops a federation and builds another on a clone of its store has crashed and restarted it.
#[derive(Clone)]
pub struct MemoryStore(Arc<Parts>);

struct Parts {
    state: Mutex<State>,
    deliveries: Arc<MemoryDeliveryStore>,
    actors: Arc<MemoryActorCache>,
    handshakes: Arc<MemoryHandshakeStore>,
}

#[derive(Default)]
struct State {
    rows: BTreeMap<String, Bytes>,
    received: HashMap<(Url, Url), Timestamp>,
}

/// One transaction of a [`MemoryStore`]: rows by key.
pub struct MemoryTransaction {
    rows: BTreeMap<String, Bytes>,
    /// What each changed row was before, oldest change first.
    undo: Vec<(String, Option<Bytes>)>,
    queued: Vec<(Outgoing, Timestamp)>,
}

impl MemoryTransaction {
    /// The row with this key.
    pub fn row(&self, key: &str) -> Option<&Bytes> {
        self.rows.get(key)
    }

    /// The rows whose keys begin with `prefix`, in the order of their keys.
    pub fn rows<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Bytes)> {
        self.rows
            .range(prefix.to_owned()..)
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(key, row)| (key.as_str(), row))
    }

    /// Writes a row.
    pub fn put(&mut self, key: &str, row: impl Into<Bytes>) {
        let before = self.rows.insert(key.to_owned(), row.into());
        self.undo.push((key.to_owned(), before));
    }

    /// Removes a row; whether there was one.
    pub fn remove(&mut self, key: &str) -> bool {
        let before = self.rows.remove(key);
        let was_there = before.is_some();
        self.undo.push((key.to_owned(), before));
        was_there
    }

    fn roll_back(&mut self) {
        for (key, before) in self.undo.drain(..).rev() {
            match before {
                Some(row) => self.rows.insert(key, row),
                None => self.rows.remove(&key),
            };
        }
    }
}

impl fmt::Debug for MemoryTransaction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MemoryTransaction")
            .field("rows", &self.rows.len())
            .field("changes", &self.undo.len())
            .finish_non_exhaustive()
    }
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self(Arc::new(Parts {
            state: Mutex::default(),
            deliveries: Arc::new(MemoryDeliveryStore::new()),
            actors: Arc::new(MemoryActorCache::new(ACTORS)),
            handshakes: Arc::new(MemoryHandshakeStore::new()),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs `operation`; what it changed and queued stays only when it succeeds.
    fn run<T>(
        &self,
        state: &mut State,
        operation: impl FnOnce(&mut MemoryTransaction) -> Result<T, HandlerError>,
    ) -> Result<T, HandlerError> {
        let mut transaction = MemoryTransaction {
            rows: std::mem::take(&mut state.rows),
            undo: Vec::new(),
            queued: Vec::new(),
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| operation(&mut transaction)));
        let outcome = outcome
            .unwrap_or_else(|_panic| Err(StoreError::new("an operation panicked", false).into()));
        if outcome.is_err() {
            transaction.roll_back();
            transaction.queued.clear();
        }
        state.rows = transaction.rows;
        for (outgoing, now) in transaction.queued {
            self.0.deliveries.enqueue_now(outgoing, now);
        }
        outcome
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MemoryStore")
            .finish_non_exhaustive()
    }
}

fn done<T: Send + 'static>(value: T) -> BoxFuture<'static, T> {
    Box::pin(ready(value))
}

impl FederationStore for MemoryStore {
    type Transaction = MemoryTransaction;

    fn prepare(&self) -> BoxFuture<'_, Result<(), StoreError>> {
        done(Ok(()))
    }

    fn apply<F>(
        &self,
        verified: Verified,
        effect: F,
    ) -> BoxFuture<'_, Result<Applied<()>, HandlerError>>
    where
        F: Fn(&mut MemoryTransaction, &Verified) -> Result<(), HandlerError> + Send + 'static,
    {
        let mut state = self.state();
        // An id stands for an activity together with its actor, as in the database.
        let activity = verified.activity();
        let id = (activity.id.clone(), activity.actor.clone());
        if state.received.contains_key(&id) {
            return done(Ok(Applied::Duplicate));
        }
        let outcome = self.run(&mut state, |transaction| effect(transaction, &verified));
        if outcome.is_ok() {
            state.received.insert(id, verified.received_at());
        }
        done(outcome.map(Applied::New))
    }

    fn has_received<'a>(
        &'a self,
        verified: &'a Verified,
    ) -> BoxFuture<'a, Result<bool, StoreError>> {
        let activity = verified.activity();
        let id = (activity.id.clone(), activity.actor.clone());
        done(Ok(self.state().received.contains_key(&id)))
    }

    fn transact<T, F>(&self, operation: F) -> BoxFuture<'_, Result<T, HandlerError>>
    where
        T: Send + 'static,
        F: Fn(&mut MemoryTransaction) -> Result<T, HandlerError> + Send + 'static,
    {
        let outcome = self.run(&mut self.state(), operation);
        done(outcome)
    }

    fn enqueue(
        transaction: &mut MemoryTransaction,
        outgoing: &Outgoing,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        transaction.queued.push((outgoing.clone(), now));
        Ok(())
    }

    fn prune(&self, before: Timestamp, limit: u32) -> BoxFuture<'_, Result<usize, StoreError>> {
        let mut state = self.state();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let old: Vec<(Url, Url)> = state
            .received
            .iter()
            .filter(|(_, received_at)| **received_at < before)
            .map(|(id, _)| id.clone())
            .take(limit)
            .collect();
        for id in &old {
            state.received.remove(id);
        }
        done(Ok(old.len()))
    }

    fn deliveries(&self) -> Arc<dyn DeliveryStore> {
        Arc::<MemoryDeliveryStore>::clone(&self.0.deliveries)
    }

    fn handshakes(&self) -> Arc<dyn HandshakeStore> {
        Arc::<MemoryHandshakeStore>::clone(&self.0.handshakes)
    }

    fn actors(&self) -> Arc<dyn ActorCache> {
        Arc::<MemoryActorCache>::clone(&self.0.actors)
    }
}
