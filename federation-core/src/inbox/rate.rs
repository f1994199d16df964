//! How much one address and one peer may send (attack 64), and make this server fetch (attack 52).
//!
//! Each bucket is one number that is moved by compare-and-swap, so that no two requests can take
//! the same place. There are at most [`RateLimits::max_tracked`] buckets of each sort: the least
//! used are forgotten first, which refills them.
//!
//! ```
//! use std::time::Duration;
//! use federation_core::inbox::{InboundLimiter, Rate, RateLimits};
//! use federation_core::Timestamp;
//!
//! let mut limits = RateLimits::default();
//! limits.per_peer = Some(Rate::new(2, Duration::from_secs(1)));
//! let limiter = InboundLimiter::new(limits);
//! let now = Timestamp::from_millis(0);
//! assert!(limiter.charge_peer("there.example", now).is_ok());
//! assert!(limiter.charge_peer("there.example", now).is_ok());
//! let wait = limiter.charge_peer("There.Example.", now).unwrap_err();
//! assert_eq!(wait.retry_after, Duration::from_secs(1));
//! ```

use std::fmt;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use moka::sync::Cache;
use thiserror::Error;

use crate::clock::Timestamp;
use crate::fetch::canonical_host;

/// A token bucket: how many at once, and how fast it fills again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rate {
    /// How many may come at once after a quiet time; at least 1.
    pub burst: u32,
    /// The time in which one more becomes possible, in steps of a microsecond.
    pub interval: Duration,
}

impl Rate {
    /// Up to `burst` at once, one more after each `interval`.
    pub const fn new(burst: u32, interval: Duration) -> Self {
        Self { burst, interval }
    }

    /// `each_second` on average, up to `burst` at once.
    pub fn per_second(each_second: u32, burst: u32) -> Self {
        let interval = Duration::from_secs(1) / each_second.max(1);
        Self { burst, interval }
    }
}

/// Bounds on what comes in; `None` means no bound.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct RateLimits {
    /// Requests from one source address. 200 a second, 2,000 at once by default.
    pub per_source: Option<Rate>,
    /// Requests of one peer, by the domain whose key signed them. 200 a second, 6,000 at once by
    /// default.
    pub per_peer: Option<Rate>,
    /// Fetches that requests from one source address, or over one node's push stream, cause before
    /// any of them is proven: of keys that are not known, and of activities that others pass on; and
    /// of keys for what one node announces. 1 a second, 60 at once by default.
    pub fetches_per_source: Option<Rate>,
    /// Buckets of each sort that are kept at most. 100,000 by default.
    pub max_tracked: u64,
}

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            per_source: Some(Rate::per_second(200, 2_000)),
            per_peer: Some(Rate::per_second(200, 6_000)),
            fetches_per_source: Some(Rate::per_second(1, 60)),
            max_tracked: 100_000,
        }
    }
}

/// More than one sender may send at present.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("too much at once; the next is taken in {} s", retry_after.as_secs_f32())]
#[non_exhaustive]
pub struct TooMany {
    /// When the next one will be let through.
    pub retry_after: Duration,
}

impl TooMany {
    /// Whether there may be a place later: always.
    pub const fn is_retryable(self) -> bool {
        true
    }
}

/// Counts what comes in, by source address and by proven peer.
///
/// # Security
/// A source address is what the embedder says it is, see
/// [`InboundRequest::from_source`](super::InboundRequest::from_source). Addresses of IPv6 are
/// counted by their /64, which is what one customer has.
pub struct InboundLimiter {
    limits: RateLimits,
    sources: Buckets<IpAddr>,
    peers: Buckets<String>,
    fetches: Buckets<IpAddr>,
    peer_fetches: Buckets<String>,
}

impl InboundLimiter {
    /// Buckets that are all full.
    pub fn new(limits: RateLimits) -> Self {
        Self {
            limits,
            sources: Buckets::new(limits.max_tracked),
            peers: Buckets::new(limits.max_tracked),
            fetches: Buckets::new(limits.max_tracked),
            peer_fetches: Buckets::new(limits.max_tracked),
        }
    }

    /// The limits it holds to.
    pub const fn limits(&self) -> &RateLimits {
        &self.limits
    }

    /// Takes one place for a request from this address.
    ///
    /// # Errors
    /// [`TooMany`] when there is none.
    pub fn charge_source(&self, source: IpAddr, now: Timestamp) -> Result<(), TooMany> {
        charge(&self.sources, self.limits.per_source, network(source), now)
    }

    /// Takes one place for a request that a key of this host signed.
    ///
    /// # Errors
    /// [`TooMany`] when there is none.
    pub fn charge_peer(&self, host: &str, now: Timestamp) -> Result<(), TooMany> {
        let Some(rate) = self.limits.per_peer else {
            return Ok(());
        };
        charge(&self.peers, Some(rate), canonical_host(host), now)
    }

    /// Takes one place for a fetch that an unproven request from this address causes.
    ///
    /// # Errors
    /// [`TooMany`] when there is none.
    pub fn charge_fetch(&self, source: IpAddr, now: Timestamp) -> Result<(), TooMany> {
        let rate = self.limits.fetches_per_source;
        charge(&self.fetches, rate, network(source), now)
    }

