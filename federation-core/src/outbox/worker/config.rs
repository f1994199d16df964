//! How a delivery worker behaves.

use std::time::Duration;

use crate::fetch::FetchLimits;
use crate::outbox::backoff::Backoff;
use crate::outbox::room::RoomLimits;

/// The settings of a [`DeliveryWorker`](super::DeliveryWorker).
#[derive(Clone, Debug)]
pub struct WorkerConfig {
    /// How many deliveries may be under way.
    pub room: RoomLimits,
    /// When a delivery is tried again and when it is given up.
    pub backoff: Backoff,
    /// When a peer that is held back is tried again.
    pub peer_backoff: Backoff,
    /// After how many failures in a row a peer is held back. Default: 3.
    pub hold_back_after: u32,
    /// How long a lane stays leased without a settlement; more than twice the deadline of an
    /// attempt. Default: 90 s.
    pub lease: Duration,
    /// What an attempt may cost.
    pub limits: FetchLimits,
    /// How often what is too old is looked for, and what a worker elsewhere has left. Default: 1 min.
    pub sweep_every: Duration,
    /// How long deliveries are remembered after they were queued. Default: 30 days.
    pub retention: Duration,
    /// How long a stopping worker waits for what is under way. Default: 10 s.
    pub drain: Duration,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            room: RoomLimits::default(),
            backoff: Backoff::default(),
            peer_backoff: Backoff {
                first: Duration::from_secs(30),
                ..Backoff::default()
            },
            hold_back_after: 3,
            lease: Duration::from_secs(90),
            limits: FetchLimits::delivery(),
            sweep_every: Duration::from_mins(1),
            retention: Duration::from_hours(30 * 24),
            drain: Duration::from_secs(10),
        }
    }
}
