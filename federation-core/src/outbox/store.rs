//! The port to where deliveries are kept.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use url::Url;

use super::backoff::Backoff;
use super::delivery::{ClaimedDelivery, Delivery, DeliveryId, DeliveryState, Outgoing, PeerHealth};
use super::fan_out::{Expansion, FanOut};
use super::room::Room;
use super::statistics::{PeerCounts, PeerStatistics, QueueStats};
use crate::clock::Timestamp;
use crate::store::StoreError;

/// Before everything that can be due.
pub(super) const EVER: Timestamp = Timestamp::from_millis(i64::MIN);

/// What an attempt, or the lack of one, means for a delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The peer took it.
    Delivered,
    /// It is given up.
    Dead,
    /// It is tried again, not before this moment; the lane waits with it.
    Retry(Timestamp),
    /// It was not tried: the lane is given back as it was.
    Release,
}

/// What became of one claimed delivery.
#[derive(Clone, Debug)]
pub struct Settlement {
    /// The delivery, with the lease it was claimed under. When that lease has passed to somebody
    /// else in the meantime the settlement is void.
    pub delivery: Arc<ClaimedDelivery>,
    /// What follows.
    pub verdict: Verdict,
    /// The HTTP status, if there was an answer.
    pub status: Option<u16>,
    /// What went wrong.
    pub error: Option<String>,
}

impl Settlement {
    /// Whether the delivery leaves the queue with it.
    pub fn is_final(&self) -> bool {
        matches!(self.verdict, Verdict::Delivered | Verdict::Dead)
    }
}

/// What was learned of a peer as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PeerReport {
    /// Nothing; only the counts are written down, if the peer is known.
    Unchanged,
    /// It answered: everything held back for it is due.
    Answered {
        /// The signature scheme it accepted, if that is new.
        signature_scheme: Option<String>,
    },
    /// It failed.
    Failed {
        /// What it failed with.
        error: String,
        /// Failures in a row, this one counted.
        failures: u32,
        /// Hold everything for it back until then; `None` leaves what was said before.
        retry_at: Option<Timestamp>,
        /// Until when it asked to be left alone, if it did (RFC 9110 s10.2.3).
        asked_until: Option<Timestamp>,
    },
}

/// What a word of a peer changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Heard {
    /// Nothing: it is not held back, or it asked for time.
    Nothing,
    /// Nothing yet: it is being tried, and that may have begun before it was back.
    BeingTried,
    /// It is due now.
    Due,
}

/// A report on one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerUpdate {
    /// The peer.
    pub host: String,
    /// What was learned.
    pub report: PeerReport,
    /// Attempts that ended since the report before.
    pub counts: PeerCounts,
}

/// A wish for deliveries to send.
#[derive(Clone, Debug)]
pub struct Claim {
    /// A name for the leases, used once.
    pub lease: String,
    /// When they end by themselves.
    pub lease_until: Timestamp,
    /// Who may be sent to.
    pub room: Room,
}

/// One exchange of a worker with its store, done as one change.
#[derive(Clone, Debug)]
pub struct Turn {
    /// What became of earlier claims.
    pub settlements: Vec<Settlement>,
    /// What was learned of peers; at most one report each.
    pub peers: Vec<PeerUpdate>,
    /// What is wanted next.
    pub claim: Option<Claim>,
    /// The present moment.
    pub now: Timestamp,
}

/// What a [`Turn`] brought.
#[derive(Clone, Debug, Default)]
pub struct TurnEnd {
    /// Deliveries whose lanes are leased now.
    pub claimed: Vec<ClaimedDelivery>,
    /// Whether more was due than there was room for.
    pub limited: bool,
    /// What is due next, when something was claimed for: of what is due but found no room, the
    /// end of an attempt reminds.
    pub next: NextDue,
}

/// When there is something to do next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NextDue {
    /// When the first lane or held-back peer is due; leased lanes are when their lease ends.
    pub delivery: Option<Timestamp>,
    /// When the first audience is due to be spread.
    pub fan_out: Option<Timestamp>,
}

