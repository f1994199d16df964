//! The tables of the memory store, and what happens to them.

use std::collections::{BTreeMap, HashMap, HashSet};

use bytes::Bytes;
use url::Url;

use crate::clock::Timestamp;
use crate::outbox::delivery::{
    ClaimedDelivery, Delivery, DeliveryId, DeliveryState, LaneId, Outgoing, PeerHealth,
};
use crate::outbox::room::Standing;
use crate::outbox::store::{Claim, PeerReport, PeerUpdate, Settlement, TurnEnd, Verdict};

#[derive(Default)]
pub(super) struct State {
    pub(super) deliveries: BTreeMap<DeliveryId, Entry>,
    pub(super) activities: HashMap<Url, Activity>,
    pub(super) lanes: BTreeMap<LaneId, Lane>,
    pub(super) lane_ids: HashMap<(String, String), LaneId>,
    pub(super) peers: BTreeMap<String, PeerHealth>,
    pub(super) last_lane: LaneId,
}

pub(super) struct Entry {
    pub(super) delivery: Delivery,
    pub(super) ordering_key: String,
    pub(super) queued_at: Timestamp,
}

pub(super) struct Activity {
    pub(super) actor_id: Url,
    pub(super) object_id: Option<Url>,
    pub(super) body: Bytes,
}

pub(super) struct Lane {
    pub(super) peer: String,
    pub(super) due_at: Timestamp,
    pub(super) lease: Option<String>,
    pub(super) parked: bool,
    pub(super) queue: Vec<DeliveryId>,
}

impl State {
    pub(super) fn enqueue(&mut self, outgoing: Outgoing, now: Timestamp) -> Vec<DeliveryId> {
        let mut seen: HashSet<Url> = self
            .deliveries
            .values()
            .filter(|entry| entry.delivery.activity_id == outgoing.activity_id)
            .map(|entry| entry.delivery.inbox.clone())
            .collect();
        let mut ids = Vec::with_capacity(outgoing.targets.len());
        for target in &outgoing.targets {
            if !seen.insert(target.inbox.clone()) {
                continue;
            }
            let id = DeliveryId::new(now);
            let ordering_key = match &outgoing.ordering_key {
                Some(key) => format!("k:{key}"),
                None => format!("d:{id}"),
            };
            self.append(&target.peer(), &ordering_key, id, now);
            self.deliveries.insert(
                id,
                Entry {
                    delivery: Delivery {
                        id,
                        activity_id: outgoing.activity_id.clone(),
                        inbox: target.inbox.clone(),
                        peer: target.peer(),
                        recipients: target.recipients.clone(),
                        state: DeliveryState::Queued,
                        attempts: 0,
                        last_status: None,
                        last_error: None,
                        created_at: now,
                        settled_at: None,
                    },
                    ordering_key,
                    queued_at: now,
                },
            );
            ids.push(id);
        }
        self.activities
            .entry(outgoing.activity_id)
            .or_insert(Activity {
                actor_id: outgoing.actor_id,
                object_id: outgoing.object_id,
                body: Bytes::from(outgoing.body),
            });
        ids
    }

    /// Puts a delivery at the end of its lane.
    pub(super) fn append(
        &mut self,
        peer: &str,
        ordering_key: &str,
        id: DeliveryId,
        now: Timestamp,
    ) {
        let parked = self
            .peers
            .get(peer)
            .is_some_and(|peer| peer.retry_at.is_some());
        let name = (peer.to_owned(), ordering_key.to_owned());
        let lane_id = *self.lane_ids.entry(name).or_insert_with(|| {
            self.last_lane += 1;
            self.last_lane
        });
        self.lanes
            .entry(lane_id)
            .or_insert_with(|| Lane {
                peer: peer.to_owned(),
                due_at: now,
                lease: None,
                parked,
                queue: Vec::new(),
            })
            .queue
            .push(id);
    }

    pub(super) fn learn(&mut self, update: &PeerUpdate, now: Timestamp) {
        let peer = self.peers.entry(update.host.clone()).or_default();
        peer.host.clone_from(&update.host);
        match &update.report {
            PeerReport::Answered { signature_scheme } => {
                peer.failures = 0;
                peer.failing_since_at = None;
                peer.retry_at = None;
                peer.last_success_at = Some(now);
                if signature_scheme.is_some() {
                    peer.signature_scheme.clone_from(signature_scheme);
                }
                for lane in self.lanes.values_mut() {
                    if lane.parked && lane.peer == update.host {
                        lane.parked = false;
                        lane.due_at = now;
                    }
                }
            }
            PeerReport::Failed {
                error,
                failures,
                retry_at,
            } => {
                peer.failures = *failures;
                peer.failing_since_at.get_or_insert(now);
                peer.retry_at = retry_at.or(peer.retry_at);
                peer.last_failure_at = Some(now);
                peer.last_error = Some(error.clone());
            }
        }
    }

