//! The whole of federation behind one handle: actors, inbox, handlers, deliveries.
//!
//! [`Federation`] joins the parts of this crate the way a server wants them. An application brings
//! three things: a [`FederationStore`] (a `Database` of `store::sql`, or [`MemoryStore`]), the
//! [`LocalActors`] it has, and a [`Handler`]. It gets an `InboxService`, routes for axum, and a
//! worker that delivers.
//!
//! What holds whatever the handler does: it sees nothing that is not proved (I3); it runs in the
//! transaction that records the activity, so an activity has its effect once (I2); what it queues
//! is in that transaction too, so an answer is sent exactly when there is something to answer; and
//! the sender hears 202 only after the commit (I1).
//!
//! ```
//! use federation_core::federation::{Federation, FixedKeys, HandlerError, MemoryStore};
//! use federation_core::federation::{MemoryTransaction, Profile, Queue};
//! use federation_core::inbox::Verified;
//! use federation_core::vocab::ActivityKind;
//! # use std::sync::Arc;
//! # use federation_core::testing::ScriptedTransport;
//!
//! fn receive(
//!     rows: &mut MemoryTransaction,
//!     verified: &Verified,
//!     queue: &mut Queue,
//! ) -> Result<(), HandlerError> {
//!     if verified.activity().kind == ActivityKind::Follow {
//!         rows.put(&format!("follower {}", verified.actor().id), "");
//!         queue.accept(verified)?;
//!     }
//!     Ok(())
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let transport = Arc::new(ScriptedTransport::new());
//! let federation = Federation::builder("https://here.example".parse()?, MemoryStore::new())
//!     .transport(transport)
//!     .keys(FixedKeys::default())
//!     .actor(Profile::service("echo")?)
//!     .handler(receive)
//!     .build()
//!     .await?;
//! assert_eq!(federation.actor_id("echo").as_str(), "https://here.example/users/echo");
//! # Ok(())
//! # }
//! ```

mod actors;
mod builder;
mod error;
mod handler;
mod handshake;
mod keys;
mod memory;
mod queue;
#[cfg(feature = "axum")]
mod router;
mod service;
#[cfg(feature = "diesel")]
mod sql;
mod storage;

pub use actors::{InvalidName, LocalActors, Profile};
pub use builder::FederationBuilder;
pub use error::{BuildError, HandlerError};
pub use handler::Handler;
pub use keys::{FixedKeys, KeyFolder, KeyFolderError, LocalKeyRing};
pub use memory::{MemoryStore, MemoryTransaction};
pub use queue::{Message, Queue, QueueError};
pub use service::Federation;
pub use storage::FederationStore;
