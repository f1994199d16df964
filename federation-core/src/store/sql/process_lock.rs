//! One process per SQLite file: a lock file beside the database, held while it is open.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;

use super::error::DatabaseError;

/// Proof that no other process has the database open for serving.
#[derive(Debug)]
pub(super) struct ProcessLock {
    _file: File,
}

impl ProcessLock {
    /// Takes the lock of the database at `path`.
    ///
    /// # Errors
    /// [`DatabaseError::InUse`] when another process holds it, [`DatabaseError::Open`] when the
    /// lock file cannot be made.
    pub(super) fn acquire(path: &Path) -> Result<Self, DatabaseError> {
        let mut lock_path = path.as_os_str().to_owned();
        lock_path.push(".lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(|error| unusable(path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(DatabaseError::InUse {
                path: path.to_owned(),
            }),
            Err(TryLockError::Error(error)) => Err(unusable(path, &error)),
        }
    }
}

/// Makes the directory of the database, readable by its owner alone.
pub(super) fn create_directory(path: &Path) -> Result<(), DatabaseError> {
    let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    else {
        return Ok(());
    };
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
        .create(parent)
        .map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, error: &io::Error) -> DatabaseError {
    DatabaseError::Open {
        database: format!("sqlite:{}", path.display()),
        cause: error.to_string(),
        way_out: "check that its directory can be written by this user",
    }
}
