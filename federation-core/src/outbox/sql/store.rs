//! The [`DeliveryStore`] on a [`Database`].

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use url::Url;

use super::fan_out::AudienceSource;
use super::{claim, enqueue, expand, fan_out, operate, settle, statistics, withdraw};
use crate::clock::Timestamp;
use crate::outbox::backoff::Backoff;
use crate::outbox::delivery::{Delivery, DeliveryId, Outgoing, PeerHealth, SettledDelivery};
use crate::outbox::fan_out::{Expansion, FanOut};
use crate::outbox::statistics::{PeerStatistics, QueueStats};
use crate::outbox::store::{
    DeliveryFilter, DeliveryStore, Heard, NextDue, PeerBounds, Settlement, Turn, TurnEnd,
};
use crate::store::StoreError;
use crate::store::sql::{Connection, Database, DatabaseError};

/// Told of every delivery that leaves the queue, in the transaction in which it does.
pub type OnSettled = Arc<
    dyn Fn(&mut Connection, &SettledDelivery) -> Result<(), DatabaseError> + Send + Sync + 'static,
>;

/// Called first in a transaction that ends deliveries, before any of their rows is locked: for a
/// lock that the told one needs and that others take before rows of the queue.
pub type BeforeSettling =
    Arc<dyn Fn(&mut Connection) -> Result<(), DatabaseError> + Send + Sync + 'static>;

/// Deliveries in a database; clones share it.
#[derive(Clone)]
pub struct SqlDeliveryStore {
    database: Database,
    on_settled: Option<OnSettled>,
    before_settling: Option<BeforeSettling>,
    audiences: Option<Arc<dyn AudienceSource>>,
}

impl SqlDeliveryStore {
    /// Keeps deliveries in `database`, whose federation migrations have run.
    pub fn new(database: Database) -> Self {
        Self {
            database,
            on_settled: None,
            before_settling: None,
            audiences: None,
        }
    }

    /// Reads audiences that are to be spread from `source`.
    #[must_use]
    pub fn audiences(mut self, source: Arc<dyn AudienceSource>) -> Self {
        self.audiences = Some(source);
        self
    }

    /// Tells `on_settled` of every delivery that leaves the queue.
    #[must_use]
    pub fn on_settled(mut self, on_settled: OnSettled) -> Self {
        self.on_settled = Some(on_settled);
        self
    }

    /// Calls `before_settling` first wherever deliveries leave the queue.
    #[must_use]
    pub fn before_settling(mut self, before_settling: BeforeSettling) -> Self {
        self.before_settling = Some(before_settling);
        self
    }

    /// A write that may end deliveries.
    fn settle<T, F>(&self, operation: F) -> BoxFuture<'_, Result<T, StoreError>>
    where
        F: Fn(&mut Connection, Option<&OnSettled>) -> Result<T, DatabaseError> + Send + 'static,
        T: Send + 'static,
    {
        let (before, told) = (self.before_settling.clone(), self.on_settled.clone());
        self.write(move |c| {
            if let Some(before) = &before {
                before(c)?;
            }
            operation(c, told.as_ref())
        })
    }

    fn write<T, F>(&self, operation: F) -> BoxFuture<'_, Result<T, StoreError>>
    where
        F: Fn(&mut Connection) -> Result<T, DatabaseError> + Send + 'static,
        T: Send + 'static,
    {
        Box::pin(async move { Ok(self.database.write(operation).await?) })
    }

    fn write_relaxed<T, F>(&self, operation: F) -> BoxFuture<'_, Result<T, StoreError>>
    where
        F: Fn(&mut Connection) -> Result<T, DatabaseError> + Send + 'static,
        T: Send + 'static,
    {
        Box::pin(async move { Ok(self.database.write_relaxed(operation).await?) })
    }

    fn read<T, F>(&self, query: F) -> BoxFuture<'_, Result<T, StoreError>>
    where
        F: FnOnce(&mut Connection) -> Result<T, DatabaseError> + Send + 'static,
        T: Send + 'static,
    {
        Box::pin(async move { Ok(self.database.read(query).await?) })
    }
}

