//! Deliveries as JSON.

use federation_core::Timestamp;
use federation_core::outbox::Delivery;
use serde::Serialize;
use url::Url;

/// One delivery as operators see it.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub(super) struct DeliveryView {
    id: String,
    /// The activity that is delivered.
    #[schema(value_type = String)]
    activity: Url,
    #[schema(value_type = String)]
    inbox: Url,
    peer: String,
    /// The actors that it reaches.
    #[schema(value_type = Vec<String>)]
    recipients: Vec<Url>,
    state: &'static str,
    attempts: u32,
    last_status: Option<u16>,
    last_error: Option<String>,
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
    #[schema(value_type = Option<String>, format = DateTime)]
    settled_at: Option<Timestamp>,
}

impl From<Delivery> for DeliveryView {
    fn from(delivery: Delivery) -> Self {
        Self {
            id: delivery.id.to_string(),
            activity: delivery.activity_id,
            inbox: delivery.inbox,
            peer: delivery.peer,
            recipients: delivery.recipients,
            state: delivery.state.as_str(),
            attempts: delivery.attempts,
            last_status: delivery.last_status,
            last_error: delivery.last_error,
            created_at: delivery.created_at,
            settled_at: delivery.settled_at,
        }
    }
}
