//! How much a client may say, however often it identifies.

use tokio::time::Instant;

use super::close::CloseReason;
use super::telling::HEARTBEAT;

/// Frames a client may send within the time between two pings.
const MAX_FRAMES: u32 = 120;
/// What a ping or a pong counts as.
pub(super) const CONTROL: u32 = 1;

/// How much a client said.
pub(super) struct Budget {
    received: u32,
    since: Instant,
}

impl Budget {
    pub(super) fn start() -> Self {
        Self {
            received: 0,
            since: Instant::now(),
        }
    }

    /// Counts a frame as this many.
    pub(super) fn count(&mut self, weight: u32) -> Result<(), CloseReason> {
        if self.since.elapsed() >= HEARTBEAT {
            *self = Self::start();
        }
        self.received = self.received.saturating_add(weight);
        if self.received > MAX_FRAMES {
            return Err(CloseReason::TooMany);
        }
        Ok(())
    }
}
