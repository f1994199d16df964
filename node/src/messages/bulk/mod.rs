//! Deleting many messages of a channel at once.

mod actions;
mod routes;

pub(super) use routes::router;
