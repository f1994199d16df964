//! [`Filters`]: sets of rules that are ready to match, remembered by the version of their rows.
//!
//! Whoever judges a message reads in its own transaction which version counts, so that a change on
//! any process takes hold with its commit. Making a set ready costs much more than that look.

use std::sync::Arc;

use moka::sync::Cache;

use crate::base::filter::FilterSet;
use crate::base::ids::{RuleId, RuleVersion};

/// Sets remembered at most (I11).
const CAPACITY: u64 = 1_000;

/// A set of rules, and which rule each of its patterns is of.
#[derive(Debug, Default)]
pub struct Prepared {
    /// The patterns.
    pub set: FilterSet,
    /// The rules, by the number of their pattern.
    pub rules: Vec<RuleId>,
}

/// Sets of rules that are ready to match; clones share them.
#[derive(Clone, Debug)]
pub struct Filters(Cache<RuleVersion, Arc<Prepared>>);

impl Default for Filters {
    fn default() -> Self {
        Self(Cache::new(CAPACITY))
    }
}

impl Filters {
    /// The set of this version, when it is remembered.
    pub fn get(&self, version: RuleVersion) -> Option<Arc<Prepared>> {
        self.0.get(&version)
    }

    /// Remembers a set that was made of rows of this version.
    pub fn put(&self, version: RuleVersion, prepared: Arc<Prepared>) {
        self.0.insert(version, prepared);
    }
}
