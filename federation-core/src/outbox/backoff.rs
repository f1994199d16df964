//! When to try again, and when to give up.

use std::time::Duration;

use crate::clock::Timestamp;

/// The schedule of attempts: longer and longer pauses, spread by chance, up to an age.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The pause after the first failure. Default: 5 s.
    pub first: Duration,
    /// By how much each pause is longer than the one before it. Default: 3.
    pub factor: u32,
    /// The longest pause. Default: 6 h.
    pub longest: Duration,
    /// How far a pause may be moved either way, in percent. Default: 20.
    pub jitter_percent: u32,
    /// How long a delivery may wait in all. Default: 4 days.
    pub give_up_after: Duration,
    /// The longest `Retry-After` that is followed. Default: 24 h.
    pub longest_retry_after: Duration,
    /// How often what is refused for want of authority (401, 403) is tried; the last two attempts
    /// must both have been refused. Default: 10, which is half an hour with the other defaults: a
    /// peer that cannot ask for our key, because the network fails in that direction alone, refuses
    /// too, and nothing is to be lost before it can.
    pub refusals: u32,
    /// The longest pause after a refusal. Default: 5 min, since nothing else tells when such a peer
    /// is well again.
    pub longest_refused: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        const HOUR: u64 = 60 * 60;
        Self {
            first: Duration::from_secs(5),
            factor: 3,
            longest: Duration::from_secs(6 * HOUR),
            jitter_percent: 20,
            give_up_after: Duration::from_secs(4 * 24 * HOUR),
            longest_retry_after: Duration::from_secs(24 * HOUR),
            refusals: 10,
            longest_refused: Duration::from_mins(5),
        }
    }
}

impl Backoff {
    /// The pause after `failures` failures in a row, before chance moves it.
    pub fn pause(&self, failures: u32) -> Duration {
        let growth = self
            .factor
            .max(1)
            .saturating_pow(failures.saturating_sub(1));
        self.first.saturating_mul(growth).min(self.longest)
    }

    /// When to try again after `failures` failures in a row.
    ///
    /// A `Retry-After` of the peer (RFC 9110 s10.2.3) moves it later, never earlier, and at most
    /// by [`Backoff::longest_retry_after`].
    pub fn retry_at(
        &self,
        failures: u32,
        retry_after: Option<Duration>,
        now: Timestamp,
    ) -> Timestamp {
        let pause = self.spread(self.pause(failures));
        let asked = retry_after
            .unwrap_or(Duration::ZERO)
            .min(self.longest_retry_after);
        now.plus(pause.max(asked))
    }

    /// When to try again what was refused after `failures` failures in a row.
    pub fn retry_refused_at(&self, failures: u32, now: Timestamp) -> Timestamp {
        now.plus(self.spread(self.pause(failures).min(self.longest_refused)))
    }

    /// Whether a delivery queued at `queued_at` is given up rather than tried again.
    pub fn is_over(&self, queued_at: Timestamp, now: Timestamp) -> bool {
        now.since(queued_at) >= self.give_up_after
    }

    fn spread(&self, pause: Duration) -> Duration {
        let width = self.jitter_percent.min(100);
        if width == 0 {
            return pause;
        }
        let mut chance = [0_u8; 4];
        if openssl::rand::rand_bytes(&mut chance).is_err() {
            return pause;
        }
        let percent = 100 - width + u32::from_be_bytes(chance) % (2 * width + 1);
        pause.saturating_mul(percent) / 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_longest() {
        let backoff = Backoff::default();
        let pauses: Vec<u64> = (1..=10).map(|n| backoff.pause(n).as_secs()).collect();
        assert_eq!(
            pauses,
            [5, 15, 45, 135, 405, 1215, 3645, 10935, 21600, 21600]
        );
        assert_eq!(backoff.pause(u32::MAX).as_secs(), 21600);
    }

    #[test]
    fn chance_stays_within_its_width() {
        let backoff = Backoff::default();
        let now = Timestamp::from_millis(0);
        for _ in 0..500 {
            let at = backoff.retry_at(2, None, now).as_millis();
            assert!((12_000..=18_000).contains(&at), "{at}");
        }
    }

    #[test]
    fn retry_after_is_followed_within_bounds() {
        let backoff = Backoff::default();
        let now = Timestamp::from_millis(0);
        let at = |seconds| {
            backoff
                .retry_at(1, Some(Duration::from_secs(seconds)), now)
                .as_seconds()
        };
        assert_eq!(at(120), 120);
        assert!(at(0) >= 4);
        assert_eq!(at(u64::MAX), 24 * 60 * 60);
    }
}
