//! How often, and how many at a time, followers are compared with those of other nodes (I11).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

/// How long one sender waits for its next comparison.
const EVERY: Duration = Duration::from_mins(10);
/// Senders that are remembered at most.
const MAX_SENDERS: u64 = 10_000;
/// Comparisons at the same time.
const AT_ONCE: usize = 4;

/// Gives out places for comparisons.
pub(super) struct Comparisons {
    recent: Cache<Url, ()>,
    places: Arc<Semaphore>,
}

impl Comparisons {
    /// The right to compare the followers of `sender` now; given back when dropped.
    pub(super) fn begin(&self, sender: &Url) -> Option<OwnedSemaphorePermit> {
        if self.recent.contains_key(sender) {
            return None;
        }
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        self.recent.insert(sender.clone(), ());
        Some(place)
    }
}

impl Default for Comparisons {
    fn default() -> Self {
        Self {
            recent: Cache::builder()
                .max_capacity(MAX_SENDERS)
                .time_to_live(EVERY)
                .build(),
            places: Arc::new(Semaphore::new(AT_ONCE)),
        }
    }
}

impl fmt::Debug for Comparisons {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Comparisons")
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sender_at_a_time_and_few_at_once() {
        let comparisons = Comparisons::default();
        let url = |n: usize| Url::parse(&format!("https://there.example/{n}")).unwrap();
        let mut places: Vec<_> = (0..AT_ONCE).map(|n| comparisons.begin(&url(n))).collect();
        assert!(places.iter().all(Option::is_some));
        assert!(comparisons.begin(&url(9)).is_none());
        places.pop();
        assert!(comparisons.begin(&url(0)).is_none());
        assert!(comparisons.begin(&url(9)).is_some());
    }
}
