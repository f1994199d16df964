//! The delivery queue on the disk of a node: each change takes its time, before and after it is
//! there, so that a crash can come between the two.

use std::sync::Arc;

use federation_core::Timestamp;
use federation_core::outbox::{
    Backoff, Delivery, DeliveryFilter, DeliveryId, DeliveryStore, Expansion, FanOut, Heard,
    NextDue, Outgoing, PeerBounds, PeerHealth, PeerStatistics, QueueStats, Turn, TurnEnd,
};
use federation_core::store::StoreError;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use url::Url;

use crate::disk::Disk;

/// The queue of one node.
#[derive(Debug)]
pub(crate) struct Queue(pub(crate) Arc<Disk>);

type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

impl DeliveryStore for Queue {
    fn enqueue(&self, outgoing: Outgoing, now: Timestamp) -> Answer<'_, Vec<DeliveryId>> {
        self.0.deliveries.enqueue(outgoing, now)
    }

    fn turn(&self, turn: Turn) -> Answer<'_, TurnEnd> {
        Box::pin(async move {
            self.0.pause().await;
            self.0.look_for_dead(&turn.settlements);
            let end = self.0.deliveries.turn(turn).await;
            self.0.pause().await;
            end
        })
    }

    fn fan_out(&self, fan_out: FanOut, now: Timestamp) -> Answer<'_, ()> {
        self.0.deliveries.fan_out(fan_out, now)
    }

    fn expand(&self, limit: u32, schedule: Backoff, now: Timestamp) -> Answer<'_, Expansion> {
        self.0.deliveries.expand(limit, schedule, now)
    }

    fn next_due(&self, after: Timestamp) -> Answer<'_, NextDue> {
        self.0.deliveries.next_due(after)
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.0.deliveries.changes()
    }

    fn expire(&self, before: Timestamp, limit: u32, now: Timestamp) -> Answer<'_, usize> {
        self.0.deliveries.expire(before, limit, now)
    }

    fn prune(&self, before: Timestamp, limit: u32) -> Answer<'_, usize> {
        self.0.deliveries.prune(before, limit)
    }

    fn list(&self, filter: DeliveryFilter) -> Answer<'_, Vec<Delivery>> {
        self.0.deliveries.list(filter)
    }

    fn retry(&self, id: DeliveryId, now: Timestamp) -> Answer<'_, bool> {
        self.0.deliveries.retry(id, now)
    }

    fn cancel_for_object(&self, object_id: Url, now: Timestamp) -> Answer<'_, usize> {
        self.0.deliveries.cancel_for_object(object_id, now)
    }

    fn heard_of(&self, host: String, now: Timestamp) -> Answer<'_, Heard> {
        self.0.deliveries.heard_of(host, now)
    }

    fn peers(&self, after: Option<String>, limit: u32) -> Answer<'_, Vec<PeerHealth>> {
        self.0.deliveries.peers(after, limit)
    }

    fn peer_statistics(&self, host: String) -> Answer<'_, Option<PeerStatistics>> {
        self.0.deliveries.peer_statistics(host)
    }

    fn queue_stats(&self) -> Answer<'_, QueueStats> {
        self.0.deliveries.queue_stats()
    }

    fn prune_peers(&self, bounds: PeerBounds, limit: u32) -> Answer<'_, usize> {
        self.0.deliveries.prune_peers(bounds, limit)
    }
}