    /// Takes one place for a fetch that this host's node causes: by a request over its push stream,
    /// or by announcing what is proven by a key that is not known.
    ///
    /// # Errors
    /// [`TooMany`] when there is none.
    pub fn charge_fetch_by_peer(&self, host: &str, now: Timestamp) -> Result<(), TooMany> {
        let Some(rate) = self.limits.fetches_per_source else {
            return Ok(());
        };
        charge(&self.peer_fetches, Some(rate), canonical_host(host), now)
    }
}

impl fmt::Debug for InboundLimiter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("InboundLimiter")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// When each bucket will be full again, in microseconds since 1970.
struct Buckets<K>(Cache<K, Arc<AtomicI64>>);

impl<K: Hash + Eq + Send + Sync + 'static> Buckets<K> {
    fn new(capacity: u64) -> Self {
        Self(Cache::new(capacity))
    }
}

fn charge<K: Hash + Eq + Send + Sync + 'static>(
    buckets: &Buckets<K>,
    rate: Option<Rate>,
    key: K,
    now: Timestamp,
) -> Result<(), TooMany> {
    let Some(rate) = rate else {
        return Ok(());
    };
    let interval = micros(rate.interval).max(1);
    let credit = interval.saturating_mul(i64::from(rate.burst.max(1)));
    let now = now.as_millis().saturating_mul(1000);
    let full_at = buckets.0.get_with(key, || Arc::new(AtomicI64::new(now)));
    let taken = full_at.fetch_update(Ordering::AcqRel, Ordering::Acquire, |full_at| {
        let after = full_at.max(now).saturating_add(interval);
        (after.saturating_sub(now) <= credit).then_some(after)
    });
    match taken {
        Ok(_) => Ok(()),
        Err(full_at) => {
            let over = full_at
                .saturating_add(interval)
                .saturating_sub(now.saturating_add(credit));
            let wait = u64::try_from(over).unwrap_or(0);
            Err(TooMany {
                retry_after: Duration::from_micros(wait),
            })
        }
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// An address as it is counted: IPv4 alone, also where it came mapped; IPv6 by its /64.
fn network(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        IpAddr::V4(address) => IpAddr::V4(address),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use super::*;

    fn limiter(burst: u32) -> InboundLimiter {
        let rate = Some(Rate::new(burst, Duration::from_secs(1)));
        InboundLimiter::new(RateLimits {
            per_source: rate,
            per_peer: rate,
            fetches_per_source: rate,
            max_tracked: 1_000,
        })
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(1_795_190_734_000 + millis)
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn attack_64_a_bucket_empties_tells_when_and_fills_again() {
        let limiter = limiter(3);
        for _ in 0..3 {
            limiter.charge_source(ip("192.0.2.1"), at(0)).unwrap();
        }
        let refused = limiter.charge_source(ip("192.0.2.1"), at(0)).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_secs(1));
        let refused = limiter.charge_source(ip("192.0.2.1"), at(400)).unwrap_err();
        assert_eq!(refused.retry_after, Duration::from_millis(600));
        limiter.charge_source(ip("192.0.2.1"), at(1000)).unwrap();
        assert!(limiter.charge_source(ip("192.0.2.1"), at(1000)).is_err());
        // Others have buckets of their own, and a refused request costs nothing.
        limiter.charge_source(ip("192.0.2.2"), at(0)).unwrap();
        limiter.charge_fetch(ip("192.0.2.1"), at(0)).unwrap();
        limiter.charge_peer("there.example", at(0)).unwrap();
    }

    #[test]
    fn attack_64_one_customer_has_one_bucket() {
        let limiter = limiter(1);
        limiter.charge_source(ip("2001:db8:1:2::1"), at(0)).unwrap();
        let same_network = ip("2001:db8:1:2:ffff::9");
        assert!(limiter.charge_source(same_network, at(0)).is_err());
        limiter.charge_source(ip("2001:db8:1:3::1"), at(0)).unwrap();
        limiter.charge_source(ip("192.0.2.7"), at(0)).unwrap();
        let mapped = ip("::ffff:192.0.2.7");
        assert!(limiter.charge_source(mapped, at(0)).is_err());
    }

    #[test]
    fn attack_64_a_domain_in_another_spelling_is_the_same_peer() {
        let limiter = limiter(1);
        limiter.charge_peer("there.example", at(0)).unwrap();
        for spelling in ["There.Example", "there.example.", "THERE.EXAMPLE:8443"] {
            assert!(limiter.charge_peer(spelling, at(0)).is_err(), "{spelling}");
        }
    }

    #[test]
    fn attack_64_a_hundred_at_once_share_ten_places() {
        let limiter = limiter(10);
        let passed = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..10 {
                scope.spawn(|| {
                    for _ in 0..10 {
                        if limiter.charge_peer("there.example", at(0)).is_ok() {
                            passed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 10);
    }

    #[test]
    fn attack_61_the_number_of_buckets_is_bounded() {
        let limiter = limiter(1);
        for number in 0..20_000_u32 {
            let source = IpAddr::from(number.to_be_bytes());
            limiter.charge_source(source, at(0)).unwrap();
        }
        limiter.sources.0.run_pending_tasks();
        assert!(limiter.sources.0.entry_count() <= 1_000);
    }

    #[test]
    fn without_limits_nothing_is_counted() {
        let mut limits = RateLimits::default();
        (limits.per_peer, limits.per_source) = (None, None);
        let limiter = InboundLimiter::new(limits);
        for _ in 0..100_000 {
            limiter.charge_peer("there.example", at(0)).unwrap();
        }
        assert_eq!(limiter.peers.0.entry_count(), 0);
    }
}
