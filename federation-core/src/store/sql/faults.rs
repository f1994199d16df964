//! What the statements of a connection met with, however an operation reports it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use diesel::connection::{
    AnsiTransactionManager, Connection as _, InstrumentationEvent, TransactionManager as _,
};
use diesel::result::{DatabaseErrorKind, Error as QueryError};

use super::connection::{Backend, Connection};
use crate::each_backend;

/// The worst fault of the statements since it was last cleared.
#[derive(Clone, Default)]
pub(super) struct Faults(Arc<AtomicU8>);

impl Faults {
    pub(super) const NONE: u8 = 0;
    /// A statement failed, for a reason that another run would meet again.
    pub(super) const FAILED: u8 = 1;
    pub(super) const TRANSIENT: u8 = 2;
    pub(super) const LOST: u8 = 3;

    /// Watches the statements of `connection` from now on.
    ///
    /// An operation maps the errors of its statements to its own type, so what a failed operation
    /// met with is seen only here.
    pub(super) fn watch(&self, connection: &mut Connection) {
        let worst = Arc::clone(&self.0);
        let backend = connection.backend();
        connection.set_instrumentation(move |event: InstrumentationEvent<'_>| {
            if let InstrumentationEvent::FinishQuery {
                error: Some(error), ..
            } = event
            {
                worst.fetch_max(grade(backend, error), Ordering::Relaxed);
            }
        });
    }

    pub(super) fn clear(&self) {
        self.0.store(Self::NONE, Ordering::Relaxed);
    }

    pub(super) fn worst(&self) -> u8 {
        self.0.load(Ordering::Relaxed)
    }
}

fn grade(backend: Backend, error: &QueryError) -> u8 {
    match error {
        QueryError::BrokenTransactionManager
        | QueryError::DatabaseError(
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand,
            _,
        ) => Faults::LOST,
        QueryError::DatabaseError(DatabaseErrorKind::SerializationFailure, _) => Faults::TRANSIENT,
        // PostgreSQL's deadlocks and lock timeouts have no kind of their own.
        QueryError::DatabaseError(DatabaseErrorKind::Unknown, _)
            if backend == Backend::Postgres =>
        {
            Faults::TRANSIENT
        }
        _ => Faults::FAILED,
    }
}

/// Whether the connection can no longer be used, as far as is known without asking the server.
pub(super) fn is_broken(connection: &mut Connection) -> bool {
    each_backend!(connection, c => AnsiTransactionManager::is_broken_transaction_manager(c))
}
