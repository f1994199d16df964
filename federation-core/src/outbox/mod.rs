//! From an audience to durable, ordered, retried deliveries.
//!
//! An outgoing activity is stored once; each inbox it goes to is a delivery in a *lane*, the queue
//! of one ordering key at one peer. A [`DeliveryWorker`] leases lanes that are due, commits, posts
//! the first delivery of each, and writes down what became of it (ActivityPub s7.1). A peer that
//! does not answer is held back as a whole, so that it costs nobody else anything, until its time
//! comes or it is heard of ([`Contacts`]). An audience of any size is queued as one row, a [`FanOut`],
//! and spread over the lanes by the worker.
//!
//! What is bounded: attempts under way, in all and for each peer ([`RoomLimits`]); how long a
//! delivery is tried and remembered, and how many peers are ([`WorkerConfig`]); what is kept of an
//! error (512 bytes).
//!
//! ```
//! use std::sync::Arc;
//!
//! use federation_core::outbox::{
//!     DeliveryStore, DeliveryWorker, KeySource, KeySourceError, MemoryDeliveryStore, Outgoing,
//!     Target, WorkerConfig,
//! };
//! use federation_core::signature::{Algorithm, PrivateKey, SigningKey};
//! use federation_core::testing::ScriptedTransport;
//! use federation_core::{Clock, SystemClock};
//! use futures_util::future::{BoxFuture, ready};
//! use tokio_util::sync::CancellationToken;
//! use url::Url;
//!
//! #[derive(Debug)]
//! struct OneKey(SigningKey);
//!
//! impl KeySource for OneKey {
//!     fn signing_key<'a>(
//!         &'a self,
//!         _actor_id: &'a Url,
//!     ) -> BoxFuture<'a, Result<SigningKey, KeySourceError>> {
//!         Box::pin(ready(Ok(self.0.clone())))
//!     }
//! }
//!
//! # let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
//! # runtime.block_on(async {
//! let url = |text: &str| Url::parse(text).unwrap();
//! // In a server: `sql::SqlDeliveryStore` and `fetch::GuardedClient`.
//! let store: Arc<dyn DeliveryStore> = Arc::new(MemoryDeliveryStore::new());
//! let web = Arc::new(ScriptedTransport::new());
//! web.answer("https://there.example/inbox", http::StatusCode::ACCEPTED, Default::default());
//! let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
//! let key = SigningKey::new(url("https://here.example/users/alice#main-key"), key);
//! let worker = DeliveryWorker::new(
//!     Arc::clone(&store),
//!     web.clone(),
//!     Arc::new(OneKey(key)),
//!     Arc::new(SystemClock),
//!     WorkerConfig::default(),
//! );
//! let stop = CancellationToken::new();
//! let running = tokio::spawn(worker.run(stop.clone()));
//!
//! let greeting = Outgoing {
//!     activity_id: url("https://here.example/activities/1"),
//!     actor_id: url("https://here.example/users/alice"),
//!     object_id: None,
//!     body: r#"{"type":"Create"}"#.to_owned(),
//!     ordering_key: Some("conversation 1".to_owned()),
//!     targets: vec![Target {
//!         inbox: url("https://there.example/inbox"),
//!         recipients: vec![url("https://there.example/users/bob")],
//!     }],
//! };
//! store.enqueue(greeting, SystemClock.now()).await.unwrap();
//!
//! while store.queue_stats().await.unwrap().queued > 0 {
//!     tokio::task::yield_now().await;
//! }
//! stop.cancel();
//! running.await.unwrap();
//! assert_eq!(web.requests().len(), 1);
//! assert!(web.requests()[0].headers.contains_key("signature"));
//! # });
//! ```

mod audience;
mod backoff;
mod contacts;
mod decorate;
mod delivery;
pub(crate) mod explain;
mod fan_out;
mod memory;
mod outcome;
mod post;
mod room;
#[cfg(feature = "diesel")]
pub mod sql;
mod statistics;
mod store;
mod worker;

#[cfg(test)]
#[cfg(feature = "diesel")]
mod tests;

pub use audience::plan_targets;
pub use backoff::Backoff;
pub use contacts::Contacts;
pub use decorate::DeliveryDecorator;
pub(crate) use delivery::peer_of;
pub use delivery::{
    ClaimedDelivery, Delivery, DeliveryId, DeliveryState, LaneId, Outgoing, PeerHealth,
    SettledDelivery, Target,
};
pub use fan_out::{AudienceError, AudiencePage, Expansion, FanOut, LARGEST_AT_ONCE, PageQuery};
pub use memory::{MemoryAudience, MemoryDeliveryStore};
pub use outcome::Outcome;
pub use post::{KeySource, KeySourceError};
pub use room::{Room, RoomLimits, Standing};
pub use statistics::{PeerCounts, PeerStatistics, QueueStats};
pub use store::{
    Claim, DeliveryFilter, DeliveryStore, Heard, NextDue, PeerBounds, PeerReport, PeerUpdate,
    Settlement, Turn, TurnEnd, Verdict,
};
pub use worker::{DeliveryWorker, WorkerConfig};
