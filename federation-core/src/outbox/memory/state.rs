//! The tables of the memory store, and what happens to them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};

use bytes::Bytes;
use url::Url;

use super::fan_out::Open;
use crate::clock::Timestamp;
use crate::outbox::delivery::{
    Delivery, DeliveryId, DeliveryState, LaneId, Outgoing, PeerHealth, Target,
};
use crate::outbox::statistics::PeerCounts;
use crate::outbox::store::{Settlement, Verdict};

/// Everything there is. What is asked for at each turn is found by an index: a turn costs what it
/// changes, however much else is queued, delivered or known.
#[derive(Default)]
pub(super) struct State {
    pub(super) deliveries: BTreeMap<DeliveryId, Entry>,
    /// The deliveries that wait, by when they were queued; those under way are among them.
    pub(super) queued: BTreeSet<(Timestamp, DeliveryId)>,
    /// How many deliveries are dead.
    pub(super) dead: usize,
    pub(super) activities: HashMap<Url, Activity>,
    pub(super) lanes: BTreeMap<LaneId, Lane>,
    /// The lanes of each peer that has any.
    pub(super) places: BTreeMap<String, Place>,
    /// The lanes that are not parked, by when they are due.
    pub(super) due: BTreeSet<(Timestamp, LaneId)>,
    pub(super) peers: BTreeMap<String, PeerHealth>,
    /// The peers that are held back, by when they are tried again.
    pub(super) held: BTreeSet<(Timestamp, String)>,
    pub(super) last_lane: LaneId,
    pub(super) counts: HashMap<String, PeerCounts>,
    /// Until when peers asked to be left alone.
    pub(super) asked_until: HashMap<String, Timestamp>,
    pub(super) fan_outs: BTreeMap<u64, Open>,
    pub(super) last_fan_out: u64,
}

pub(super) struct Entry {
    pub(super) delivery: Delivery,
    pub(super) ordering_key: String,
    pub(super) queued_at: Timestamp,
    /// The lane it waits in, or waited in.
    lane: LaneId,
}

pub(super) struct Activity {
    pub(super) actor_id: Url,
    pub(super) object_id: Option<Url>,
    pub(super) body: Bytes,
    /// The inboxes it was queued for.
    pub(super) inboxes: HashSet<Url>,
    /// How many of its deliveries are remembered.
    pub(super) deliveries: usize,
}

pub(super) struct Lane {
    pub(super) peer: String,
    ordering_key: String,
    pub(super) due_at: Timestamp,
    pub(super) lease: Option<String>,
    pub(super) parked: bool,
    pub(super) queue: VecDeque<DeliveryId>,
}

/// What waits for one peer.
#[derive(Default)]
pub(super) struct Place {
    /// Its lanes by ordering key.
    pub(super) lanes: BTreeMap<String, LaneId>,
    /// Those that are parked, by when they were due.
    pub(super) parked: BTreeSet<(Timestamp, LaneId)>,
}

impl State {
    /// The targets an activity was not queued for before, each with a new id.
    pub(super) fn wanted(&self, outgoing: &Outgoing, now: Timestamp) -> Vec<(DeliveryId, Target)> {
        let mut seen: HashSet<&Url> = HashSet::new();
        outgoing
            .targets
            .iter()
            .filter(|target| seen.insert(&target.inbox))
            .filter(|target| !self.is_queued(&outgoing.activity_id, &target.inbox))
            .map(|target| (DeliveryId::new(now), target.clone()))
            .collect()
    }

    pub(super) fn is_queued(&self, activity_id: &Url, inbox: &Url) -> bool {
        let activity = self.activities.get(activity_id);
        activity.is_some_and(|activity| activity.inboxes.contains(inbox))
    }

