//! Figures of the queue, for operators and for metrics.

use std::time::Duration;

use super::delivery::PeerHealth;
use crate::clock::Timestamp;

/// Attempts at one peer by how they ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PeerCounts {
    /// Attempts that the peer took.
    pub delivered: u64,
    /// Attempts that may succeed later: no answer, or one that asks for patience.
    pub failed: u64,
    /// Attempts that the peer refused for good, or for want of authority.
    pub refused: u64,
    /// How long an answer takes: the average here, a moving one where it is kept.
    pub latency: Option<Duration>,
}

impl PeerCounts {
    /// Whether there is nothing to tell.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What is kept after `latest` has come.
    pub(super) fn add(&mut self, latest: &Self) {
        self.delivered = self.delivered.saturating_add(latest.delivered);
        self.failed = self.failed.saturating_add(latest.failed);
        self.refused = self.refused.saturating_add(latest.refused);
        self.latency = match (self.latency, latest.latency) {
            (Some(kept), Some(new)) => Some((kept * 3 + new) / 4),
            (kept, new) => new.or(kept),
        };
    }
}

/// One peer with what is queued for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerStatistics {
    /// How it fares.
    pub health: PeerHealth,
    /// What became of attempts since the peer is known. A worker writes them down at least once a
    /// minute; those of a process that was killed since are lost.
    pub counts: PeerCounts,
    /// Deliveries that wait for it.
    pub queued: u64,
    /// Conversations these belong to.
    pub lanes: u64,
    /// When the one that waits longest was queued.
    pub oldest_queued_at: Option<Timestamp>,
}

/// The queue as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueStats {
    /// Deliveries that wait, those under way counted.
    pub queued: u64,
    /// When the one that waits longest was queued.
    pub oldest_queued_at: Option<Timestamp>,
    /// Since when the longest due one could be under way: nobody holds it back, and no worker
    /// holds it.
    pub oldest_due_at: Option<Timestamp>,
    /// Audiences that are not spread yet.
    pub fan_outs: u64,
    /// Peers that are held back.
    pub held_back_peers: u64,
    /// Deliveries that were given up and are still remembered.
    pub dead: u64,
    /// Peers that are known.
    pub peers: u64,
}

impl QueueStats {
    /// How long the longest due delivery could have been under way.
    pub fn oldest_due_age(&self, now: Timestamp) -> Option<Duration> {
        let due_at = self.oldest_due_at.filter(|due_at| *due_at <= now)?;
        Some(now.since(due_at))
    }
}
