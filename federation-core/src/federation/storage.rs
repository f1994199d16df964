//! The port to where a federation keeps what must not be lost.

use std::fmt;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use super::error::HandlerError;
use crate::clock::Timestamp;
use crate::fetch::ActorCache;
use crate::handshake::HandshakeStore;
use crate::inbox::{Applied, Verified};
use crate::outbox::{DeliveryStore, Outgoing};
use crate::store::StoreError;

/// Where a federation keeps what must not be lost: which activities had their effect, what is to
/// be delivered, what is known of others. Clones share it.
///
/// The application's own tables are written through the same transactions.
pub trait FederationStore: Clone + fmt::Debug + Send + Sync + 'static {
    /// What handlers write through.
    type Transaction: 'static;

    /// Makes the store ready, by running migrations for instance.
    fn prepare(&self) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Records the activity and runs `effect`, both in one transaction; neither when it was
    /// recorded before or `effect` fails. Answers after the commit.
    ///
    /// `effect` may run several times when a transaction has to be repeated; the last run counts.
    fn apply<F>(
        &self,
        verified: Verified,
        effect: F,
    ) -> BoxFuture<'_, Result<Applied<()>, HandlerError>>
    where
        F: Fn(&mut Self::Transaction, &Verified) -> Result<(), HandlerError> + Send + 'static;

    /// Whether the activity was recorded before.
    fn has_received<'a>(
        &'a self,
        verified: &'a Verified,
    ) -> BoxFuture<'a, Result<bool, StoreError>>;

    /// Runs `operation` in a transaction; answers after the commit.
    fn transact<T, F>(&self, operation: F) -> BoxFuture<'_, Result<T, HandlerError>>
    where
        T: Send + 'static,
        F: Fn(&mut Self::Transaction) -> Result<T, HandlerError> + Send + 'static;

    /// Queues an activity as part of a transaction.
    ///
    /// # Errors
    /// The store failed; the transaction has to be rolled back.
    fn enqueue(
        transaction: &mut Self::Transaction,
        outgoing: &Outgoing,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// Forgets at most `limit` activities that were received before `before`; how many there were.
    fn prune(&self, before: Timestamp, limit: u32) -> BoxFuture<'_, Result<usize, StoreError>>;

    /// What is queued.
    fn deliveries(&self) -> Arc<dyn DeliveryStore>;

    /// Challenges and sessions of the node handshake.
    fn handshakes(&self) -> Arc<dyn HandshakeStore>;

    /// What is known of actors of other servers.
    fn actors(&self) -> Arc<dyn ActorCache>;
}
