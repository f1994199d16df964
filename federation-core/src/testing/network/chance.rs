//! Chance that can be repeated: every number follows from one seed.

use std::ops::RangeInclusive;
use std::time::Duration;

/// A stream of numbers that a seed decides, for simulations; never for secrets.
///
/// The generator is `SplitMix64`: quick, small, and the same on every machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chance(u64);

impl Chance {
    /// The stream of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub const fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 up to `bound`, which it never reaches; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        let scaled = (u128::from(self.bits()) * u128::from(bound)) >> 64;
        u64::try_from(scaled).unwrap_or(0)
    }

    /// An index into something of this length; 0 when it is empty.
    pub fn index(&mut self, length: usize) -> usize {
        let bound = u64::try_from(length).unwrap_or(u64::MAX);
        usize::try_from(self.below(bound)).unwrap_or(0)
    }

    /// True with this probability, from 0 for never to 1 for always.
    pub fn happens(&mut self, probability: f64) -> bool {
        let high = u32::try_from(self.bits() >> 32).unwrap_or(u32::MAX);
        f64::from(high) / (f64::from(u32::MAX) + 1.0) < probability
    }

    /// A time within the range, in whole milliseconds.
    pub fn between(&mut self, range: &RangeInclusive<Duration>) -> Duration {
        let width = range.end().saturating_sub(*range.start());
        let millis = u64::try_from(width.as_millis()).unwrap_or(u64::MAX);
        *range.start() + Duration::from_millis(self.below(millis.saturating_add(1)))
    }

    /// A stream of its own, so that what draws from one does not change what the other gives.
    #[must_use]
    pub const fn fork(&mut self) -> Self {
        Self(self.bits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_from_the_seed_and_stays_in_bounds() {
        let mut one = Chance::new(7);
        let mut same = Chance::new(7);
        let range = Duration::from_millis(5)..=Duration::from_millis(9);
        let mut seen = [0; 10];
        let mut happened = 0;
        for _ in 0..10_000 {
            assert_eq!(one.bits(), same.bits());
            seen[one.index(10)] += 1;
            same.bits();
            assert!(range.contains(&one.between(&range)));
            same.bits();
            happened += u32::from(one.happens(0.2));
            same.bits();
        }
        assert!(seen.iter().all(|count| (800..1200).contains(count)));
        assert!((1800..2200).contains(&happened));
        assert!(!one.happens(0.0) && one.happens(1.0));
        assert_eq!(one.below(0), 0);
        assert_ne!(Chance::new(1).bits(), Chance::new(2).bits());
    }
}
