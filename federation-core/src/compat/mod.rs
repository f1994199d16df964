//! For applications written for the crate `activitypub_federation` (feature
//! `activitypub-federation`): its traits on this crate's inbox, client and queue.
//!
//! Such an application keeps its `Object`, `Actor` and `Activity` implementations and its routes
//! for documents. It changes two lines: the inbox calls [`receive_activity`] of this module, and
//! what it sends goes through [`Compat::queue_activity`]. A third, [`Compat::client`], puts
//! `ObjectId::dereference` behind the guarded client with signed GETs. What it gains: signatures
//! are checked as this crate checks them, before anything is fetched for a stranger; a repeated
//! activity is recognised; the queue is durable, in order and retried for days; keys are used
//! through OpenSSL.
//!
//! `Activity::receive` writes to the application's own database, so it cannot share a transaction
//! with the record of the activity: an activity has its effect *at least* once, and once only
//! unless the process dies between the two. [`Handler`](crate::federation::Handler) closes that
//! gap. The guide has the exact difference: `docs/guide/moving-from-activitypub-federation.md`.

#[cfg(feature = "axum")]
mod activity_data;
mod client;
mod error;
mod keys;
mod queue;
mod receive;

#[cfg(feature = "axum")]
pub use activity_data::ActivityData;
pub use client::GuardedMiddleware;
pub use error::CompatError;
pub use keys::PemKeys;
pub use queue::Compat;
#[cfg(feature = "axum")]
pub use receive::receive_activity;