/// How many peers are remembered, and how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PeerBounds {
    /// Peers last heard of, or failed at, before this moment are forgotten.
    pub untouched_since: Timestamp,
    /// Of more than this many, those touched longest ago are forgotten.
    pub most: u32,
}

/// Which deliveries to list.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    /// Only in this state.
    pub state: Option<DeliveryState>,
    /// Only to this peer.
    pub peer: Option<String>,
    /// Only older than this one: the last of the page before.
    pub before: Option<DeliveryId>,
    /// How many at most.
    pub limit: u32,
}

/// Where deliveries are kept.
///
/// The rules every implementation keeps: a lane is leased to one holder at a time; its deliveries
/// come out in the order they were committed; lanes of a peer that is held back do not come out,
/// except for one when the time has come.
pub trait DeliveryStore: fmt::Debug + Send + Sync + 'static {
    /// Queues an activity for its targets; those it was queued for before are left out.
    ///
    /// A long list, and one behind an audience that is not spread yet, is spread later: the
    /// deliveries of these ids come to be then.
    fn enqueue(
        &self,
        outgoing: Outgoing,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<DeliveryId>, StoreError>>;

    /// Queues an activity for its targets and for an audience that is spread afterwards.
    fn fan_out(&self, fan_out: FanOut, now: Timestamp) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Spreads one page of about `limit` targets of the audience whose turn it is; one that cannot
    /// be read is tried again by `schedule`.
    fn expand(
        &self,
        limit: u32,
        schedule: Backoff,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Expansion, StoreError>>;

    /// Settles, learns and claims, in this order, as one change.
    fn turn(&self, turn: Turn) -> BoxFuture<'_, Result<TurnEnd, StoreError>>;

    /// What is due next; of lanes and peers, after `after`.
    fn next_due(&self, after: Timestamp) -> BoxFuture<'_, Result<NextDue, StoreError>>;

    /// A counter that moves when something may have become due.
    fn changes(&self) -> watch::Receiver<u64>;

    /// Gives up deliveries queued before `before` that nobody holds; at most `limit`, answers how
    /// many.
    fn expire(
        &self,
        before: Timestamp,
        limit: u32,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<usize, StoreError>>;

    /// Forgets deliveries that left the queue, were queued before `before`; at most `limit`.
    fn prune(&self, before: Timestamp, limit: u32) -> BoxFuture<'_, Result<usize, StoreError>>;

    /// Lists deliveries, newest first.
    fn list(&self, filter: DeliveryFilter) -> BoxFuture<'_, Result<Vec<Delivery>, StoreError>>;

    /// Queues a dead or cancelled delivery again; false when it is neither.
    fn retry(&self, id: DeliveryId, now: Timestamp) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Withdraws what is queued about an object and under way with nobody; answers how many.
    /// What is not spread yet is forgotten and not counted.
    fn cancel_for_object(
        &self,
        object_id: Url,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<usize, StoreError>>;

    /// Makes a peer due that is held back for longer, since it has just been heard of; not one that
    /// asked for that time, nor one that is being tried.
    fn heard_of(&self, host: String, now: Timestamp) -> BoxFuture<'_, Result<Heard, StoreError>>;

    /// Lists peers by host, after `after`.
    fn peers(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<PeerHealth>, StoreError>>;

    /// What is known of one peer, with what is queued for it.
    fn peer_statistics(
        &self,
        host: String,
    ) -> BoxFuture<'_, Result<Option<PeerStatistics>, StoreError>>;

    /// The queue as a whole; costs what is queued and dead, not what was delivered.
    fn queue_stats(&self) -> BoxFuture<'_, Result<QueueStats, StoreError>>;

    /// Forgets peers beyond `bounds` that nothing is queued for; at most `limit`, answers how many.
    fn prune_peers(
        &self,
        bounds: PeerBounds,
        limit: u32,
    ) -> BoxFuture<'_, Result<usize, StoreError>>;
}
