//! What is known of peers, and what follows for their lanes.

use std::ops::Bound;

use super::state::State;
use crate::clock::Timestamp;
use crate::outbox::delivery::{LaneId, PeerHealth};
use crate::outbox::explain::excerpt;
use crate::outbox::statistics::{PeerStatistics, QueueStats};
use crate::outbox::store::{Heard, NextDue, PeerBounds, PeerReport, PeerUpdate};

impl State {
    pub(super) fn learn(&mut self, update: &PeerUpdate, now: Timestamp) {
        if update.report != PeerReport::Unchanged || self.peers.contains_key(&update.host) {
            let counts = self.counts.entry(update.host.clone()).or_default();
            counts.add(&update.counts);
        }
        if update.report == PeerReport::Unchanged {
            return;
        }
        let peer = self.peers.entry(update.host.clone()).or_default();
        peer.host.clone_from(&update.host);
        match &update.report {
            PeerReport::Unchanged => {}
            PeerReport::Answered { signature_scheme } => {
                peer.failures = 0;
                peer.failing_since_at = None;
                peer.last_success_at = Some(now);
                if signature_scheme.is_some() {
                    peer.signature_scheme.clone_from(signature_scheme);
                }
                self.asked_until.remove(&update.host);
                self.hold_until(&update.host, None);
                self.let_go(&update.host, now);
            }
            PeerReport::Failed {
                error,
                failures,
                retry_at,
                asked_until,
            } => {
                peer.failures = *failures;
                peer.failing_since_at.get_or_insert(now);
                peer.last_failure_at = Some(now);
                peer.last_error = Some(excerpt(error));
                let retry_at = retry_at.or(peer.retry_at);
                if let Some(asked_until) = asked_until {
                    self.asked_until.insert(update.host.clone(), *asked_until);
                }
                self.hold_until(&update.host, retry_at);
            }
        }
    }

    /// Holds a peer back until then, or no longer; its lanes stay as they are.
    pub(super) fn hold_until(&mut self, host: &str, retry_at: Option<Timestamp>) {
        let Some(peer) = self.peers.get_mut(host) else {
            return;
        };
        if let Some(was) = peer.retry_at {
            self.held.remove(&(was, host.to_owned()));
        }
        peer.retry_at = retry_at;
        if let Some(retry_at) = retry_at {
            self.held.insert((retry_at, host.to_owned()));
        }
    }

    /// Makes a peer due that is held back for longer than it asked for, unless one of its lanes is
    /// leased.
    pub(super) fn make_due(&mut self, host: &str, now: Timestamp) -> Heard {
        let peer = self.peers.get(host);
        let is_held = peer.is_some_and(|peer| peer.retry_at.is_some_and(|at| at > now));
        if !is_held || self.asked_until.get(host).is_some_and(|at| *at > now) {
            return Heard::Nothing;
        }
        let lanes = self.places.get(host).into_iter();
        let mut lanes = lanes.flat_map(|place| place.lanes.values());
        if lanes.any(|id| self.lanes.get(id).is_some_and(|lane| lane.lease.is_some())) {
            return Heard::BeingTried;
        }
        self.hold_until(host, Some(now));
        Heard::Due
    }

    fn is_held(&self, host: &str) -> bool {
        let peer = self.peers.get(host);
        peer.is_some_and(|peer| peer.retry_at.is_some())
    }

    /// Parks the lanes of a peer that is held back, except those that somebody holds.
    pub(super) fn park_all(&mut self, host: &str) {
        let Some(place) = self.places.get(host).filter(|_| self.is_held(host)) else {
            return;
        };
        let lanes: Vec<LaneId> = place.lanes.values().copied().collect();
        for lane in lanes {
            self.park(lane);
        }
    }

    /// Parks a lane whose peer is held back, unless somebody holds it.
    pub(super) fn park(&mut self, id: LaneId) {
        let Some(lane) = self.lanes.get(&id) else {
            return;
        };
        if lane.lease.is_none() && !lane.parked && self.is_held(&lane.peer) {
            self.set_due(id, lane.due_at, true);
        }
    }

