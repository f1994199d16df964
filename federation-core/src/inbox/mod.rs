//! From a signed request to a `Verified` activity.

mod request;

pub use request::{InboundRequest, RequestError};
