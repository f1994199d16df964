//! Messages that are passed on: what they said at that moment goes along.
//!
//! This folder alone writes `message_forwards`.

mod model;
mod store;
mod take;
mod wire;

pub use model::Forward;
pub(in crate::messages) use store::{clear, insert};
pub use store::{of, one};
pub(in crate::messages) use take::take;
pub use wire::{ForwardSource, ForwardView};