    /// Queues deliveries at the ends of their lanes.
    pub(super) fn spread(
        &mut self,
        activity_id: &Url,
        key: Option<&str>,
        wanted: Vec<(DeliveryId, Target)>,
        now: Timestamp,
    ) {
        for (id, target) in wanted {
            let ordering_key = match key {
                Some(key) => format!("k:{key}"),
                None => format!("d:{id}"),
            };
            let peer = target.peer();
            let lane = self.append(&peer, &ordering_key, id, now);
            if let Some(activity) = self.activities.get_mut(activity_id) {
                activity.inboxes.insert(target.inbox.clone());
                activity.deliveries += 1;
            }
            self.queued.insert((now, id));
            self.deliveries.insert(
                id,
                Entry {
                    delivery: Delivery {
                        id,
                        activity_id: activity_id.clone(),
                        inbox: target.inbox,
                        peer,
                        recipients: target.recipients,
                        state: DeliveryState::Queued,
                        attempts: 0,
                        last_status: None,
                        last_error: None,
                        created_at: now,
                        settled_at: None,
                    },
                    ordering_key,
                    queued_at: now,
                    lane,
                },
            );
        }
    }

    /// Puts a delivery at the end of its lane.
    fn append(&mut self, peer: &str, ordering_key: &str, id: DeliveryId, now: Timestamp) -> LaneId {
        let place = match self.places.get_mut(peer) {
            Some(place) => place,
            None => self.places.entry(peer.to_owned()).or_default(),
        };
        let known = place.lanes.get(ordering_key);
        if let Some((lane_id, lane)) = known.and_then(|id| Some((*id, self.lanes.get_mut(id)?))) {
            lane.queue.push_back(id);
            return lane_id;
        }
        self.last_lane += 1;
        let lane_id = self.last_lane;
        place.lanes.insert(ordering_key.to_owned(), lane_id);
        let health = self.peers.get(peer);
        let parked = health.is_some_and(|peer| peer.retry_at.is_some());
        if parked {
            place.parked.insert((now, lane_id));
        } else {
            self.due.insert((now, lane_id));
        }
        self.lanes.insert(
            lane_id,
            Lane {
                peer: peer.to_owned(),
                ordering_key: ordering_key.to_owned(),
                due_at: now,
                lease: None,
                parked,
                queue: VecDeque::from([id]),
            },
        );
        lane_id
    }

    /// Says when a lane is due, and whether it is parked until its peer is let go.
    pub(super) fn set_due(&mut self, id: LaneId, due_at: Timestamp, parked: bool) {
        let Some(lane) = self.lanes.get_mut(&id) else {
            return;
        };
        if (lane.due_at, lane.parked) == (due_at, parked) {
            return;
        }
        let was = (lane.due_at, id);
        if (lane.parked || parked)
            && let Some(place) = self.places.get_mut(&lane.peer)
        {
            if lane.parked {
                place.parked.remove(&was);
            }
            if parked {
                place.parked.insert((due_at, id));
            }
        }
        if !lane.parked {
            self.due.remove(&was);
        }
        if !parked {
            self.due.insert((due_at, id));
        }
        lane.due_at = due_at;
        lane.parked = parked;
    }

    /// Queues a delivery again that had left the queue; false when it had not, or was delivered.
    pub(super) fn queue_again(&mut self, id: DeliveryId, now: Timestamp) -> bool {
        let Some(entry) = self.deliveries.get_mut(&id) else {
            return false;
        };
        match entry.delivery.state {
            DeliveryState::Dead => self.dead = self.dead.saturating_sub(1),
            DeliveryState::Cancelled => {}
            DeliveryState::Queued | DeliveryState::Delivered => return false,
        }
        entry.delivery.state = DeliveryState::Queued;
        entry.delivery.attempts = 0;
        entry.delivery.settled_at = None;
        entry.queued_at = now;
        let (peer, key) = (entry.delivery.peer.clone(), entry.ordering_key.clone());
        self.queued.insert((now, id));
        let lane = self.append(&peer, &key, id, now);
        if let Some(entry) = self.deliveries.get_mut(&id) {
            entry.lane = lane;
        }
        true
    }

