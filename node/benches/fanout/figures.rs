//! What is measured of each server, and how much of it there is.

use std::time::Duration;

/// Frames that are sent in all to measure how many go in a second.
pub(crate) const FRAMES: usize = 200_000;
/// Messages sent one after another to measure how long each takes.
pub(crate) const SINGLE: usize = 100;

/// What was found of one server.
pub(crate) struct Figures {
    pub(crate) per_second: f64,
    pub(crate) p50: Duration,
    pub(crate) p99: Duration,
    pub(crate) kib: f64,
}

/// The median and the 99th percentile.
pub(crate) fn percentiles(mut times: Vec<Duration>) -> (Duration, Duration) {
    times.sort();
    let at = |percent: usize| times[(times.len() * percent / 100).min(times.len() - 1)];
    (at(50), at(99))
}
