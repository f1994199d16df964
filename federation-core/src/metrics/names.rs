//! The list of everything that is measured.

/// How a metric behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// Grows until the process ends; its name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts of values by size, with their sum; its name ends in its unit.
    Histogram,
}

impl Kind {
    /// The word that is shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, by the rules of `OpenMetrics`.
    pub name: &'static str,
    /// How it behaves.
    pub kind: Kind,
    /// The names of its labels, in alphabetical order.
    pub labels: &'static [&'static str],
    /// What it tells, in one line.
    pub help: &'static str,
}

macro_rules! list {
    ($($constant:ident: $kind:ident $name:literal [$($label:literal),*] $help:literal;)+) => {
        $(pub(super) const $constant: Metric = Metric {
            name: $name,
            kind: Kind::$kind,
            labels: &[$($label),*],
            help: $help,
        };)+

        /// Every metric of this crate, in the order of `docs/metrics.md`.
        pub const ALL: &[Metric] = &[$($constant),+];
    };
}

list! {
    SIGNATURE_VERIFY: Histogram "federation_signature_verify_seconds" ["outcome", "scheme"]
        "Time of verifying one signature or proof, its key at hand.";
    INBOX_REQUESTS: Counter "federation_inbox_requests_total" ["code"]
        "Requests for an inbox, by the stable word of their answer.";
    INBOX: Histogram "federation_inbox_seconds" []
        "Time from a request for an inbox to its answer, commit included.";
    DIRECTORY_LOOKUPS: Counter "federation_directory_lookups_total" ["source"]
        "Lookups of remote actors, keys included, by where the answer came from.";
    FETCH: Histogram "federation_fetch_seconds" ["outcome"]
        "Time of one fetched document, redirects included.";
    DELIVERY_ATTEMPT: Histogram "federation_delivery_attempt_seconds" ["outcome"]
        "Time of one attempt, from signing to what the answer means.";
    DELIVERIES_SETTLED: Counter "federation_deliveries_settled_total" ["state"]
        "Deliveries that left the queue.";
    DELIVERY_LATENCY: Histogram "federation_delivery_latency_seconds" []
        "Time from queueing to acceptance by the peer.";
    DELIVERY_TURN: Histogram "federation_delivery_turn_seconds" []
        "Time of one exchange of a delivery worker with its store.";
    DELIVERIES_UNDER_WAY: Gauge "federation_deliveries_under_way" []
        "Attempts that wait for an answer now.";
    DELIVERIES_QUEUED: Gauge "federation_deliveries_queued" []
        "Deliveries that wait for their first or next attempt.";
    DELIVERIES_DEAD: Gauge "federation_deliveries_dead" []
        "Deliveries that were given up and are still remembered.";
    DELIVERY_OLDEST_DUE: Gauge "federation_delivery_oldest_due_age_seconds" []
        "How long the delivery that is due longest has been due.";
    DELIVERY_OLDEST_QUEUED: Gauge "federation_delivery_oldest_queued_age_seconds" []
        "How long the oldest queued delivery has been queued.";
    DELIVERY_FAN_OUTS: Gauge "federation_delivery_fan_outs" []
        "Audiences that are not spread to their inboxes yet.";
    PEERS: Gauge "federation_peers" []
        "Peers of which something is known.";
    PEERS_HELD_BACK: Gauge "federation_peers_held_back" []
        "Peers to which nothing is sent for now, since they fail.";
    DATABASE_COMMIT: Histogram "federation_database_commit_seconds" []
        "Time of one transaction that commits the writes of all who were waiting.";
    DATABASE_WRITES: Counter "federation_database_writes_total" []
        "Writes that were committed; by the count of commits, how many share one.";
    STREAMS: Gauge "federation_streams" ["side"]
        "Push streams that are open.";
    STREAM_FRAMES: Counter "federation_stream_frames_total" ["direction", "kind"]
        "Frames of push streams.";
    HANDSHAKES: Counter "federation_handshake_calls_total" ["call", "outcome"]
        "Calls of the node handshake that this node has answered.";
}
