//! How many deliveries may be under way, in all and per peer.
//!
//! Peers that have answered get most of the room. Peers never heard of share half of it, failing
//! ones a small part, so that any number of dead servers leaves the others their places.

use std::collections::HashMap;

/// The sizes of the shares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RoomLimits {
    /// Deliveries under way at once, in all.
    pub total: usize,
    /// Of these, at peers that never answered yet.
    pub unproven: usize,
    /// Of these, at peers whose last attempts failed.
    pub failing: usize,
    /// At one peer that answers.
    pub per_peer: usize,
    /// At one peer that never answered yet.
    pub per_unproven_peer: usize,
}

impl Default for RoomLimits {
    fn default() -> Self {
        Self {
            total: 256,
            unproven: 128,
            failing: 16,
            per_peer: 8,
            per_unproven_peer: 2,
        }
    }
}

/// What is known of a peer when a place for it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Its last attempt was answered.
    Proven,
    /// It was never tried, or never answered.
    Unproven,
    /// Its last attempts failed.
    Failing,
}

impl Standing {
    /// The standing of a peer with these figures.
    pub fn of(failures: u32, has_answered: bool) -> Self {
        match (failures, has_answered) {
            (0, true) => Self::Proven,
            (0, false) => Self::Unproven,
            _ => Self::Failing,
        }
    }
}

/// The places that are taken, and whether one more may be.
#[derive(Clone, Debug)]
pub struct Room {
    limits: RoomLimits,
    total: usize,
    unproven: usize,
    failing: usize,
    peers: HashMap<String, usize>,
    refused: bool,
}

impl Room {
    /// An empty room.
    pub fn new(limits: RoomLimits) -> Self {
        Self {
            limits,
            total: 0,
            unproven: 0,
            failing: 0,
            peers: HashMap::new(),
            refused: false,
        }
    }

    /// Takes a place for a delivery to `peer`; false when there is none for it.
    pub fn enter(&mut self, peer: &str, standing: Standing) -> bool {
        let here = self.peers.get(peer).copied().unwrap_or(0);
        let (at_peer, share_is_full) = match standing {
            Standing::Proven => (self.limits.per_peer, false),
            Standing::Unproven => (
                self.limits.per_unproven_peer,
                self.unproven >= self.limits.unproven,
            ),
            Standing::Failing => (1, self.failing >= self.limits.failing),
        };
        if self.total >= self.limits.total || share_is_full || here >= at_peer {
            self.refused = true;
            return false;
        }
        self.total += 1;
        match standing {
            Standing::Proven => {}
            Standing::Unproven => self.unproven += 1,
            Standing::Failing => self.failing += 1,
        }
        self.peers.insert(peer.to_owned(), here + 1);
        true
    }

    /// Gives a place back; `standing` is what it was taken with.
    pub fn leave(&mut self, peer: &str, standing: Standing) {
        self.total = self.total.saturating_sub(1);
        match standing {
            Standing::Proven => {}
            Standing::Unproven => self.unproven = self.unproven.saturating_sub(1),
            Standing::Failing => self.failing = self.failing.saturating_sub(1),
        }
        if let Some(here) = self.peers.get_mut(peer) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                self.peers.remove(peer);
            }
        }
    }

    /// How many more fit in all.
    pub fn free(&self) -> usize {
        self.limits.total.saturating_sub(self.total)
    }

    /// How many more fit at failing peers.
    pub fn free_for_failing(&self) -> usize {
        self.limits
            .failing
            .saturating_sub(self.failing)
            .min(self.free())
    }

    /// Peers whose places are all taken, whatever their standing.
    pub fn full_peers(&self) -> Vec<String> {
        self.peers
            .iter()
            .filter(|(_, here)| **here >= self.limits.per_peer)
            .map(|(peer, _)| peer.clone())
            .collect()
    }

    /// Whether somebody was turned away since this was last asked.
    pub fn take_refused(&mut self) -> bool {
        std::mem::take(&mut self.refused)
    }

    /// Whether a share or a peer has no place left, so that something due may have been passed by.
    pub fn is_full(&self) -> bool {
        self.free() == 0
            || self.free_for_failing() == 0
            || self
                .peers
                .values()
                .any(|here| *here >= self.limits.per_peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_and_unknown_peers_leave_places_for_proven_ones() {
        let mut room = Room::new(RoomLimits::default());
        let mut taken = 0;
        for n in 0..1000 {
            for _ in 0..8 {
                taken += usize::from(room.enter(&format!("dead{n}"), Standing::Failing));
                taken += usize::from(room.enter(&format!("new{n}"), Standing::Unproven));
            }
        }
        assert_eq!(taken, 16 + 128);
        assert!(room.take_refused());
        for _ in 0..8 {
            assert!(room.enter("healthy", Standing::Proven));
        }
        assert!(!room.enter("healthy", Standing::Proven));
        assert_eq!(room.full_peers(), ["healthy"]);
        room.leave("healthy", Standing::Proven);
        assert!(room.enter("healthy", Standing::Proven));
    }
}
