//! Deliveries in SQLite or PostgreSQL.
//!
//! The functions here take a connection, so that they join the transaction of whoever calls them:
//! an activity is queued in the transaction of the change it tells about.

mod claim;
mod enqueue;
mod operate;
mod rows;
mod settle;
mod store;
mod withdraw;

pub use enqueue::enqueue;
pub use operate::{delivery, list, peer, peers, prune, retry};
pub use store::{BeforeSettling, OnSettled, SqlDeliveryStore};
pub use withdraw::{cancel_for_object, expire};
