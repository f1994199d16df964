//! Deliveries in memory: for tests, tools and embedders that accept to lose them.

mod state;

use std::collections::HashSet;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, ready};
use tokio::sync::watch;
use url::Url;

use self::state::{Activity, Entry, State};
use super::delivery::{Delivery, DeliveryId, DeliveryState, Outgoing, PeerHealth};
use super::store::{DeliveryFilter, DeliveryStore, Turn, TurnEnd};
use crate::clock::Timestamp;
use crate::store::StoreError;

/// A [`DeliveryStore`] that forgets everything with the process.
pub struct MemoryDeliveryStore {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
}

impl MemoryDeliveryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self {
            state: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn changed(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }
}

impl Default for MemoryDeliveryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryDeliveryStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("MemoryDeliveryStore")
            .finish_non_exhaustive()
    }
}

fn done<T: Send + 'static>(value: T) -> BoxFuture<'static, Result<T, StoreError>> {
    Box::pin(ready(Ok(value)))
}

impl DeliveryStore for MemoryDeliveryStore {
    fn enqueue(
        &self,
        outgoing: Outgoing,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<DeliveryId>, StoreError>> {
        let ids = self.state().enqueue(outgoing, now);
        self.changed();
        done(ids)
    }

    fn turn(&self, turn: Turn) -> BoxFuture<'_, Result<TurnEnd, StoreError>> {
        let mut state = self.state();
        for settlement in &turn.settlements {
            state.settle(settlement, turn.now);
        }
        for update in &turn.peers {
            state.learn(update, turn.now);
        }
        state.hold_back();
        let end = turn
            .claim
            .map(|claim| state.claim(&claim, turn.now))
            .unwrap_or_default();
        drop(state);
        if !turn.settlements.is_empty() || !end.claimed.is_empty() {
            self.changed();
        }
        done(end)
    }

    fn next_due(&self, after: Timestamp) -> BoxFuture<'_, Result<Option<Timestamp>, StoreError>> {
        let state = self.state();
        let lanes = state.lanes.values().filter(|lane| !lane.parked);
        let peers = state.peers.values().filter_map(|peer| peer.retry_at);
        let earliest = lanes
            .map(|lane| lane.due_at)
            .chain(peers)
            .filter(|due_at| *due_at > after)
            .min();
        drop(state);
        done(earliest)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn expire(
        &self,
        before: Timestamp,
        _limit: u32,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<usize, StoreError>> {
        let error = "given up: it could not be delivered in time";
        let mut state = self.state();
        state.heal(now);
        done(state.withdraw(DeliveryState::Dead, error, now, |entry, _| {
            entry.queued_at < before
        }))
    }

    fn prune(&self, before: Timestamp, _limit: u32) -> BoxFuture<'_, Result<usize, StoreError>> {
        let mut state = self.state();
        let had = state.deliveries.len() + state.activities.len();
        let floor = DeliveryId::floor(before);
        state
            .deliveries
            .retain(|id, entry| *id >= floor || entry.delivery.state == DeliveryState::Queued);
        let used: HashSet<Url> = state
            .deliveries
            .values()
            .map(|entry| entry.delivery.activity_id.clone())
            .collect();
        state.activities.retain(|id, _| used.contains(id));
        let left = state.deliveries.len() + state.activities.len();
        drop(state);
        done(had - left)
    }

    fn list(&self, filter: DeliveryFilter) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        let listed = self
            .state()
            .deliveries
            .values()
            .rev()
            .map(|entry| &entry.delivery)
            .filter(|one| filter.state.is_none_or(|state| one.state == state))
            .filter(|one| filter.peer.as_ref().is_none_or(|peer| one.peer == *peer))
            .filter(|one| filter.before.is_none_or(|before| one.id < before))
            .take(usize::try_from(filter.limit).unwrap_or(usize::MAX))
            .cloned()
            .collect();
        done(listed)
    }

    fn retry(&self, id: DeliveryId, now: Timestamp) -> BoxFuture<'_, Result<bool, StoreError>> {
        let mut state = self.state();
        let Some(entry) = state.deliveries.get_mut(&id).filter(|entry| {
            matches!(
                entry.delivery.state,
                DeliveryState::Dead | DeliveryState::Cancelled
            )
        }) else {
            return done(false);
        };
        entry.delivery.state = DeliveryState::Queued;
        entry.delivery.attempts = 0;
        entry.delivery.settled_at = None;
        entry.queued_at = now;
        let (peer, key) = (entry.delivery.peer.clone(), entry.ordering_key.clone());
        state.append(&peer, &key, id, now);
        drop(state);
        self.changed();
        done(true)
    }

    fn cancel_for_object(
        &self,
        object_id: Url,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<usize, StoreError>> {
        let error = "withdrawn before it was sent";
        let matches = |_: &Entry, activity: Option<&Activity>| {
            activity.is_some_and(|activity| activity.object_id.as_ref() == Some(&object_id))
        };
        done(
            self.state()
                .withdraw(DeliveryState::Cancelled, error, now, matches),
        )
    }

    fn peers(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<PeerHealth>, StoreError>> {
        let listed = self
            .state()
            .peers
            .values()
            .filter(|peer| after.as_ref().is_none_or(|after| peer.host > *after))
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .cloned()
            .collect();
        done(listed)
    }
}
