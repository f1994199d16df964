//! Sends what is queued: leases, posts, settles, and sleeps until something is due.

mod attempt;
mod config;
mod dispatch;
mod judge;
mod spread;

pub use config::WorkerConfig;
pub use dispatch::DeliveryWorker;
