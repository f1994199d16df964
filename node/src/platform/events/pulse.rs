//! What the bus remembers of channels: when each was last told of, and how much is written there.

use std::collections::HashMap;

use super::model::{StoredEvent, Topic};
use crate::base::ids::ChannelId;

/// Channels remembered at most; then all count as told of just now (I11).
const CHANNELS: usize = 50_000;
/// Channels whose messages are counted apart at most.
const COUNTED: usize = 10_000;

/// The event that tells of a new message.
const WRITTEN: &str = "message.created";

/// What was told of channels.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// The number of the last event of each channel.
    last: HashMap<ChannelId, i64>,
    /// No event of the other channels has a larger number than this, as far as is known.
    floor: i64,
    written: HashMap<ChannelId, u64>,
}

impl Pulse {
    /// Nothing is known of what was told up to number `position`.
    pub(super) fn starting_at(position: i64) -> Self {
        Self {
            floor: position,
            ..Self::default()
        }
    }

    /// An event is handed on.
    pub(super) fn note(&mut self, event: &StoredEvent) {
        let Topic::Channel(channel) = event.topic else {
            return;
        };
        if self.last.len() >= CHANNELS && !self.last.contains_key(&channel) {
            self.last.clear();
            self.floor = event.seq;
        }
        self.last.insert(channel, event.seq);
        if event.op == WRITTEN
            && (self.written.len() < COUNTED || self.written.contains_key(&channel))
        {
            let written = self.written.entry(channel).or_default();
            *written = written.saturating_add(1);
        }
    }

    /// The number of the last event of a channel, or of a later one.
    pub(super) fn last_of(&self, channel: ChannelId) -> i64 {
        self.last.get(&channel).copied().unwrap_or(self.floor)
    }

    /// The messages since the last call, by channel.
    pub(super) fn take_written(&mut self) -> HashMap<ChannelId, u64> {
        std::mem::take(&mut self.written)
    }
}

#[cfg(test)]
mod tests {
    use federation_core::Timestamp;

    use super::*;

    #[test]
    fn what_is_forgotten_counts_as_told_of_later() {
        let now = Timestamp::from_millis(1_795_190_734_032);
        let first = ChannelId::new(now);
        let mut pulse = Pulse::starting_at(7);
        assert_eq!(pulse.last_of(first), 7);
        let mut seq = 7;
        let mut tell = |pulse: &mut Pulse, channel| {
            seq += 1;
            pulse.note(&StoredEvent {
                seq,
                topic: Topic::Channel(channel),
                op: "message.updated".to_owned(),
                effect: None,
                data: "{}".to_owned(),
            });
            seq
        };
        tell(&mut pulse, first);
        assert_eq!(pulse.last_of(first), 8);
        for _ in 0..CHANNELS {
            tell(&mut pulse, ChannelId::new(now));
        }
        assert!(pulse.last_of(first) > 8);
        assert!(pulse.take_written().is_empty());
    }
}
