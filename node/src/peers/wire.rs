//! Peers as JSON.

use federation_core::Timestamp;
use federation_core::outbox::{PeerCounts, PeerHealth, PeerStatistics};
use serde::Serialize;

use super::policies::PolicyView;
use crate::platform::domains::Policy;

/// A peer as operators see it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PeerView {
    domain: String,
    /// Failures in a row since its last answer.
    failures: u32,
    #[schema(value_type = Option<String>, format = DateTime)]
    failing_since_at: Option<Timestamp>,
    /// Until when everything for it is held back; null when it is well.
    #[schema(value_type = Option<String>, format = DateTime)]
    retry_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_success_at: Option<Timestamp>,
    #[schema(value_type = Option<String>, format = DateTime)]
    last_failure_at: Option<Timestamp>,
    last_error: Option<String>,
    signature_scheme: Option<String>,
}

impl From<PeerHealth> for PeerView {
    fn from(peer: PeerHealth) -> Self {
        Self {
            domain: peer.host,
            failures: peer.failures,
            failing_since_at: peer.failing_since_at,
            retry_at: peer.retry_at,
            last_success_at: peer.last_success_at,
            last_failure_at: peer.last_failure_at,
            last_error: peer.last_error,
            signature_scheme: peer.signature_scheme,
        }
    }
}

/// A peer with what is queued for it and the policy towards it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct PeerHealthView {
    #[serde(flatten)]
    peer: PeerView,
    /// Attempts that it took since it is known.
    delivered: u64,
    /// Attempts that may succeed later.
    failed: u64,
    /// Attempts that it refused.
    refused: u64,
    /// How long its answers take, as a moving average.
    latency_ms: Option<u64>,
    /// Deliveries that wait for it.
    queued: u64,
    /// Conversations that these belong to.
    lanes: u64,
    #[schema(value_type = Option<String>, format = DateTime)]
    oldest_queued_at: Option<Timestamp>,
    /// The policy of exactly this domain.
    policy: Option<PolicyView>,
}

impl PeerHealthView {
    /// Shows what is known of the peer `host`.
    pub(super) fn new(
        host: String,
        (known, policy): (Option<PeerStatistics>, Option<Policy>),
    ) -> Self {
        let known = known.unwrap_or_else(|| PeerStatistics {
            health: PeerHealth {
                host,
                ..PeerHealth::default()
            },
            counts: PeerCounts::default(),
            queued: 0,
            lanes: 0,
            oldest_queued_at: None,
        });
        let latency = known.counts.latency;
        Self {
            peer: PeerView::from(known.health),
            delivered: known.counts.delivered,
            failed: known.counts.failed,
            refused: known.counts.refused,
            latency_ms: latency.and_then(|latency| u64::try_from(latency.as_millis()).ok()),
            queued: known.queued,
            lanes: known.lanes,
            oldest_queued_at: known.oldest_queued_at,
            policy: policy.as_ref().map(PolicyView::from),
        }
    }
}
