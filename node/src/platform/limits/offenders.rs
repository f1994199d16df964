//! [`Offenders`]: addresses that went beyond the limits: warnings, waits, blocks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use federation_core::Timestamp;
use ipnet::IpNet;
use moka::sync::Cache;

use super::changes::VIOLATIONS_KEPT;
use super::settings::RateSettings;
use super::store::Violations;

/// Addresses that are remembered at most; beyond it, those that ask least are forgotten.
pub(super) const MOST: u64 = 65_536;
/// How long warnings count after the last one.
const REMEMBERED: Duration = Duration::from_hours(24);
/// Refused requests during a wait that make a further warning.
const REFUSALS_A_WARNING: u32 = 100;

/// What is known of who went beyond the limits.
#[derive(Debug)]
pub(super) struct Offenders {
    known: Cache<IpNet, Arc<Mutex<Offender>>>,
    /// Whether there ever was one, which saves everybody else the look.
    any: AtomicBool,
}

#[derive(Debug, Default)]
struct Offender {
    warnings: u32,
    blocks: u32,
    refused: u32,
    waits_until: i64,
    last_at: i64,
}

/// What follows from a request that was too much.
#[derive(Debug)]
pub(super) struct Step {
    /// How long to wait.
    pub(super) wait: Duration,
    /// What to write down, when something changed.
    pub(super) row: Option<Violations>,
    /// For how long to block the address.
    pub(super) block: Option<Duration>,
}

impl Offenders {
    pub(super) fn new() -> Self {
        Self {
            known: Cache::builder()
                .max_capacity(MOST)
                .time_to_idle(VIOLATIONS_KEPT)
                .build(),
            any: AtomicBool::new(false),
        }
    }

    /// Takes in what an earlier run wrote down.
    pub(super) fn remember(&self, network: IpNet, row: &Violations) {
        let offender = Offender {
            warnings: u32::try_from(row.warnings).unwrap_or(0),
            blocks: u32::try_from(row.blocks).unwrap_or(0),
            last_at: row.last_at,
            ..Offender::default()
        };
        self.any.store(true, Ordering::SeqCst);
        self.known.insert(network, Arc::new(Mutex::new(offender)));
    }

    /// Forgets an address, as when an administrator lifts its block.
    pub(super) fn forget(&self, network: IpNet) {
        self.known.invalidate(&network);
    }

    /// The wait that an address is in, if it is in one; asking in it counts.
    pub(super) fn waiting(
        &self,
        network: IpNet,
        settings: &RateSettings,
        now: Timestamp,
    ) -> Option<Step> {
        if !self.any.load(Ordering::Relaxed) {
            return None;
        }
        let known = self.known.get(&network)?;
        let mut offender = known.lock().unwrap_or_else(PoisonError::into_inner);
        let left = offender.left(now)?;
        offender.refused = offender.refused.saturating_add(1);
        if offender.refused >= REFUSALS_A_WARNING {
            return Some(offender.warn(network, settings, now));
        }
        Some(Step {
            wait: left,
            row: None,
            block: None,
        })
    }

    /// Counts a request beyond the limits.
    pub(super) fn warn(&self, network: IpNet, settings: &RateSettings, now: Timestamp) -> Step {
        self.any.store(true, Ordering::SeqCst);
        let known = self.known.get_with(network, Arc::default);
        let mut offender = known.lock().unwrap_or_else(PoisonError::into_inner);
        match offender.left(now) {
            // Another request of the same moment was counted.
            Some(wait) => Step {
                wait,
                row: None,
                block: None,
            },
            None => offender.warn(network, settings, now),
        }
    }
}

impl Offender {
    /// What is left of the wait.
    fn left(&self, now: Timestamp) -> Option<Duration> {
        let left = u64::try_from(self.waits_until.saturating_sub(now.as_millis())).ok()?;
        (left > 0).then(|| Duration::from_millis(left))
    }

    fn warn(&mut self, network: IpNet, settings: &RateSettings, now: Timestamp) -> Step {
        let quiet = now.since(Timestamp::from_millis(self.last_at));
        if quiet > REMEMBERED {
            self.warnings = 0;
        }
        self.warnings = self.warnings.saturating_add(1);
        self.refused = 0;
        self.last_at = now.as_millis();
        let wait = settings.cool_down(self.warnings);
        self.waits_until = now.plus(wait).as_millis();
        let block = (self.warnings > settings.warnings).then(|| settings.block(self.blocks));
        if block.is_some() {
            self.warnings = 0;
            self.blocks = self.blocks.saturating_add(1);
        }
        let row = Violations {
            network: network.to_string(),
            warnings: i32::try_from(self.warnings).unwrap_or(i32::MAX),
            blocks: i32::try_from(self.blocks).unwrap_or(i32::MAX),
            last_at: self.last_at,
        };
        Step {
            wait,
            row: Some(row),
            block,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_end_in_a_block_that_grows() {
        let (offenders, settings) = (Offenders::new(), RateSettings::default());
        let network = "192.0.2.1/32".parse().unwrap();
        let mut now = Timestamp::from_millis(1_000_000_000_000);
        let mut blocks = Vec::new();
        for round in 1..=32_u32 {
            assert!(offenders.waiting(network, &settings, now).is_none());
            let step = offenders.warn(network, &settings, now);
            let again = (round - 1) % 16 + 1;
            let wait = Duration::from_secs((30 * u64::from(again)).min(300));
            assert_eq!(step.wait, wait, "{round}");
            blocks.extend(step.block);
            // Who waits as told is not counted again.
            assert!(
                offenders
                    .waiting(network, &settings, now)
                    .unwrap()
                    .row
                    .is_none()
            );
            now = now.plus(wait);
        }
        assert_eq!(blocks, [Duration::from_hours(1), Duration::from_hours(2)]);
    }

    #[test]
    fn attack_64_a_flood_during_the_wait_is_blocked_soon() {
        let (offenders, settings) = (Offenders::new(), RateSettings::default());
        let network = "192.0.2.1/32".parse().unwrap();
        let now = Timestamp::from_millis(1_000_000_000_000);
        offenders.warn(network, &settings, now);
        let blocked_after = (1..10_000).find(|_| {
            let step = offenders.waiting(network, &settings, now).unwrap();
            step.block.is_some()
        });
        assert_eq!(blocked_after, Some(1500));
    }
}
