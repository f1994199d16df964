//! Whom messages mention: found in their text, looked up where they are written, kept with them.
//!
//! This folder alone writes `message_mentions`.

mod model;
mod resolve;
mod store;

pub use model::{MentionKind, MentionView};
pub(in crate::messages) use resolve::{named, resolve, tagged};
pub(in crate::messages) use store::{add, clear, forget_some, of, put};
