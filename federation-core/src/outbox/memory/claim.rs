//! Which lanes are taken to be sent, and what is told of them.

use super::state::State;
use crate::clock::Timestamp;
use crate::outbox::delivery::{ClaimedDelivery, LaneId, PeerHealth};
use crate::outbox::room::{Room, Standing};
use crate::outbox::store::{Claim, EVER, TurnEnd};

impl State {
    pub(super) fn claim(&mut self, claim: &Claim, now: Timestamp) -> TurnEnd {
        let mut room = claim.room.clone();
        let mut chosen = self.probes(&mut room, claim.lease_until, now);
        for (_, id) in self.due.range(..=(now, LaneId::MAX)) {
            let Some(lane) = self.lanes.get(id) else {
                continue;
            };
            let health = self.peers.get(&lane.peer);
            let standing = Standing::of(
                health.map_or(0, |peer| peer.failures),
                health.is_some_and(|peer| peer.last_success_at.is_some()),
            );
            if room.enter(&lane.peer, standing) {
                chosen.push(*id);
            }
            if room.free() == 0 {
                break;
            }
        }
        let limited = room.take_refused() || room.is_full();
        TurnEnd {
            claimed: chosen
                .into_iter()
                .filter_map(|id| self.lease(id, claim))
                .collect(),
            limited,
            next: self.next_due(if limited { now } else { EVER }),
        }
    }

    /// One lane of each held-back peer whose time has come; a peer that nothing waits for is let
    /// go.
    fn probes(&mut self, room: &mut Room, until: Timestamp, now: Timestamp) -> Vec<LaneId> {
        let due: Vec<String> = self
            .held
            .iter()
            .take_while(|(retry_at, _)| *retry_at <= now)
            .map(|(_, host)| host.clone())
            .collect();
        let mut chosen = Vec::new();
        for host in due {
            if !room.enter(&host, Standing::Failing) {
                continue;
            }
            let place = self.places.get(&host);
            let waiting = place.and_then(|place| place.parked.first());
            if let Some((_, lane)) = waiting {
                chosen.push(*lane);
                self.hold_until(&host, Some(until));
            } else {
                self.hold_until(&host, None);
                room.leave(&host, Standing::Failing);
            }
        }
        chosen
    }

    fn lease(&mut self, id: LaneId, claim: &Claim) -> Option<ClaimedDelivery> {
        self.set_due(id, claim.lease_until, false);
        let lane = self.lanes.get_mut(&id)?;
        lane.lease = Some(claim.lease.clone());
        let entry = self.deliveries.get(lane.queue.front()?)?;
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
}
