//! What the bus remembers of channels: when what is shown there was last told of, and how much is
//! written there.

use std::collections::HashMap;

use super::model::{StoredEvent, Topic};
use crate::base::ids::ChannelId;

/// Channels and communities remembered at most; then all count as told of just now (I11).
const REMEMBERED: usize = 50_000;
/// Channels whose messages are counted apart at most.
const COUNTED: usize = 10_000;

/// The event that tells of a new message.
const WRITTEN: &str = "message.created";
/// Events of a community that change how messages in all its channels look begin so.
const LOOKS: &str = "emoji.";

/// What was told of channels.
#[derive(Debug, Default)]
pub(super) struct Pulse {
    /// The number of the last event of each channel, and of the last of each community that changed
    /// how messages look.
    last: HashMap<Topic, i64>,
    /// No such event of the others has a larger number than this, as far as is known.
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
        let counts = match event.topic {
            Topic::Channel(_) => true,
            Topic::Community(_) => event.op.starts_with(LOOKS),
            Topic::User(_) => false,
        };
        if !counts {
            return;
        }
        if self.last.len() >= REMEMBERED && !self.last.contains_key(&event.topic) {
            self.last.clear();
            self.floor = event.seq;
        }
        self.last.insert(event.topic, event.seq);
        if let Topic::Channel(channel) = event.topic
            && event.op == WRITTEN
            && (self.written.len() < COUNTED || self.written.contains_key(&channel))
        {
            let written = self.written.entry(channel).or_default();
            *written = written.saturating_add(1);
        }
    }

    /// The number of the last event of a channel, or of the last one of a community that changed how
    /// messages look; or of a later one.
    pub(super) fn last_of(&self, topic: Topic) -> i64 {
        self.last.get(&topic).copied().unwrap_or(self.floor)
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
    use crate::base::ids::CommunityId;

    #[test]
    fn what_is_forgotten_counts_as_told_of_later() {
        let now = Timestamp::from_millis(1_795_190_734_032);
        let first = Topic::Channel(ChannelId::new(now));
        let mut pulse = Pulse::starting_at(7);
        assert_eq!(pulse.last_of(first), 7);
        let mut seq = 7;
        let mut tell = |pulse: &mut Pulse, topic, op: &str| {
            seq += 1;
            pulse.note(&StoredEvent {
                seq,
                topic,
                op: op.to_owned(),
                effect: None,
                data: "{}".to_owned(),
            });
            seq
        };
        tell(&mut pulse, first, "message.updated");
        assert_eq!(pulse.last_of(first), 8);
        // Of a community only what changes how messages look counts.
        let community = Topic::Community(CommunityId::new(now));
        tell(&mut pulse, community, "member.joined");
        assert_eq!(pulse.last_of(community), 7);
        tell(&mut pulse, community, "emoji.updated");
        assert_eq!(pulse.last_of(community), 10);
        for _ in 0..REMEMBERED {
            let other = Topic::Channel(ChannelId::new(now));
            tell(&mut pulse, other, "message.updated");
        }
        assert!(pulse.last_of(first) > 10);
        assert!(pulse.take_written().is_empty());
    }
}