    pub(super) fn settle(&mut self, settlement: &Settlement, now: Timestamp) {
        let Some(lane) = self.lanes.get_mut(&settlement.delivery.lane) else {
            return;
        };
        if lane.lease.as_ref() != Some(&settlement.delivery.lease) {
            return;
        }
        lane.lease = None;
        let parked = lane.parked;
        let due_at = match settlement.verdict {
            Verdict::Retry(due_at) => due_at,
            Verdict::Release | Verdict::Delivered | Verdict::Dead => now,
        };
        self.set_due(settlement.delivery.lane, due_at, parked);
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
        self.dead += usize::from(state == DeliveryState::Dead);
        self.queued.remove(&(entry.queued_at, id));
        let lane_id = entry.lane;
        let Some(lane) = self.lanes.get_mut(&lane_id) else {
            return;
        };
        if lane.queue.front() == Some(&id) {
            lane.queue.pop_front();
        } else {
            lane.queue.retain(|queued| *queued != id);
        }
        if !lane.queue.is_empty() {
            return;
        }
        self.due.remove(&(lane.due_at, lane_id));
        if let Some(place) = self.places.get_mut(&lane.peer) {
            place.parked.remove(&(lane.due_at, lane_id));
            place.lanes.remove(&lane.ordering_key);
            if place.lanes.is_empty() {
                self.places.remove(&lane.peer);
            }
        }
        self.lanes.remove(&lane_id);
    }

    /// Forgets up to `limit` deliveries with ids below `before` that have left the queue, and what
    /// nothing else needs then; answers how many of either.
    pub(super) fn forget(&mut self, before: DeliveryId, limit: usize) -> usize {
        let old: Vec<DeliveryId> = self
            .deliveries
            .range(..before)
            .filter(|(_, entry)| entry.delivery.state != DeliveryState::Queued)
            .map(|(id, _)| *id)
            .take(limit)
            .collect();
        let mut forgotten = old.len();
        for id in old {
            let Some(Entry { delivery, .. }) = self.deliveries.remove(&id) else {
                continue;
            };
            let was_dead = delivery.state == DeliveryState::Dead;
            self.dead = self.dead.saturating_sub(usize::from(was_dead));
            if let Some(activity) = self.activities.get_mut(&delivery.activity_id) {
                activity.deliveries = activity.deliveries.saturating_sub(1);
            }
            forgotten += usize::from(self.forget_unused(&delivery.activity_id));
        }
        forgotten
    }

    /// Forgets an activity that no delivery needs and none will; whether it did.
    pub(super) fn forget_unused(&mut self, id: &Url) -> bool {
        let activity = self.activities.get(id);
        let unused = activity.is_some_and(|activity| activity.deliveries == 0);
        unused && !self.is_to_spread(id) && self.activities.remove(id).is_some()
    }

    /// Takes out what was queued before `before`, `matches`, and is under way with nobody.
    pub(super) fn withdraw(
        &mut self,
        state: DeliveryState,
        error: &str,
        (before, now): (Timestamp, Timestamp),
        matches: impl Fn(&Activity) -> bool,
    ) -> usize {
        let waits = |entry: &Entry| {
            let lane = self.lanes.get(&entry.lane);
            lane.is_some_and(|lane| {
                lane.lease.is_none() || lane.queue.front() != Some(&entry.delivery.id)
            })
        };
        let found: Vec<DeliveryId> = self
            .queued
            .iter()
            .take_while(|(queued_at, _)| *queued_at < before)
            .filter(|(_, id)| {
                self.deliveries.get(id).is_some_and(|entry| {
                    let activity = self.activities.get(&entry.delivery.activity_id);
                    waits(entry) && activity.is_some_and(&matches)
                })
            })
            .map(|(_, id)| *id)
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