    /// Makes everything due that was parked for a peer.
    fn let_go(&mut self, host: &str, now: Timestamp) {
        let Some(place) = self.places.get(host) else {
            return;
        };
        for (_, lane) in place.parked.clone() {
            self.set_due(lane, now, false);
        }
    }

    /// Lets go of lanes that are parked although their peer is not held back.
    pub(super) fn heal(&mut self, now: Timestamp) {
        let free: Vec<String> = self
            .places
            .iter()
            .filter(|(host, place)| !place.parked.is_empty() && !self.is_held(host))
            .map(|(host, _)| host.clone())
            .collect();
        for host in free {
            self.let_go(&host, now);
        }
    }

    pub(super) fn next_due(&self, after: Timestamp) -> NextDue {
        let beyond = (Bound::Excluded((after, LaneId::MAX)), Bound::Unbounded);
        let lane = self.due.range(beyond).next().map(|(due_at, _)| *due_at);
        let mut held = self.held.iter().map(|(retry_at, _)| *retry_at);
        let peer = held.find(|retry_at| *retry_at > after);
        NextDue {
            delivery: lane.into_iter().chain(peer).min(),
            fan_out: self.fan_outs.values().map(|open| open.due_at).min(),
        }
    }

    pub(super) fn statistics(&self, host: &str) -> Option<PeerStatistics> {
        let known = self.peers.get(host);
        let place = self.places.get(host);
        if known.is_none() && place.is_none() {
            return None;
        }
        let lanes = || {
            let ids = place.into_iter().flat_map(|place| place.lanes.values());
            ids.filter_map(|id| self.lanes.get(id))
        };
        let queued = || lanes().flat_map(|lane| lane.queue.iter());
        Some(PeerStatistics {
            health: known.cloned().unwrap_or_else(|| PeerHealth {
                host: host.to_owned(),
                ..PeerHealth::default()
            }),
            counts: self.counts.get(host).copied().unwrap_or_default(),
            queued: whole(queued().count()),
            lanes: whole(lanes().count()),
            oldest_queued_at: queued()
                .filter_map(|id| Some(self.deliveries.get(id)?.queued_at))
                .min(),
        })
    }

    pub(super) fn stats(&self) -> QueueStats {
        let is_free = |id| self.lanes.get(id).is_some_and(|lane| lane.lease.is_none());
        let mut due = self.due.iter().filter(|(_, id)| is_free(id));
        QueueStats {
            queued: whole(self.queued.len()),
            oldest_queued_at: self.queued.first().map(|(queued_at, _)| *queued_at),
            oldest_due_at: due.next().map(|(due_at, _)| *due_at),
            fan_outs: whole(self.fan_outs.len()),
            held_back_peers: whole(self.held.len()),
            dead: whole(self.dead),
            peers: whole(self.peers.len()),
        }
    }

    pub(super) fn prune_peers(&mut self, bounds: &PeerBounds, limit: u32) -> usize {
        let most = usize::try_from(bounds.most).unwrap_or(usize::MAX);
        let beyond = self.peers.len().saturating_sub(most);
        let mut idle: Vec<(Option<Timestamp>, &String)> = self
            .peers
            .values()
            .filter(|peer| !self.places.contains_key(&peer.host))
            .map(|peer| (peer.last_success_at.max(peer.last_failure_at), &peer.host))
            .collect();
        idle.sort_unstable();
        let untouched = idle
            .iter()
            .take_while(|(touched, _)| touched.is_none_or(|at| at < bounds.untouched_since))
            .count();
        let forgotten: Vec<String> = idle
            .into_iter()
            .take(untouched.max(beyond))
            .take(usize::try_from(limit).unwrap_or(usize::MAX))
            .map(|(_, host)| host.clone())
            .collect();
        for host in &forgotten {
            self.hold_until(host, None);
            self.peers.remove(host);
            self.asked_until.remove(host);
            self.counts.remove(host);
        }
        forgotten.len()
    }
}

fn whole(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
