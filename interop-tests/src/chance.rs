//! Repeatable chance: a test prints its seed, and `FOLKMOOT_TEST_SEED` brings it back.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;
use std::time::Duration;

use crate::place;

/// A small generator (`SplitMix64`); good enough to choose moments.
#[derive(Clone, Debug)]
pub struct Chance(u64);

impl Chance {
    /// Starts from `FOLKMOOT_TEST_SEED`, else from a new seed; prints it.
    pub fn new() -> Self {
        Self::or(RandomState::new().hash_one(0_u8))
    }

    /// Starts from `FOLKMOOT_TEST_SEED`, else from `usual`; prints it.
    #[expect(
        clippy::print_stdout,
        reason = "a failure can be repeated only by its seed"
    )]
    pub fn or(usual: u64) -> Self {
        let seed = place::number("FOLKMOOT_TEST_SEED", usual);
        println!("FOLKMOOT_TEST_SEED={seed}");
        Self(seed)
    }

    /// An independent generator for another task.
    #[must_use]
    pub fn fork(&mut self) -> Self {
        Self(self.next())
    }

    /// A seed for another program.
    pub fn seed(&mut self) -> u32 {
        u32::try_from(self.next() >> 32).unwrap_or(u32::MAX)
    }

    /// A time below `limit`, in whole milliseconds.
    pub fn below(&mut self, limit: Duration) -> Duration {
        let millis = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX).max(1);
        Duration::from_millis(self.next() % millis)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

impl Default for Chance {
    fn default() -> Self {
        Self::new()
    }
}
