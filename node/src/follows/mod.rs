//! Who follows whom, across nodes: asking, accepting, and taking back.

pub mod error;
pub mod model;
pub mod store;
pub mod wire;
