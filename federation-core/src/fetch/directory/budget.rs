//! What lookups may cost one host, and all hosts together.
//!
//! Anybody can make this server fetch from anywhere by naming a key or an actor. The budget keeps
//! that from being a way to flood a third party, and keeps one slow host from holding all slots.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use moka::sync::Cache;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use url::Url;

use super::error::DirectoryError;
use crate::clock::Timestamp;
use crate::fetch::guard::{canonical_host, site_of};

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
    /// Fetches that run at the same time. 64 by default; of these, all names below one domain have
    /// a quarter.
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

impl FetchBudget {
    /// Fetches from all names below one domain that run at the same time.
    fn per_site(self) -> usize {
        self.concurrent_per_host.max(self.concurrent / 4)
    }
}

#[derive(Debug)]
pub(super) struct Budget {
    bounds: FetchBudget,
    hosts: Cache<String, Arc<HostUse>>,
    sites: Cache<String, Arc<Semaphore>>,
    /// What hosts share that already have a fetch under way.
    further: Arc<Semaphore>,
    slots: Arc<Semaphore>,
}

#[derive(Debug)]
struct HostUse {
    /// When the host will owe nothing any more; each fetch moves it on by one interval.
    settled: Mutex<Timestamp>,
    slots: Arc<Semaphore>,
    /// Fetches that run or wait for a slot.
    asked: AtomicUsize,
}

/// Counts one fetch of a host as long as it lives.
#[derive(Debug)]
struct Asked(Arc<HostUse>);

impl Asked {
    /// Counts one more, and tells whether there was none.
    fn count(host: &Arc<HostUse>) -> (Self, bool) {
        let others = host.asked.fetch_add(1, Ordering::AcqRel);
        (Self(Arc::clone(host)), others == 0)
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.asked.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The right to make one fetch; given back when dropped.
#[derive(Debug)]
pub(super) struct Permit {
    _asked: Asked,
    _slots: [Option<OwnedSemaphorePermit>; 4],
}

impl Budget {
    pub(super) fn new(bounds: FetchBudget) -> Self {
        Self {
            bounds,
            hosts: Cache::new(MAX_HOSTS),
            sites: Cache::new(MAX_HOSTS),
            further: Arc::new(Semaphore::new(bounds.concurrent.div_ceil(2))),
            slots: Arc::new(Semaphore::new(bounds.concurrent)),
        }
    }

    /// Waits a short time for the right to fetch from the host of `url`.
    ///
    /// Every host's first fetch takes any free slot; what it has beyond that comes out of one half
    /// of them, and all names below one domain have a quarter. So a few servers that never answer
    /// hold no more than their share, and an unknown one is still asked.
    pub(super) async fn admit(&self, url: &Url, now: Timestamp) -> Result<Permit, DirectoryError> {
        let name = canonical_host(url.host_str().unwrap_or_default());
        let refused = |retry_after| DirectoryError::OverBudget {
            host: name.clone(),
            retry_after,
        };
        let host = self.hosts.get_with_by_ref(&name, || {
            Arc::new(HostUse {
                settled: Mutex::new(now),
                slots: Arc::new(Semaphore::new(self.bounds.concurrent_per_host)),
                asked: AtomicUsize::new(0),
            })
        });
        let site = self.sites.get_with(site_of(url), || {
            Arc::new(Semaphore::new(self.bounds.per_site()))
        });
        self.charge(&host, now).map_err(refused)?;
        let (asked, is_first) = Asked::count(&host);
        let further = (!is_first).then_some(&self.further);
        let slots = async {
            Some([
                Some(slot(&host.slots).await?),
                Some(slot(&site).await?),
                match further {
                    Some(further) => Some(slot(further).await?),
                    None => None,
                },
                Some(slot(&self.slots).await?),
            ])
        };
        match tokio::time::timeout(MAX_WAIT, slots).await {
            Ok(Some(slots)) => Ok(Permit {
                _asked: asked,
                _slots: slots,
            }),
            Ok(None) | Err(_) => Err(refused(MAX_WAIT)),
        }
    }

    /// Charges one fetch; the error is how long to wait until it can be.
    fn charge(&self, host: &HostUse, now: Timestamp) -> Result<(), Duration> {
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

async fn slot(slots: &Arc<Semaphore>) -> Option<OwnedSemaphorePermit> {
    Arc::clone(slots).acquire_owned().await.ok()
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

    /// How many fetches of these URLs are let through while none of them ends.
    async fn held(budget: &Budget, urls: impl Iterator<Item = String>) -> Vec<Permit> {
        let mut held = Vec::new();
        for url in urls {
            let url = Url::parse(&url).unwrap();
            held.extend(budget.admit(&url, Timestamp::from_millis(0)).await.ok());
        }
        held
    }

    #[tokio::test(start_paused = true)]
    async fn attack_63_a_few_hosts_that_hang_do_not_hold_all_slots() {
        let budget = Budget::new(FetchBudget::default());
        let tarpits = (0..160).map(|n| format!("https://tarpit{}.example/{n}", n % 16));
        let tarpits = held(&budget, tarpits).await;
        assert_eq!(tarpits.len(), 16 + 32);
        let others = (0..16).map(|n| format!("https://other{n}.example/"));
        assert_eq!(held(&budget, others).await.len(), 16);
    }

    #[tokio::test(start_paused = true)]
    async fn attack_63_names_below_one_domain_have_one_share() {
        let budget = Budget::new(FetchBudget::default());
        let tarpits = (0..40).map(|n| format!("https://n{n}.a.tarpit.example/"));
        let tarpits = held(&budget, tarpits).await;
        assert_eq!(tarpits.len(), 16);
        let other = std::iter::once("https://n1.a.other.example/".to_owned());
        assert_eq!(held(&budget, other).await.len(), 1);
        let site = |text: &str| site_of(&Url::parse(text).unwrap());
        assert_eq!(site("https://a.b.c.example/"), "c.example");
        assert_eq!(site("https://c.example/"), "c.example");
        assert_eq!(site("https://localhost/"), "localhost");
        assert_eq!(site("https://1.2.3.4/"), "1.2.3.4");
        assert_eq!(site("https://A.B.C.Example.:8443/"), "c.example");
        assert_eq!(site("https://[2001:db8:1:2:3::1]/"), "2001:db8:1:2::");
    }
}
