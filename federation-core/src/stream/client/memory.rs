//! A bounded memory of peers in which each note has its time.

use std::collections::{BTreeSet, HashMap};

use crate::clock::Timestamp;

/// Notes about peers, each until a moment; at most `capacity` of them.
#[derive(Debug)]
pub(super) struct Memory<V> {
    notes: HashMap<String, (V, Timestamp)>,
    order: BTreeSet<(Timestamp, String)>,
    capacity: usize,
}

impl<V> Memory<V> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            notes: HashMap::new(),
            order: BTreeSet::new(),
            capacity,
        }
    }

    /// Forgets what is past its time.
    pub(super) fn expire(&mut self, now: Timestamp) {
        while self.order.first().is_some_and(|(until, _)| *until <= now) {
            self.forget_first();
        }
    }

    pub(super) fn find(&mut self, peer: &str) -> Option<&mut V> {
        self.notes.get_mut(peer).map(|(note, _)| note)
    }

    /// Puts a note in place of an earlier one; the one that would be forgotten first gives way
    /// when there is no room.
    pub(super) fn put(&mut self, peer: &str, note: V, until: Timestamp) {
        self.forget(peer);
        while self.notes.len() >= self.capacity.max(1) {
            self.forget_first();
        }
        self.notes.insert(peer.to_owned(), (note, until));
        self.order.insert((until, peer.to_owned()));
    }

    pub(super) fn forget(&mut self, peer: &str) -> Option<V> {
        let (peer, (note, until)) = self.notes.remove_entry(peer)?;
        self.order.remove(&(until, peer));
        Some(note)
    }

    pub(super) fn len(&self) -> usize {
        self.notes.len()
    }

    fn forget_first(&mut self) {
        if let Some((_, peer)) = self.order.pop_first() {
            self.notes.remove(&peer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    #[test]
    fn is_bounded_and_forgets_in_time() {
        let mut memory = Memory::new(2);
        memory.put("a", 1, at(10));
        memory.put("b", 2, at(30));
        memory.put("a", 3, at(40));
        memory.put("c", 4, at(50));
        assert_eq!(memory.find("b"), None);
        assert_eq!(
            (memory.find("a").copied(), memory.find("c").copied()),
            (Some(3), Some(4))
        );
        memory.expire(at(40));
        assert_eq!(memory.find("a"), None);
        assert_eq!(memory.len(), 1);
        assert_eq!(memory.forget("c"), Some(4));
        assert_eq!((memory.len(), memory.order.len()), (0, 0));
    }
}
