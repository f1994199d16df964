//! Peers as JSON.

use federation_core::Timestamp;
use federation_core::outbox::PeerHealth;
use serde::Serialize;

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
