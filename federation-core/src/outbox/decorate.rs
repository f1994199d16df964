//! Headers that an application adds to its deliveries.

use std::fmt;

use futures_util::future::BoxFuture;
use http::HeaderMap;

use super::delivery::ClaimedDelivery;

/// Adds headers to deliveries when they are sent; they are signed with the others.
///
/// Asked anew for every attempt, so that what it says is of now.
pub trait DeliveryDecorator: fmt::Debug + Send + Sync + 'static {
    /// The headers to add, one value each; names that signatures and bodies use are left out.
    fn headers<'a>(&'a self, delivery: &'a ClaimedDelivery) -> BoxFuture<'a, HeaderMap>;
}
