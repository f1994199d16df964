//! [`Bucket`]: one token bucket in one number (the generic cell rate algorithm).

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use federation_core::Timestamp;

/// How much may be asked for: all of it at once, and again as time passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) requests: u32,
    pub(super) window: Duration,
}

/// When the bucket is full again, in nanoseconds since 1970.
#[derive(Debug, Default)]
pub(super) struct Bucket(AtomicU64);

/// What came of asking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Taken {
    /// Requests that are left.
    pub(super) left: u64,
    /// How long until the whole quota is there again.
    pub(super) full_in: Duration,
    /// How long to wait, when this request was too much.
    pub(super) refused_for: Option<Duration>,
}

impl Quota {
    /// The same window for this many times the requests.
    pub(super) const fn times(self, factor: u32) -> Self {
        Self {
            requests: self.requests.saturating_mul(factor),
            window: self.window,
        }
    }
}

impl Bucket {
    /// Takes one request out of the bucket.
    pub(super) fn take(&self, quota: Quota, now: Timestamp) -> Taken {
        let now = u64::try_from(now.as_millis())
            .unwrap_or(0)
            .saturating_mul(1_000_000);
        let window = u64::try_from(quota.window.as_nanos()).unwrap_or(u64::MAX);
        let each = (window / u64::from(quota.requests.max(1))).max(1);
        let most = each.saturating_mul(quota.requests.max(1).into());
        let latest = now.saturating_add(most);
        let mut seen = self.0.load(Ordering::Relaxed);
        loop {
            // What was written before the clock went back, or under a longer window, is cut.
            let full = seen.clamp(now, latest);
            let next = full.saturating_add(each);
            if next > latest {
                if seen > latest {
                    self.0.store(latest, Ordering::Relaxed);
                }
                return Taken {
                    left: 0,
                    full_in: Duration::from_nanos(full - now),
                    refused_for: Some(Duration::from_nanos(next - latest)),
                };
            }
            match self
                .0
                .compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => {
                    return Taken {
                        left: (latest - next) / each,
                        full_in: Duration::from_nanos(next - now),
                        refused_for: None,
                    };
                }
                Err(other) => seen = other,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUOTA: Quota = Quota {
        requests: 10,
        window: Duration::from_secs(20),
    };

    #[test]
    fn empties_and_fills_with_time() {
        let (bucket, start) = (Bucket::default(), Timestamp::from_millis(1_000_000));
        for left in (0..10).rev() {
            let taken = bucket.take(QUOTA, start);
            assert_eq!((taken.left, taken.refused_for), (left, None));
        }
        let refused = bucket.take(QUOTA, start);
        assert_eq!(refused.refused_for, Some(Duration::from_secs(2)));
        assert_eq!(refused.full_in, Duration::from_secs(20));
        let later = start.plus(Duration::from_secs(2));
        assert_eq!(bucket.take(QUOTA, later).refused_for, None);
        assert!(bucket.take(QUOTA, later).refused_for.is_some());
        let much_later = start.plus(Duration::from_hours(1));
        assert_eq!(bucket.take(QUOTA, much_later).left, 9);
    }

    #[test]
    fn attack_a_clock_that_goes_back_locks_nobody_out() {
        let (bucket, start) = (Bucket::default(), Timestamp::from_millis(1_000_000_000));
        bucket.take(QUOTA, start.plus(Duration::from_hours(1)));
        let refused = bucket.take(QUOTA, start).refused_for;
        assert_eq!(refused, Some(Duration::from_secs(2)));
        let later = start.plus(Duration::from_secs(2));
        assert_eq!(bucket.take(QUOTA, later).refused_for, None);
    }
}
