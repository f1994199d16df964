//! What this node has to do with other domains: [`Domains`], asked for every request in and out.
//!
//! The rows count; each process keeps them in memory, and reads them again within half a second of a
//! change, or at once where Redis tells of it.

mod model;
pub mod store;
mod watch;

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use federation_core::fetch::{DomainPolicy, InvalidDomain, canonical_host};
use federation_core::store::sql::{Connection, Database, DatabaseError};

pub use self::model::{Mode, Policy, Severity, domain_of};
pub use self::watch::follow;

/// Policies at most (I11).
pub const MOST: usize = 100_000;
/// Labels of a domain that are looked at, from the whole name upwards.
const MAX_LABELS: usize = 128;

/// What this node has to do with other domains.
#[derive(Debug, Default)]
pub struct Domains(RwLock<Known>);

/// The rows, as they were at `version`.
#[derive(Debug, Default)]
struct Known {
    version: i64,
    /// Whether only those on the list are let in.
    is_closed: bool,
    policies: HashMap<String, Kept>,
}

/// What counts of a policy for requests.
#[derive(Clone, Copy, Debug)]
struct Kept {
    severity: Severity,
    rejects_media: bool,
    rejects_reports: bool,
}

impl Domains {
    /// What the rows say.
    ///
    /// # Errors
    /// The database failed.
    pub async fn of(db: &Database) -> Result<Self, DatabaseError> {
        let found = Self::default();
        found.load(db).await?;
        Ok(found)
    }

    /// Reads the rows anew.
    ///
    /// # Errors
    /// The database failed.
    pub async fn load(&self, db: &Database) -> Result<(), DatabaseError> {
        let read = |connection: &mut Connection| {
            let (mode, version) = store::settings(connection)?;
            Ok::<_, DatabaseError>((mode, version, store::all(connection)?))
        };
        let (mode, version, policies) = db.read(read).await?;
        let kept = |policy: Policy| {
            let kept = Kept {
                severity: policy.severity,
                rejects_media: policy.rejects_media,
                rejects_reports: policy.rejects_reports,
            };
            (policy.domain, kept)
        };
        let fresh = Known {
            version,
            is_closed: mode == Mode::AllowList,
            policies: policies.into_iter().map(kept).collect(),
        };
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        // Of two that load at once, the one that read later counts.
        if fresh.version >= known.version {
            *known = fresh;
        }
        Ok(())
    }

    /// The number of the last change that is known.
    fn version(&self) -> i64 {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.version
    }

    /// Blocks a domain in this process, until the rows are read again.
    ///
    /// # Errors
    /// The text is no domain.
    pub fn block(&self, domain: &str) -> Result<(), InvalidDomain> {
        let Some(domain) = domain_of(domain) else {
            let text = domain.to_owned();
            return Err(InvalidDomain { text });
        };
        let kept = Kept {
            severity: Severity::Block,
            rejects_media: true,
            rejects_reports: true,
        };
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.policies.insert(domain, kept);
        Ok(())
    }

    /// Whether people of this domain reach only those who follow them or talk with them already.
    pub fn is_silenced(&self, host: &str) -> bool {
        self.any(host, |kept| kept.severity == Severity::Silence)
    }

    /// Whether reports of this domain are passed over.
    pub fn rejects_reports(&self, host: &str) -> bool {
        self.any(host, |kept| kept.rejects_reports)
    }

    /// Whether files of this domain are passed over.
    pub fn rejects_media(&self, host: &str) -> bool {
        self.any(host, |kept| kept.rejects_media)
    }

    /// Whether something holds of the policy of the domain, or of one that it lies below.
    fn any(&self, host: &str, holds: impl Fn(&Kept) -> bool) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.policies.is_empty() {
            return false;
        }
        let host = canonical_host(host);
        let policies = known.policies_of(&host);
        policies.into_iter().any(|kept| holds(&kept))
    }
}

impl Known {
    fn policies_of(&self, host: &str) -> Vec<Kept> {
        let mut found = Vec::new();
        let mut rest = Some(host);
        for _ in 0..MAX_LABELS {
            let Some(domain) = rest else { break };
            found.extend(self.policies.get(domain).copied());
            rest = domain.split_once('.').map(|(_, parent)| parent);
        }
        found
    }
}

impl DomainPolicy for Domains {
    fn is_blocked(&self, host: &str) -> bool {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if known.policies.is_empty() && !known.is_closed {
            return false;
        }
        let policies = known.policies_of(&canonical_host(host));
        let has = |severity| policies.iter().any(|kept| kept.severity == severity);
        has(Severity::Block) || (known.is_closed && !has(Severity::Allow))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn domains(mode: Mode, policies: &[(&str, Severity)]) -> Domains {
        let kept = |(domain, severity): &(&str, Severity)| {
            let kept = Kept {
                severity: *severity,
                rejects_media: false,
                rejects_reports: false,
            };
            ((*domain).to_owned(), kept)
        };
        Domains(RwLock::new(Known {
            version: 1,
            is_closed: mode == Mode::AllowList,
            policies: policies.iter().map(kept).collect(),
        }))
    }

    #[test]
    fn a_policy_counts_below_its_domain_in_every_spelling() {
        let found = domains(
            Mode::Open,
            &[
                ("evil.example", Severity::Block),
                ("loud.example", Severity::Silence),
            ],
        );
        for host in ["evil.example", "A.EVIL.example.", "evil.example:8443"] {
            assert!(found.is_blocked(host), "{host}");
        }
        for host in ["notevil.example", "example", "loud.example", ""] {
            assert!(!found.is_blocked(host), "{host}");
        }
        assert!(found.is_silenced("www.loud.example") && !found.is_silenced("evil.example"));
    }

    #[test]
    fn with_a_list_only_those_on_it_are_let_in() {
        let found = domains(
            Mode::AllowList,
            &[
                ("good.example", Severity::Allow),
                ("bad.good.example", Severity::Block),
                ("loud.example", Severity::Silence),
            ],
        );
        assert!(!found.is_blocked("good.example") && !found.is_blocked("www.good.example"));
        for host in ["bad.good.example", "loud.example", "other.example"] {
            assert!(found.is_blocked(host), "{host}");
        }
    }

    #[test]
    fn a_domain_can_be_blocked_in_one_process() {
        let found = Domains::default();
        found.block("Evil.Example").unwrap();
        assert!(found.is_blocked("evil.example"));
        assert!(found.block("a b").is_err());
    }
}
