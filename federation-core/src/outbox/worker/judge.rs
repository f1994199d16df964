//! From the outcome of an attempt to what is written down about the delivery and about its peer.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::config::WorkerConfig;
use crate::clock::Timestamp;
use crate::outbox::delivery::{ClaimedDelivery, PeerHealth};
use crate::outbox::explain::excerpt;
use crate::outbox::outcome::Outcome;
use crate::outbox::statistics::PeerCounts;
use crate::outbox::store::{PeerReport, PeerUpdate, Settlement, Verdict};
use crate::signature::PeerScheme;

/// How often it is written down that a healthy peer is healthy.
const HEALTH_NOTED_EVERY: Duration = Duration::from_mins(1);
/// Of how many peers attempts are counted before that is written down.
const MOST_COUNTED: usize = 4096;

/// One attempt that has ended.
#[derive(Debug)]
pub(super) struct Attempt {
    pub(super) delivery: Arc<ClaimedDelivery>,
    /// What the peer was seen to take.
    pub(super) learned: Option<PeerScheme>,
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
    /// Attempts that are not written down yet; once a minute they are.
    counts: HashMap<String, Tally>,
}

/// Attempts at one peer that have ended.
#[derive(Debug, Default)]
struct Tally {
    counts: PeerCounts,
    answered: u32,
    waited: Duration,
}

impl Tally {
    fn count(&mut self, attempt: &Attempt, now: Timestamp) {
        let place = match &attempt.outcome {
            Outcome::Delivered { .. } => &mut self.counts.delivered,
            Outcome::Retry { .. } => &mut self.counts.failed,
            Outcome::Refused { .. } | Outcome::Gone | Outcome::Rejected { .. } => {
                &mut self.counts.refused
            }
        };
        *place = place.saturating_add(1);
        if attempt.outcome.status().is_some() {
            self.answered = self.answered.saturating_add(1);
            self.waited = self.waited.saturating_add(now.since(attempt.started_at));
        }
    }

    fn take(self) -> PeerCounts {
        PeerCounts {
            latency: self.waited.checked_div(self.answered),
            ..self.counts
        }
    }
}

impl Judge {
    pub(super) fn new(config: WorkerConfig) -> Self {
        Self {
            config,
            peers: HashMap::new(),
            settlements: Vec::new(),
            updates: BTreeMap::new(),
            counts: HashMap::new(),
        }
    }

    /// Notes that a delivery goes on its way.
    pub(super) fn begin(&mut self, delivery: &ClaimedDelivery) {
        if let Some((under_way, _)) = self.peers.get_mut(&delivery.peer) {
            *under_way += 1;
        } else {
            let health = delivery.peer_health.clone();
            self.peers.insert(delivery.peer.clone(), (1, health));
        }
    }

    /// Notes that a delivery comes back without having been tried.
    pub(super) fn release(&mut self, delivery: Arc<ClaimedDelivery>) {
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
        if let Some(tally) = self.counts.get_mut(&attempt.delivery.peer) {
            tally.count(&attempt, now);
        } else {
            let mut tally = Tally::default();
            tally.count(&attempt, now);
            self.counts.insert(attempt.delivery.peer.clone(), tally);
        }
        let Attempt {
            delivery, outcome, ..
        } = attempt;
        let failures = self.peers.get(&delivery.peer);
        let failures = failures.map_or(1, |(_, health)| health.failures);
        self.end(&delivery.peer);
        let status = outcome.status();
        let attempts = delivery.attempts.saturating_add(1);
        let over = self.config.backoff.is_over(delivery.queued_at, now);
        // What fails with its whole peer waits for the peer: the attempts it has behind it from
        // earlier troubles do not count, or it would lie for hours after all others were sent.
        let times = match &outcome {
            Outcome::Retry {
                peer_wide: true, ..
            } => failures.clamp(1, attempts),
            _ => attempts,
        };
        let retry = |after| {
            if over {
                Verdict::Dead
            } else {
                Verdict::Retry(self.config.backoff.retry_at(times, after, now))
            }
        };
        let (verdict, error) = match outcome {
            Outcome::Delivered { .. } => (Verdict::Delivered, None),
            Outcome::Retry {
                error, retry_after, ..
            } => (retry(retry_after), Some(error)),
            Outcome::Refused { status, detail } => {
                let error = Some(match detail {
                    Some(said) => format!("the peer refused it: {status}: {said}"),
                    None => format!("the peer refused it: {status}"),
                });
                // One refusal after an outage may come of the outage: that the key could not be
                // fetched. It is tried again before it is believed.
                let again = delivery.last_status.is_some_and(Outcome::is_refusal);
                if over || again && attempts >= self.config.backoff.refusals {
                    (Verdict::Dead, error)
                } else {
                    let at = self.config.backoff.retry_refused_at(times, now);
                    (Verdict::Retry(at), error)
                }
            }
            Outcome::Gone => (Verdict::Dead, Some("the inbox is gone".to_owned())),
            Outcome::Rejected { error, .. } => (Verdict::Dead, Some(error)),
        };
        self.settlements.push(Settlement {
            delivery,
            verdict,
            status,
            error: error.as_deref().map(excerpt),
        });
    }

    /// Whether there is anything to write down.
    pub(super) fn has_news(&self) -> bool {
        !self.settlements.is_empty() || !self.updates.is_empty()
    }

    /// How many deliveries wait to be written down.
    pub(super) fn settlements(&self) -> usize {
        self.settlements.len()
    }

    /// Notes that the counts of all peers are to be written down with the next turn.
    pub(super) fn report_counts(&mut self) {
        for host in self.counts.keys() {
            if !self.updates.contains_key(host) {
                self.updates.insert(host.clone(), PeerReport::Unchanged);
            }
        }
    }

    /// What is to be written down now.
    pub(super) fn take(&mut self) -> (Vec<Settlement>, Vec<PeerUpdate>) {
        if self.counts.len() > MOST_COUNTED {
            self.report_counts();
        }
        let updates = std::mem::take(&mut self.updates)
            .into_iter()
            .map(|(host, report)| PeerUpdate {
                counts: self
                    .counts
                    .remove(&host)
                    .map(Tally::take)
                    .unwrap_or_default(),
                host,
                report,
            })
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
        let host = &attempt.delivery.peer;
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
                    host.clone(),
                    PeerReport::Failed {
                        error: error.clone(),
                        failures: health.failures,
                        retry_at,
                        asked_until: retry_after.map(|wait| {
                            now.plus(wait.min(self.config.peer_backoff.longest_retry_after))
                        }),
                    },
                );
            }
            // Nothing was sent, so nothing was learned.
            Outcome::Retry { status: None, .. } | Outcome::Rejected { status: None, .. } => {}
            _ => {
                let learned = attempt.learned.map(PeerScheme::as_str);
                let learned =
                    learned.filter(|word| health.signature_scheme.as_deref() != Some(word));
                let is_due = health
                    .last_success_at
                    .is_none_or(|noted| now.since(noted) >= HEALTH_NOTED_EVERY);
                if learned.is_none() && !is_due && health.failures == 0 && health.retry_at.is_none()
                {
                    return;
                }
                if let Some(word) = learned {
                    health.signature_scheme = Some(word.to_owned());
                }
                health.failures = 0;
                health.retry_at = None;
                health.last_success_at = Some(now);
                self.updates.insert(
                    host.clone(),
                    PeerReport::Answered {
                        signature_scheme: learned.map(str::to_owned),
                    },
                );
            }
        }
    }
}
