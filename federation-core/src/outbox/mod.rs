//! From an audience to durable, ordered, retried deliveries.
//!
//! An outgoing activity is stored once; each inbox it goes to is a delivery in a *lane*, the queue
//! of one ordering key at one peer. A [`DeliveryWorker`] leases lanes that are due, commits, posts
//! the first delivery of each, and writes down what became of it (ActivityPub s7.1). A peer that
//! does not answer is held back as a whole, so that it costs nobody else anything.

mod audience;
mod backoff;
mod delivery;
mod memory;
mod outcome;
mod post;
mod room;
#[cfg(feature = "diesel")]
pub mod sql;
mod store;
mod worker;

#[cfg(test)]
#[cfg(feature = "diesel")]
mod tests;

pub use audience::plan_targets;
pub use backoff::Backoff;
pub use delivery::{
    ClaimedDelivery, Delivery, DeliveryId, DeliveryState, LaneId, Outgoing, PeerHealth,
    SettledDelivery, Target,
};
pub use memory::MemoryDeliveryStore;
pub use outcome::Outcome;
pub use post::{KeySource, KeySourceError};
pub use room::{Room, RoomLimits, Standing};
pub use store::{
    Claim, DeliveryFilter, DeliveryStore, PeerReport, PeerUpdate, Settlement, Turn, TurnEnd,
    Verdict,
};
pub use worker::{DeliveryWorker, WorkerConfig};
