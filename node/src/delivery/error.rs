//! Why a delivery cannot be shown or tried again.

use federation_core::outbox::DeliveryState;
use federation_core::store::sql::DatabaseError;

use crate::platform::http::error::ApiError;

/// Why a delivery cannot be shown or tried again.
#[derive(Debug, thiserror::Error)]
pub(super) enum DeliveryError {
    /// There is no such delivery.
    #[error("There is no such delivery.")]
    NotFound,
    /// It has not ended, or ended well.
    #[error("Only dead or cancelled deliveries can be tried again; this one is {}.", .0.as_str())]
    NotEnded(DeliveryState),
    /// The state of the request is none of those that exist.
    #[error("A delivery is queued, delivered, dead or cancelled.")]
    UnknownState,
    /// The database failed.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

impl From<DeliveryError> for ApiError {
    fn from(error: DeliveryError) -> Self {
        let detail = error.to_string();
        match error {
            DeliveryError::NotFound => Self::not_found(),
            DeliveryError::NotEnded(_) => Self::conflict("delivery_not_ended", detail),
            DeliveryError::UnknownState => Self::bad_request("invalid_query", detail),
            DeliveryError::Database(error) => error.into(),
        }
    }
}
