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
    /// After how many failures in a row a peer is held back: all of its lanes wait then, and one of
    /// them is tried when the time has come. Default: 1, so that dead peers with much to get do not
    /// stand in the way of others when something is chosen to be sent.
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
    /// With many deliveries under way, how long one that ended may wait for others, so that they
    /// are written down together; zero writes each down at once. Default: 20 ms.
    pub gather: Duration,
    /// How long a peer is remembered that is neither heard of nor sent to. Default: 60 days.
    pub peer_retention: Duration,
    /// How many peers are remembered; of more, those touched longest ago are forgotten unless
    /// something is queued for them. Default: 100,000.
    pub most_peers: u32,
    /// How many targets of an audience are queued in one change. Default: 250.
    pub fan_out_batch: u32,
    /// How long a stopping worker waits for what is under way. Default: 10 s.
    pub drain: Duration,
}

impl Default for WorkerConfig {
    fn default() -> Self {
        Self {
            room: RoomLimits::default(),
            backoff: Backoff::default(),
            peer_backoff: Backoff {
                first: Duration::from_secs(5),
                // One cheap attempt for all that waits: a peer that is back is soon found.
                factor: 2,
                longest: Duration::from_hours(1),
                ..Backoff::default()
            },
            hold_back_after: 1,
            lease: Duration::from_secs(90),
            limits: FetchLimits::delivery(),
            sweep_every: Duration::from_mins(1),
            retention: Duration::from_hours(30 * 24),
            gather: Duration::from_millis(20),
            peer_retention: Duration::from_hours(60 * 24),
            most_peers: 100_000,
            fan_out_batch: 250,
            drain: Duration::from_secs(10),
        }
    }
}
