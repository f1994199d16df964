//! What embedders and this crate's own tests need to test federation without a network.

mod clock;
#[cfg(feature = "diesel")]
mod database;
pub mod network;
mod transport;
mod verified;

pub use clock::ManualClock;
#[cfg(feature = "diesel")]
pub use database::{TEST_POSTGRES, TestDatabase, on_each_backend};
pub use network::{Endpoint, Network, simulate};
pub use transport::ScriptedTransport;
pub use verified::verified;
