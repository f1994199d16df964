//! Deliveries in memory: for tests, tools and embedders that accept to lose them.

mod claim;
mod fan_out;
mod peers;
mod state;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::{BoxFuture, ready};
use tokio::sync::watch;
use url::Url;

pub use self::fan_out::MemoryAudience;
use self::state::{Activity, State};
use super::backoff::Backoff;
use super::delivery::{Delivery, DeliveryId, DeliveryState, Outgoing, PeerHealth};
use super::fan_out::{Expansion, FanOut};
use super::statistics::{PeerStatistics, QueueStats};
use super::store::{DeliveryFilter, DeliveryStore, Heard, NextDue, PeerBounds, Turn, TurnEnd};
use crate::clock::Timestamp;
use crate::store::StoreError;

/// After everything that was queued.
const LATEST: Timestamp = Timestamp::from_millis(i64::MAX);

/// A [`DeliveryStore`] that forgets everything with the process.
pub struct MemoryDeliveryStore {
    state: Mutex<State>,
    changes: watch::Sender<u64>,
    audiences: Option<Arc<dyn MemoryAudience>>,
}

impl MemoryDeliveryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self {
            state: Mutex::default(),
            changes: watch::Sender::new(0),
            audiences: None,
        }
    }

    /// Queues at once; see [`DeliveryStore::enqueue`].
    pub(crate) fn enqueue_now(&self, outgoing: Outgoing, now: Timestamp) -> Vec<DeliveryId> {
        let ids = self.state().enqueue(outgoing, now);
        self.changed();
        ids
    }

    /// Reads audiences that are to be spread from `source`.
    #[must_use]
    pub fn audiences(mut self, source: Arc<dyn MemoryAudience>) -> Self {
        self.audiences = Some(source);
        self
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
        done(self.enqueue_now(outgoing, now))
    }

    fn fan_out(&self, fan_out: FanOut, now: Timestamp) -> BoxFuture<'_, Result<(), StoreError>> {
        self.state().fan_out(fan_out, now);
        self.changed();
        done(())
    }

    fn expand(
        &self,
        limit: u32,
        schedule: Backoff,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Expansion, StoreError>> {
        let source = self.audiences.as_deref();
        let expansion = self.state().expand(source, limit, &schedule, now);
        if expansion.worked {
            self.changed();
        }
        done(expansion)
    }

    fn turn(&self, turn: Turn) -> BoxFuture<'_, Result<TurnEnd, StoreError>> {
        let mut state = self.state();
        for settlement in &turn.settlements {
            state.settle(settlement, turn.now);
        }
        for update in &turn.peers {
            state.learn(update, turn.now);
        }
        for update in &turn.peers {
            state.park_all(&update.host);
        }
        for settlement in &turn.settlements {
            state.park(settlement.delivery.lane);
        }
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

    fn next_due(&self, after: Timestamp) -> BoxFuture<'_, Result<NextDue, StoreError>> {
        let next = self.state().next_due(after);
        done(next)
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
        done(state.withdraw(DeliveryState::Dead, error, (before, now), |_| true))
    }

    fn prune(&self, before: Timestamp, limit: u32) -> BoxFuture<'_, Result<usize, StoreError>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        done(self.state().forget(DeliveryId::floor(before), limit))
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
        let again = self.state().queue_again(id, now);
        if again {
            self.changed();
        }
        done(again)
    }

    fn cancel_for_object(
        &self,
        object_id: Url,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<usize, StoreError>> {
        let error = "withdrawn before it was sent";
        let matches = |activity: &Activity| activity.object_id.as_ref() == Some(&object_id);
        let mut state = self.state();
        state.cancel_fan_outs(&object_id);
        done(state.withdraw(DeliveryState::Cancelled, error, (LATEST, now), matches))
    }

    fn heard_of(&self, host: String, now: Timestamp) -> BoxFuture<'_, Result<Heard, StoreError>> {
        let heard = self.state().make_due(&host, now);
        if heard == Heard::Due {
            self.changed();
        }
        done(heard)
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

    fn peer_statistics(
        &self,
        host: String,
    ) -> BoxFuture<'_, Result<Option<PeerStatistics>, StoreError>> {
        done(self.state().statistics(&host))
    }

    fn queue_stats(&self) -> BoxFuture<'_, Result<QueueStats, StoreError>> {
        done(self.state().stats())
    }

    fn prune_peers(
        &self,
        bounds: PeerBounds,
        limit: u32,
    ) -> BoxFuture<'_, Result<usize, StoreError>> {
        done(self.state().prune_peers(&bounds, limit))
    }
}
