//! What can go wrong with a database, in types.

use std::path::PathBuf;

use diesel::result::{DatabaseErrorKind, Error as QueryError};
use thiserror::Error;

/// A failure of the database or of the way to it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum DatabaseError {
    /// No connection could be opened.
    #[error("cannot open database {database}: {cause}; {way_out}")]
    Open {
        /// The database, without its password.
        database: String,
        /// What the system said.
        cause: String,
        /// What an operator can do about it.
        way_out: &'static str,
    },
    /// Another process serves this SQLite file.
    #[error("database {path} is in use by another process; stop it first, or use another data directory", path = path.display())]
    InUse {
        /// The database file.
        path: PathBuf,
    },
    /// Somebody else held a lock for longer than the busy timeout.
    #[error("the database is busy; try again")]
    Busy,
    /// The rows would break a rule of the schema.
    #[error("the change breaks a {kind} constraint{}", name.as_deref().map(|name| format!(" ({name})")).unwrap_or_default())]
    Constraint {
        /// Which kind of rule.
        kind: ConstraintKind,
        /// Its name or columns, as far as the backend tells.
        name: Option<String>,
    },
    /// The connection broke; a change that was being committed may or may not have happened.
    #[error("the connection to the database was lost")]
    Lost,
    /// The database was closed.
    #[error("the database is closed")]
    Closed,
    /// The operation itself panicked; its changes were rolled back.
    #[error("a database operation panicked")]
    Panicked,
    /// A migration did not run; those before it did.
    #[error("database migration failed: {cause}")]
    Migration {
        /// Which one and why.
        cause: String,
    },
    /// A stored value is not what the program writes.
    #[error("the database holds a malformed {what}")]
    Malformed {
        /// Which value.
        what: &'static str,
    },
    /// Anything else a query can fail with.
    #[error("database query failed: {0}")]
    Query(#[source] QueryError),
}

/// Which kind of rule of the schema was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConstraintKind {
    /// A value that must be unique exists already.
    Unique,
    /// A row refers to another that does not exist, or is referred to.
    ForeignKey,
    /// A value is missing.
    NotNull,
    /// A value is outside what its column allows.
    Check,
}

impl std::fmt::Display for ConstraintKind {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Unique => "unique",
            Self::ForeignKey => "foreign key",
            Self::NotNull => "not-null",
            Self::Check => "check",
        })
    }
}

impl DatabaseError {
    /// Whether the same call may succeed later without anything else changing.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Self::Busy | Self::Lost)
    }

    /// Whether a unique value existed already.
    pub fn is_duplicate(&self) -> bool {
        matches!(
            self,
            Self::Constraint {
                kind: ConstraintKind::Unique,
                ..
            }
        )
    }
}

impl From<QueryError> for DatabaseError {
    fn from(error: QueryError) -> Self {
        let QueryError::DatabaseError(kind, ref information) = error else {
            return match error {
                QueryError::BrokenTransactionManager => Self::Lost,
                other => Self::Query(other),
            };
        };
        let constraint = |kind| Self::Constraint {
            kind,
            name: information
                .constraint_name()
                .map(str::to_owned)
                .or_else(|| constraint_columns(information.message())),
        };
        match kind {
            DatabaseErrorKind::UniqueViolation => constraint(ConstraintKind::Unique),
            DatabaseErrorKind::ForeignKeyViolation => constraint(ConstraintKind::ForeignKey),
            DatabaseErrorKind::NotNullViolation => constraint(ConstraintKind::NotNull),
            DatabaseErrorKind::CheckViolation => constraint(ConstraintKind::Check),
            DatabaseErrorKind::SerializationFailure => Self::Busy,
            DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
                Self::Lost
            }
            // SQLite reports a held lock only by this fixed text of `sqlite3_errstr`.
            DatabaseErrorKind::Unknown if information.message() == "database is locked" => {
                Self::Busy
            }
            _ => Self::Query(error),
        }
    }
}

/// SQLite names the columns (`UNIQUE constraint failed: t.c`) where PostgreSQL names the constraint.
fn constraint_columns(message: &str) -> Option<String> {
    let (_, columns) = message.split_once("constraint failed: ")?;
    Some(columns.to_owned())
}
