//! The signing keys of this server's own actors: made at first need, sealed at rest, rotated in
//! stages that break no delivery.
//!
//! [`LocalKeys`] gives each actor an RSA key, which every server of the fediverse verifies, and an
//! Ed25519 key for proofs (FEP-8b32). It is the [`KeySource`](crate::outbox::KeySource) of the
//! outbox and of signed fetches. Rows lie behind [`LocalKeyStore`], private halves are sealed by a
//! [`KeySealer`].
//!
//! # Rotation
//! [`LocalKeys::rotate`] makes new keys, and [`LocalKeys::advance`], called now and then, moves
//! them on. Each step is one transaction, so a process that is killed anywhere leaves a stage that
//! the next call resumes from; two processes cannot both take a step.
//!
//! | step | new key | old key |
//! |---|---|---|
//! | publish | [`Next`](KeyStage::Next): listed, does not sign | [`Current`](KeyStage::Current) |
//! | switch, after [`RotationPolicy::publish_for`] | `Current`: signs | [`Previous`](KeyStage::Previous): listed; signs again for a peer that refuses the new one |
//! | retire, after [`RotationPolicy::overlap`] | `Current` | [`Retired`](KeyStage::Retired): no longer listed, its private half erased |
//!
//! Each key has an id of its own, so what was signed before a step verifies after it. `publicKey`
//! of an actor's document is always one object, the current RSA key, since several servers cannot
//! read a list there; all other listed keys stand in `assertionMethod` as `Multikey` (FEP-521a).
//!
//! ```
//! use std::sync::Arc;
//! use federation_core::SystemClock;
//! use federation_core::keys::{AesSealer, LocalKeys, MemoryKeyStore, RotationPolicy};
//! use url::Url;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let keys = LocalKeys::new(
//!     Arc::new(MemoryKeyStore::default()),
//!     Arc::new(AesSealer::generate()?),
//!     Arc::new(SystemClock),
//!     RotationPolicy::default(),
//! );
//! let alice = Url::parse("https://here.example/users/alice")?;
//! let own = keys.of(&alice).await?;
//! assert_eq!(own.rsa().key_id().as_str(), "https://here.example/users/alice#main-key");
//! assert_eq!(own.published().len(), 2);
//! # Ok(())
//! # }
//! ```

mod error;
mod local;
mod made;
mod memory;
mod rotation;
mod seal;
mod store;
#[cfg(test)]
mod tests;

pub use error::LocalKeyError;
pub use local::{ActorKeys, LocalKeys};
pub use memory::MemoryKeyStore;
pub use rotation::{RotationPolicy, Steps};
pub use seal::{AesSealer, KeySealer, SealFault};
pub use store::{KeyChange, KeyStage, KeyStep, LocalKeyStore, StoredKey, published};