    pub(super) fn settle(&mut self, settlement: &Settlement, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&settlement.delivery.lane) else {
            return;
        };
        if lane.lease.as_ref() != Some(&settlement.delivery.lease) {
            return;
        }
        lane.lease = None;
        lane.due_at = match settlement.verdict {
            Verdict::Retry(due_at) => due_at,
            Verdict::Release | Verdict::Delivered | Verdict::Dead => now,
        };
        if settlement.verdict == Verdict::Release {
            return;
        }
        if let Some(entry) = self.deliveries.get_mut(&settlement.delivery.id) {
            entry.delivery.attempts += 1;
            entry.delivery.last_status = settlement.status;
            entry.delivery.last_error.clone_from(&settlement.error);
        }
        match settlement.verdict {
            Verdict::Delivered => {
                self.take_out(settlement.delivery.id, DeliveryState::Delivered, now);
            }
            Verdict::Dead => self.take_out(settlement.delivery.id, DeliveryState::Dead, now),
            Verdict::Retry(_) | Verdict::Release => {}
        }
    }

    pub(super) fn take_out(&mut self, id: DeliveryId, state: DeliveryState, now: Timestamp) {
        let Some(entry) = self.deliveries.get_mut(&id) else {
            return;
        };
        entry.delivery.state = state;
        entry.delivery.settled_at = Some(now);
        let name = (entry.delivery.peer.clone(), entry.ordering_key.clone());
        let Some(lane_id) = self.lane_ids.get(&name).copied() else {
            return;
        };
        if let Some(lane) = self.lanes.get_mut(&lane_id) {
            lane.queue.retain(|queued| *queued != id);
            if lane.queue.is_empty() {
                self.lanes.remove(&lane_id);
                self.lane_ids.remove(&name);
            }
        }
    }

    pub(super) fn hold_back(&mut self) {
        for lane in self.lanes.values_mut() {
            let held = self
                .peers
                .get(&lane.peer)
                .is_some_and(|peer| peer.retry_at.is_some());
            if held && lane.lease.is_none() {
                lane.parked = true;
            }
        }
    }

    /// Lets go of lanes that are parked although their peer is not held back.
    pub(super) fn heal(&mut self, now: Timestamp) {
        for lane in self.lanes.values_mut() {
            let peer = self.peers.get(&lane.peer);
            if lane.parked && peer.is_none_or(|peer| peer.retry_at.is_none()) {
                lane.parked = false;
                lane.due_at = now;
            }
        }
    }

    pub(super) fn claim(&mut self, claim: &Claim, now: Timestamp) -> TurnEnd {
        let mut room = claim.room.clone();
        let mut chosen = Vec::new();
        for peer in self.peers.values_mut() {
            if peer.retry_at.is_none_or(|retry_at| retry_at > now)
                || !room.enter(&peer.host, Standing::Failing)
            {
                continue;
            }
            let waiting = self
                .lanes
                .iter()
                .filter(|(_, lane)| lane.parked && lane.peer == peer.host)
                .min_by_key(|(id, lane)| (lane.due_at, **id));
            if let Some((id, _)) = waiting {
                peer.retry_at = Some(claim.lease_until);
                chosen.push(*id);
            } else {
                peer.retry_at = None;
                room.leave(&peer.host, Standing::Failing);
            }
        }
        let mut due: Vec<(Timestamp, LaneId)> = self
            .lanes
            .iter()
            .filter(|(_, lane)| !lane.parked && lane.due_at <= now)
            .map(|(id, lane)| (lane.due_at, *id))
            .collect();
        due.sort_unstable();
        for (_, id) in due {
            let Some(lane) = self.lanes.get(&id) else {
                continue;
            };
            let health = self.peers.get(&lane.peer);
            let standing = Standing::of(
                health.map_or(0, |peer| peer.failures),
                health.is_some_and(|peer| peer.last_success_at.is_some()),
            );
            if room.enter(&lane.peer, standing) {
                chosen.push(id);
            }
        }
        TurnEnd {
            claimed: chosen
                .into_iter()
                .filter_map(|id| self.lease(id, claim))
                .collect(),
            limited: room.take_refused() || room.is_full(),
        }
    }

    pub(super) fn lease(&mut self, id: LaneId, claim: &Claim) -> Option<ClaimedDelivery> {
        let lane = self.lanes.get_mut(&id)?;
        lane.parked = false;
        lane.due_at = claim.lease_until;
        lane.lease = Some(claim.lease.clone());
        let entry = self.deliveries.get(lane.queue.first()?)?;
        let activity = self.activities.get(&entry.delivery.activity_id)?;
        let health = self.peers.get(&lane.peer).cloned();
        Some(ClaimedDelivery {
            id: entry.delivery.id,
            lane: id,
            lease: claim.lease.clone(),
            peer: lane.peer.clone(),
            inbox: entry.delivery.inbox.clone(),
            recipients: entry.delivery.recipients.clone(),
            activity_id: entry.delivery.activity_id.clone(),
            actor_id: activity.actor_id.clone(),
            body: activity.body.clone(),
            attempts: entry.delivery.attempts,
            last_status: entry.delivery.last_status,
            queued_at: entry.queued_at,
            peer_health: health.unwrap_or_else(|| PeerHealth {
                host: lane.peer.clone(),
                ..PeerHealth::default()
            }),
        })
    }

    /// Takes out what `matches` and nobody sends.
    pub(super) fn withdraw(
        &mut self,
        state: DeliveryState,
        error: &str,
        now: Timestamp,
        matches: impl Fn(&Entry, Option<&Activity>) -> bool,
    ) -> usize {
        let found: Vec<DeliveryId> = self
            .lanes
            .values()
            .flat_map(|lane| lane.queue.iter().skip(usize::from(lane.lease.is_some())))
            .copied()
            .filter(|id| {
                self.deliveries.get(id).is_some_and(|entry| {
                    matches(entry, self.activities.get(&entry.delivery.activity_id))
                })
            })
            .collect();
        for id in &found {
            if let Some(entry) = self.deliveries.get_mut(id) {
                entry.delivery.last_error = Some(error.to_owned());
            }
            self.take_out(*id, state, now);
        }
        found.len()
    }
}
