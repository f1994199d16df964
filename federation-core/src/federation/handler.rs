//! What an application does with what arrives.

use super::error::HandlerError;
use super::queue::Queue;
use super::storage::FederationStore;
use crate::inbox::Verified;

/// Gives verified activities their effect.
///
/// A function `fn(&mut S::Transaction, &Verified, &mut Queue) -> Result<(), HandlerError>` is one.
pub trait Handler<S: FederationStore>: Send + Sync + 'static {
    /// Gives one activity its effect.
    ///
    /// It runs inside the transaction that records the activity (I2): what it writes through
    /// `transaction` and puts into `queue` is kept together with that record, or not at all. It is
    /// called once for each activity, again only when the database had to roll back. It cannot
    /// wait for a network, since it is no `async` function (I6).
    ///
    /// # Errors
    /// See [`HandlerError`]: everything is rolled back and the sender is told. What is of no
    /// interest is `Ok(())`.
    ///
    /// # Security
    /// That the activity is its actor's is proved. That the actor owns the *stored* thing that it
    /// names is for the handler to compare (I4).
    fn receive(
        &self,
        transaction: &mut S::Transaction,
        verified: &Verified,
        queue: &mut Queue,
    ) -> Result<(), HandlerError>;
}

impl<S, F> Handler<S> for F
where
    S: FederationStore,
    F: Fn(&mut S::Transaction, &Verified, &mut Queue) -> Result<(), HandlerError>
        + Send
        + Sync
        + 'static,
{
    fn receive(
        &self,
        transaction: &mut S::Transaction,
        verified: &Verified,
        queue: &mut Queue,
    ) -> Result<(), HandlerError> {
        self(transaction, verified, queue)
    }
}
