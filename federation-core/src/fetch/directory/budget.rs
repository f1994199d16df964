//! What lookups may cost one host, and all hosts together.
//!
//! Anybody can make this server fetch from anywhere by naming a key or an actor. The budget keeps
//! that from being a way to flood a third party, and keeps one slow host from holding all slots.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::error::DirectoryError;
use crate::clock::Timestamp;
use crate::fetch::guard::canonical_host;

/// Hosts whose use is remembered at most.
const MAX_HOSTS: u64 = 10_000;

/// How long a fetch waits for a slot.
const MAX_WAIT: Duration = Duration::from_secs(5);

/// Bounds of the fetches of a directory.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct FetchBudget {
    /// Fetches from one host that may come at once after a quiet time. 60 by default.
    pub burst: u32,
    /// The time in which one more fetch from the host becomes possible. 1 s by default.
    pub interval: Duration,
    /// Fetches from one host that run at the same time. 8 by default.
    pub concurrent_per_host: usize,
    /// Fetches that run at the same time. 64 by default.
    pub concurrent: usize,
}

impl Default for FetchBudget {
    fn default() -> Self {
        Self {
            burst: 60,
            interval: Duration::from_secs(1),
            concurrent_per_host: 8,
            concurrent: 64,
        }
    }
}

#[derive(Debug)]
pub(super) struct Budget {
    bounds: FetchBudget,
    hosts: Cache<String, Arc<Host>>,
    slots: Arc<Semaphore>,
}

#[derive(Debug)]
struct Host {
    /// When the host will owe nothing any more; each fetch moves it on by one interval.
    settled: Mutex<Timestamp>,
    slots: Arc<Semaphore>,
}

/// The right to make one fetch; given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    _host: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Budget {
    pub(super) fn new(bounds: FetchBudget) -> Self {
        Self {
            bounds,
            hosts: Cache::new(MAX_HOSTS),
            slots: Arc::new(Semaphore::new(bounds.concurrent)),
        }
    }

    /// Waits a short time for the right to fetch from the host of `url`.
    pub(super) async fn admit(&self, url: &Url, now: Timestamp) -> Result<Permit, DirectoryError> {
        let name = canonical_host(url.host_str().unwrap_or_default());
        let refused = |retry_after| DirectoryError::OverBudget {
            host: name.clone(),
            retry_after,
        };
        let host = self.hosts.get_with_by_ref(&name, || {
            Arc::new(Host {
                settled: Mutex::new(now),
                slots: Arc::new(Semaphore::new(self.bounds.concurrent_per_host)),
            })
        });
        self.charge(&host, now).map_err(refused)?;
        let slots = async {
            let of_host = Arc::clone(&host.slots).acquire_owned().await.ok()?;
            let of_all = Arc::clone(&self.slots).acquire_owned().await.ok()?;
            Some(Permit {
                _host: of_host,
                _all: of_all,
            })
        };
        match tokio::time::timeout(MAX_WAIT, slots).await {
            Ok(Some(permit)) => Ok(permit),
            Ok(None) | Err(_) => Err(refused(MAX_WAIT)),
        }
    }

    /// Charges one fetch; the error is how long to wait until it can be.
    fn charge(&self, host: &Host, now: Timestamp) -> Result<(), Duration> {
        let interval = self.bounds.interval;
        let credit = interval.saturating_mul(self.bounds.burst);
        let mut settled = host.settled.lock().unwrap_or_else(PoisonError::into_inner);
        let after = (*settled).max(now).plus(interval);
        let owed = after.since(now);
        if owed > credit {
            return Err(owed.saturating_sub(credit));
        }
        *settled = after;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn attack_60_bounds_fetches_from_one_host_and_refills_with_time() {
        let budget = Budget::new(FetchBudget {
            burst: 3,
            ..FetchBudget::default()
        });
        let victim = Url::parse("https://victim.example/a").unwrap();
        let other = Url::parse("https://other.example/a").unwrap();
        let start = Timestamp::from_millis(1_000_000);
        for _ in 0..3 {
            assert!(budget.admit(&victim, start).await.is_ok());
        }
        let refused = budget.admit(&victim, start).await.unwrap_err();
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(1)));
        assert!(refused.is_retryable());
        assert!(budget.admit(&other, start).await.is_ok());
        let later = start.plus(Duration::from_secs(1));
        assert!(budget.admit(&victim, later).await.is_ok());
        assert!(budget.admit(&victim, later).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn attack_63_leaves_slots_to_others_while_one_host_hangs() {
        let budget = Budget::new(FetchBudget {
            concurrent_per_host: 2,
            concurrent: 3,
            ..FetchBudget::default()
        });
        let tarpit = Url::parse("https://tarpit.example/").unwrap();
        let now = Timestamp::from_millis(0);
        let first = budget.admit(&tarpit, now).await.unwrap();
        let _second = budget.admit(&tarpit, now).await.unwrap();
        assert!(budget.admit(&tarpit, now).await.is_err());
        let other = Url::parse("https://other.example/").unwrap();
        assert!(budget.admit(&other, now).await.is_ok());
        drop(first);
        assert!(budget.admit(&tarpit, now).await.is_ok());
    }
}
