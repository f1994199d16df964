//! The [`DeliveryStore`] on a [`Database`].

use std::fmt;
use std::sync::Arc;

use diesel::dsl::not;
use diesel::{ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _};
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use url::Url;

use super::{claim, enqueue, operate, settle, withdraw};
use crate::clock::Timestamp;
use crate::outbox::delivery::{Delivery, DeliveryId, Outgoing, PeerHealth, SettledDelivery};
use crate::outbox::store::{DeliveryFilter, DeliveryStore, Settlement, Turn, TurnEnd};
use crate::store::StoreError;
use crate::store::sql::schema::{delivery_lanes, peers};
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
}

impl SqlDeliveryStore {
    /// Keeps deliveries in `database`, whose federation migrations have run.
    pub fn new(database: Database) -> Self {
        Self {
            database,
            on_settled: None,
            before_settling: None,
        }
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

    fn next_due(&self, after: Timestamp) -> BoxFuture<'_, Result<Option<Timestamp>, StoreError>> {
        self.read(move |c| {
            let lane: Option<i64> = delivery_lanes::table
                .filter(not(delivery_lanes::parked))
                .filter(delivery_lanes::due_at.gt(after.as_millis()))
                .order(delivery_lanes::due_at)
                .select(delivery_lanes::due_at)
                .first(c)
                .optional()?;
            let peer: Option<Option<i64>> = peers::table
                .filter(peers::retry_at.gt(after.as_millis()))
                .order(peers::retry_at)
                .select(peers::retry_at)
                .first(c)
                .optional()?;
            let earliest = lane.into_iter().chain(peer.flatten()).min();
            Ok(earliest.map(Timestamp::from_millis))
        })
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

    fn peers(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<PeerHealth>, StoreError>> {
        self.read(move |c| operate::peers(c, after.as_deref(), limit))
    }
}
