//! What a directory may spend, and for how long it believes what it has.

use std::time::Duration;

use super::budget::FetchBudget;
use crate::fetch::limits::FetchLimits;

/// Settings of a [`Directory`](super::Directory).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DirectoryConfig {
    /// How long an actor is used before it is fetched again. 24 h by default.
    pub fresh_for: Duration,
    /// How long after its fetch an actor may be used while its server cannot be reached. 7 days
    /// by default.
    pub stale_for: Duration,
    /// The shortest time between two fetches of one actor, whatever asks for them. 1 min by
    /// default.
    pub refresh_interval: Duration,
    /// Bytes of actors' documents that are kept in memory. 32 MiB by default.
    pub memory_bytes: u64,
    /// Bounds of one fetch; [`FetchLimits::document`] with 512 KiB by default.
    pub limits: FetchLimits,
    /// Bounds of all fetches.
    pub budget: FetchBudget,
    /// Whether handles may be looked up over `http` when `https` cannot be reached.
    pub allow_http: bool,
}

impl Default for DirectoryConfig {
    fn default() -> Self {
        Self {
            fresh_for: Duration::from_hours(24),
            stale_for: Duration::from_hours(7 * 24),
            refresh_interval: Duration::from_mins(1),
            memory_bytes: 32 * 1024 * 1024,
            limits: FetchLimits::document().with_max_bytes(512 * 1024),
            budget: FetchBudget::default(),
            allow_http: false,
        }
    }
}
