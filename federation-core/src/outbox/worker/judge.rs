//! From the outcome of an attempt to what is written down about the delivery and about its peer.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::config::WorkerConfig;
use crate::clock::Timestamp;
use crate::outbox::delivery::{ClaimedDelivery, PeerHealth};
use crate::outbox::outcome::Outcome;
use crate::outbox::post::scheme_name;
use crate::outbox::store::{PeerReport, PeerUpdate, Settlement, Verdict};
use crate::signature::Scheme;

/// How often it is written down that a healthy peer is healthy.
const HEALTH_NOTED_EVERY: Duration = Duration::from_mins(1);

/// One attempt that has ended.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) delivery: ClaimedDelivery,
    pub(super) scheme: Scheme,
    pub(super) started_at: Timestamp,
    pub(super) outcome: Outcome,
}

/// Gathers what a turn of the worker has to write down.
#[derive(Debug)]
pub(super) struct Judge {
    config: WorkerConfig,
    /// Peers with deliveries under way, with how many.
    peers: HashMap<String, (usize, PeerHealth)>,
    settlements: Vec<Settlement>,
    updates: BTreeMap<String, PeerReport>,
}

impl Judge {
    pub(super) fn new(config: WorkerConfig) -> Self {
        Self {
            config,
            peers: HashMap::new(),
            settlements: Vec::new(),
            updates: BTreeMap::new(),
        }
    }

    /// Notes that a delivery goes on its way.
    pub(super) fn begin(&mut self, delivery: &ClaimedDelivery) {
        self.peers
            .entry(delivery.peer.clone())
            .or_insert_with(|| (0, delivery.peer_health.clone()))
            .0 += 1;
    }

    /// Notes that a delivery comes back without having been tried.
    pub(super) fn release(&mut self, delivery: ClaimedDelivery) {
        self.end(&delivery.peer);
        self.settlements.push(Settlement {
            delivery,
            verdict: Verdict::Release,
            status: None,
            error: None,
        });
    }

    /// Notes how an attempt ended.
    pub(super) fn judge(&mut self, attempt: Attempt, now: Timestamp) {
        self.learn(&attempt, now);
        let Attempt {
            delivery, outcome, ..
        } = attempt;
        self.end(&delivery.peer);
        let status = outcome.status();
        let attempts = delivery.attempts.saturating_add(1);
        let over = self.config.backoff.is_over(delivery.queued_at, now);
        let retry = |after| {
            if over {
                Verdict::Dead
            } else {
                Verdict::Retry(self.config.backoff.retry_at(attempts, after, now))
            }
        };
        let (verdict, error) = match outcome {
            Outcome::Delivered { .. } => (Verdict::Delivered, None),
            Outcome::Retry {
                error, retry_after, ..
            } => (retry(retry_after), Some(error)),
            Outcome::Refused { status } => {
                let error = Some(format!("the peer refused it: {status}"));
                if attempts >= self.config.backoff.refusals {
                    (Verdict::Dead, error)
                } else {
                    (retry(None), error)
                }
            }
            Outcome::Gone => (Verdict::Dead, Some("the inbox is gone".to_owned())),
            Outcome::Rejected { error, .. } => (Verdict::Dead, Some(error)),
        };
        self.settlements.push(Settlement {
            delivery,
            verdict,
            status,
            error,
        });
    }

    /// Whether there is anything to write down.
    pub(super) fn has_settlements(&self) -> bool {
        !self.settlements.is_empty()
    }

    /// What is to be written down now.
    pub(super) fn take(&mut self) -> (Vec<Settlement>, Vec<PeerUpdate>) {
        let updates = std::mem::take(&mut self.updates)
            .into_iter()
            .map(|(host, report)| PeerUpdate { host, report })
            .collect();
        (std::mem::take(&mut self.settlements), updates)
    }

    /// Takes back what could not be written down.
    pub(super) fn put_back(&mut self, settlements: Vec<Settlement>, updates: Vec<PeerUpdate>) {
        self.settlements.extend(settlements);
        for update in updates {
            self.updates.entry(update.host).or_insert(update.report);
        }
    }

    fn end(&mut self, peer: &str) {
        if let Some((under_way, _)) = self.peers.get_mut(peer) {
            *under_way = under_way.saturating_sub(1);
            if *under_way == 0 {
                self.peers.remove(peer);
            }
        }
    }

    /// What the attempt tells about the peer as a whole.
    fn learn(&mut self, attempt: &Attempt, now: Timestamp) {
        let Some((_, health)) = self.peers.get_mut(&attempt.delivery.peer) else {
            return;
        };
        let host = attempt.delivery.peer.clone();
        match &attempt.outcome {
            Outcome::Retry {
                peer_wide: true,
                error,
                retry_after,
                status,
            } => {
                // Attempts that were under way together fail together: that is one failure.
                if health
                    .last_failure_at
                    .is_some_and(|failed| failed >= attempt.started_at)
                {
                    return;
                }
                let asked_to_wait = retry_after.is_some();
                // Somebody who asks for time is not failing.
                if !(asked_to_wait && *status == Some(429)) || health.failures == 0 {
                    health.failures = health.failures.saturating_add(1);
                }
                health.last_failure_at = Some(now);
                let beyond = (health.failures + 1).saturating_sub(self.config.hold_back_after);
                // Lanes of a peer that was held back are parked; they need its next moment.
                let held = health.retry_at.is_some();
                let retry_at = (beyond > 0 || asked_to_wait || held).then(|| {
                    self.config
                        .peer_backoff
                        .retry_at(beyond.max(1), *retry_after, now)
                });
                health.retry_at = retry_at;
                self.updates.insert(
                    host,
                    PeerReport::Failed {
                        error: error.clone(),
                        failures: health.failures,
                        retry_at,
                    },
                );
            }
            // Nothing was sent, so nothing was learned.
            Outcome::Retry { status: None, .. } | Outcome::Rejected { status: None, .. } => {}
            outcome => {
                let accepted = matches!(outcome, Outcome::Delivered { .. });
                let scheme = scheme_name(attempt.scheme);
                let known = health.signature_scheme.as_deref().unwrap_or("cavage");
                let is_new = accepted && scheme != known;
                let is_due = health
                    .last_success_at
                    .is_none_or(|noted| now.since(noted) >= HEALTH_NOTED_EVERY);
                if !is_new && !is_due && health.failures == 0 && health.retry_at.is_none() {
                    return;
                }
                if is_new {
                    health.signature_scheme = Some(scheme.to_owned());
                }
                health.failures = 0;
                health.retry_at = None;
                health.last_success_at = Some(now);
                self.updates.insert(
                    host,
                    PeerReport::Answered {
                        signature_scheme: is_new.then(|| scheme.to_owned()),
                    },
                );
            }
        }
    }
}
