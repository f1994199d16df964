//! Push streams on real WebSockets: opening them over HTTP, at either side.

#[cfg(feature = "client")]
mod connector;
#[cfg(feature = "axum")]
mod entrance;
mod opening;
mod socket;
#[cfg(test)]
mod tests;

#[cfg(feature = "client")]
pub use connector::NodeConnector;
#[cfg(feature = "axum")]
pub use entrance::{Entrance, router};
#[cfg(test)]
pub(super) use socket::WebSocket;