impl fmt::Debug for SqlDeliveryStore {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SqlDeliveryStore")
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl DeliveryStore for SqlDeliveryStore {
    fn enqueue(
        &self,
        outgoing: Outgoing,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<DeliveryId>, StoreError>> {
        self.write(move |c| enqueue(c, &outgoing, now))
    }

    fn fan_out(&self, fan_out: FanOut, now: Timestamp) -> BoxFuture<'_, Result<(), StoreError>> {
        self.write(move |c| fan_out::fan_out(c, &fan_out, now))
    }

    fn expand(
        &self,
        limit: u32,
        schedule: Backoff,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Expansion, StoreError>> {
        let source = self.audiences.clone();
        // The row that is lost with a power cut is still there to be spread.
        self.write_relaxed(move |c| expand::expand(c, source.as_deref(), limit, &schedule, now))
    }

    fn turn(&self, turn: Turn) -> BoxFuture<'_, Result<TurnEnd, StoreError>> {
        let on_settled = self.on_settled.clone();
        // What the hook writes, somebody may act on at once, such as a client that counts events.
        let told = on_settled.is_some() && !turn.settlements.is_empty();
        let ends = turn.settlements.iter().any(Settlement::is_final);
        let before = self.before_settling.clone().filter(|_| ends);
        let work = move |c: &mut Connection| {
            if let Some(before) = &before {
                before(c)?;
            }
            let (settlements, peers) = (&turn.settlements, &turn.peers);
            settle::settle(c, settlements, peers, turn.now, on_settled.as_ref())?;
            match &turn.claim {
                Some(claim) => claim::claim(c, claim, turn.now),
                None => Ok(TurnEnd::default()),
            }
        };
        if told {
            self.write(work)
        } else {
            // Lost in a power cut, a lease or a settlement only has a delivery sent once more.
            self.write_relaxed(work)
        }
    }

    fn next_due(&self, after: Timestamp) -> BoxFuture<'_, Result<NextDue, StoreError>> {
        self.read(move |c| claim::next_due(c, after))
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.database.committed()
    }

    fn expire(
        &self,
        before: Timestamp,
        limit: u32,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.settle(move |c, told| withdraw::expire(c, before, limit, now, told))
    }

    fn prune(&self, before: Timestamp, limit: u32) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.write(move |c| operate::prune(c, before, limit))
    }

    fn list(&self, filter: DeliveryFilter) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>> {
        self.read(move |c| operate::list(c, &filter))
    }

    fn retry(&self, id: DeliveryId, now: Timestamp) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.write(move |c| operate::retry(c, id, now))
    }

    fn cancel_for_object(
        &self,
        object_id: Url,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.settle(move |c, told| withdraw::cancel_for_object(c, &object_id, now, told))
    }

    fn heard_of(&self, host: String, now: Timestamp) -> BoxFuture<'_, Result<Heard, StoreError>> {
        Box::pin(async move {
            let asked = host.clone();
            let is_held = self.read(move |c| operate::is_held_back(c, &asked, now));
            if !is_held.await? {
                return Ok(Heard::Nothing);
            }
            // Lost in a power cut, the peer waits for its time.
            self.write_relaxed(move |c| operate::make_due(c, &host, now))
                .await
        })
    }

    fn peers(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<PeerHealth>, StoreError>> {
        self.read(move |c| operate::peers(c, after.as_deref(), limit))
    }

    fn peer_statistics(
        &self,
        host: String,
    ) -> BoxFuture<'_, Result<Option<PeerStatistics>, StoreError>> {
        self.read(move |c| statistics::peer_statistics(c, &host))
    }

    fn queue_stats(&self) -> BoxFuture<'_, Result<QueueStats, StoreError>> {
        self.read(statistics::queue_stats)
    }

    fn prune_peers(
        &self,
        bounds: PeerBounds,
        limit: u32,
    ) -> BoxFuture<'_, Result<usize, StoreError>> {
        self.write(move |c| operate::prune_peers(c, &bounds, limit))
    }
}
