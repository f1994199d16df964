//! How fast something may come: a bucket that fills with time.

use std::time::Duration;

use tokio::time::Instant;

/// Lets through `burst` at once, and `per_second` on end.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    per_second: u32,
    burst: u32,
    /// When the bucket will be full again, if nothing more comes.
    full_at: Instant,
}

impl Pace {
    pub(super) fn new(per_second: u32, burst: u32, now: Instant) -> Self {
        Self {
            per_second: per_second.max(1),
            burst: burst.max(1),
            full_at: now,
        }
    }

    /// Takes one out of the bucket; whether there was one.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let each = Duration::from_secs(1) / self.per_second;
        let full_at = self.full_at.max(now) + each;
        let fits = full_at.duration_since(now) <= each * self.burst;
        if fits {
            self.full_at = full_at;
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn fills_with_time_up_to_the_burst() {
        let mut pace = Pace::new(10, 3, Instant::now());
        let mut take = || pace.take(Instant::now());
        assert_eq!([take(), take(), take(), take()], [true, true, true, false]);
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!([take(), take()], [true, false]);
        tokio::time::advance(Duration::from_mins(1)).await;
        assert_eq!([take(), take(), take(), take()], [true, true, true, false]);
    }
}
