//! What messages said before they were edited.
//!
//! This folder alone writes `message_revisions`.

mod actions;
mod routes;
mod store;
mod wire;

pub(in crate::messages) use routes::router;
pub use store::{Revision, of_author};
pub(in crate::messages) use store::{clear, counts, keep};
