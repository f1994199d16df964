//! The threads of a database.

use std::thread;

use super::database::DatabaseOptions;
use super::error::DatabaseError;

/// Starts a named thread; a machine that has none left cannot open a database.
pub(super) fn spawn_thread(
    name: &str,
    options: &DatabaseOptions,
    body: impl FnOnce() + Send + 'static,
) -> Result<(), DatabaseError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(body)
        .map(drop)
        .map_err(|error| DatabaseError::Open {
            database: options.url.to_string(),
            cause: error.to_string(),
            way_out: "raise the limit of threads of this user",
        })
}
