//! What embedders and this crate's own tests need to test federation without a network.

mod clock;

pub use clock::ManualClock;
