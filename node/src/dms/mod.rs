//! Direct conversations with anybody in the fediverse, of two or of more: found or made by naming the
//! people.
//!
//! The conversation is a channel of kind `dm`; `channels` keeps it and `messages` what is said.

mod actions;
mod recipient;
mod routes;

pub use crate::channels::conversations::may_reach;
pub use routes::router;
