//! One effect per activity: the port through which verified activities are applied.

use crate::inbox::Verified;

/// How an activity was applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an activity is new or it is not")]
pub enum Applied<T> {
    /// It was new; this is what its effect gave.
    New(T),
    /// It had its effect before, and has none now.
    Duplicate,
}

impl<T> Applied<T> {
    /// What the effect gave, `None` for a duplicate.
    pub fn into_new(self) -> Option<T> {
        match self {
            Self::New(value) => Some(value),
            Self::Duplicate => None,
        }
    }
}

/// Applies each activity once, however often it arrives.
pub trait ActivityStore: Send + Sync {
    /// What an effect writes through; it sees the record of the activity and its own writes only.
    type Transaction;
    /// What the store itself can fail with.
    type Error: std::error::Error + Send + Sync + 'static;

    /// Records the activity's id and runs its effect, both in one transaction.
    ///
    /// The effect is synchronous and is given nothing but the transaction, so it cannot wait for
    /// a network. It may run several times when the database asks for that; only the last run
    /// counts.
    ///
    /// # Errors
    /// What the effect or the store fails with; then neither record nor effect remains, and the
    /// sender may try again.
    fn apply_once<T, E, F>(
        &self,
        verified: Verified,
        effect: F,
    ) -> impl Future<Output = Result<Applied<T>, E>> + Send
    where
        T: Send + 'static,
        E: From<Self::Error> + Send + 'static,
        F: Fn(&mut Self::Transaction, &Verified) -> Result<T, E> + Send + 'static;
}
