//! Previews: what the pages that a message links to say of themselves.
//!
//! This folder alone writes `previews`, the pages that were asked for lately, and `message_previews`,
//! what of them is shown with messages. A message that is written or changed asks for its pages in its
//! own transaction; a worker fetches them afterwards by the one guarded way out, and tells those who
//! see the message. What a message shows is its own: it stays as it was when its page changes.

mod actions;
mod fetch;
pub mod model;
mod routes;
mod store;
pub mod wire;
mod workers;

pub(in crate::messages) use actions::{ask, ask_again};
pub(super) use routes::router;
pub(in crate::messages) use store::{clear, of};
pub use workers::{prune, work};
