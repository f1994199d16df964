//! Sends what is queued: leases, posts, settles, and sleeps until something is due.

mod config;
mod dispatch;
mod judge;

pub use config::WorkerConfig;
pub use dispatch::DeliveryWorker;
