//! One queued write: a closure, its answer, and the way back to its caller.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::sync::oneshot;

use super::connection::Connection;
use super::database::Durability;
use super::error::DatabaseError;
use super::receipt::{Entry, Receipt};

/// Runs `operation`; a panic becomes an error.
pub(super) fn guarded<T, E: From<DatabaseError>>(
    operation: impl FnOnce() -> Result<T, E>,
) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(operation))
        .unwrap_or_else(|_panic| Err(DatabaseError::Panicked.into()))
}

/// One queued write, whatever its types.
pub(super) trait WriteJob: Send {
    /// The activity that it applies, when it applies one.
    fn receipt(&self) -> Option<&Receipt> {
        None
    }
    /// Runs the operation and keeps its answer; whether its changes are to be kept.
    ///
    /// `entry` is what became of its receipt when that was recorded together with others.
    fn attempt(&mut self, connection: &mut Connection, entry: Option<Entry>) -> bool;
    /// Replaces the answer by a failure of the database.
    fn fail(&mut self, error: DatabaseError);
    /// Whether the commit may count as done before the disk has it.
    fn is_relaxed(&self) -> bool;
    /// Gives the caller the answer.
    fn reply(self: Box<Self>);
}

/// A [`WriteJob`] from a closure.
pub(super) struct Write<F, T, E> {
    operation: F,
    durability: Durability,
    answer: Option<Result<T, E>>,
    reply: oneshot::Sender<Result<T, E>>,
}

impl<F, T, E> Write<F, T, E> {
    pub(super) fn new(
        operation: F,
        durability: Durability,
        reply: oneshot::Sender<Result<T, E>>,
    ) -> Self {
        Self {
            operation,
            durability,
            answer: None,
            reply,
        }
    }
}

impl<F, T, E> WriteJob for Write<F, T, E>
where
    F: Fn(&mut Connection) -> Result<T, E> + Send,
    E: From<DatabaseError> + Send,
    T: Send,
{
    fn attempt(&mut self, connection: &mut Connection, _: Option<Entry>) -> bool {
        let answer = guarded(|| (self.operation)(connection));
        let keep = answer.is_ok();
        self.answer = Some(answer);
        keep
    }

    fn fail(&mut self, error: DatabaseError) {
        self.answer = Some(Err(error.into()));
    }

    fn is_relaxed(&self) -> bool {
        self.durability == Durability::Relaxed
    }

    fn reply(self: Box<Self>) {
        if let Some(answer) = self.answer {
            let _gone = self.reply.send(answer);
        }
    }
}
