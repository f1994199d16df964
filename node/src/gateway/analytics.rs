//! Figures for dashboards: worked out once for the process, a few times a minute at most, and only
//! while somebody looks.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::Utf8Bytes;
use federation_core::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

use super::frame;
use crate::base::ids::ChannelId;
use crate::platform::ctx::Ctx;
use crate::platform::events::Bus;
use crate::presence::Tracker;

/// Between two frames.
const EVERY: Duration = Duration::from_secs(5);
/// As many steps make a minute.
const STEPS: usize = 12;
/// Channels named at most.
const TOP: usize = 10;

/// The newest figures, as a frame; clones share them.
#[derive(Clone)]
pub struct Analytics(Arc<watch::Sender<Utf8Bytes>>);

/// Follows the figures; whoever is slow gets the newest alone.
pub(super) type Following = watch::Receiver<Utf8Bytes>;

impl Default for Analytics {
    fn default() -> Self {
        Self(Arc::new(watch::channel(Utf8Bytes::default()).0))
    }
}

impl Analytics {
    /// The figures from the next ones on.
    pub(super) fn follow(&self) -> Following {
        self.0.subscribe()
    }
}

impl fmt::Debug for Analytics {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Analytics")
            .field("followed_by", &self.0.receiver_count())
            .finish_non_exhaustive()
    }
}

/// What the event `analytics` carries.
#[derive(Debug, Serialize)]
struct Figures {
    at: Timestamp,
    /// Sockets open at this process.
    sockets: usize,
    /// Members who are there, at every process.
    members_online: usize,
    /// Messages of the last minute, of all processes.
    messages_per_minute: u64,
    /// Where most of them were.
    top_channels: Vec<Busy>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Busy {
    channel_id: ChannelId,
    messages: u64,
}

/// What was written within the last minute, step by step.
#[derive(Debug, Default)]
struct Minute(VecDeque<HashMap<ChannelId, u64>>);

impl Minute {
    fn step(&mut self, written: HashMap<ChannelId, u64>) {
        self.0.push_back(written);
        if self.0.len() > STEPS {
            self.0.pop_front();
        }
    }

    fn sum(&self) -> (u64, Vec<Busy>) {
        let mut each: HashMap<ChannelId, u64> = HashMap::new();
        for (channel, count) in self.0.iter().flatten() {
            let sum = each.entry(*channel).or_default();
            *sum = sum.saturating_add(*count);
        }
        let all = each
            .values()
            .fold(0, |all: u64, one| all.saturating_add(*one));
        let mut top: Vec<Busy> = each
            .into_iter()
            .map(|(channel_id, messages)| Busy {
                channel_id,
                messages,
            })
            .collect();
        top.sort_unstable_by_key(|busy| (std::cmp::Reverse(busy.messages), busy.channel_id));
        top.truncate(TOP);
        (all, top)
    }
}

/// Works the figures out until the server ends.
pub async fn measure(ctx: Ctx, bus: Bus, presence: Tracker, analytics: Analytics) {
    let mut minute = Minute::default();
    let work = async {
        loop {
            ctx.clock().sleep_until(ctx.now().plus(EVERY)).await;
            minute.step(bus.take_written());
            if analytics.0.receiver_count() == 0 {
                continue;
            }
            let (messages_per_minute, top_channels) = minute.sum();
            let figures = Figures {
                at: ctx.now(),
                sockets: bus.subscriptions(),
                members_online: presence.online().count(),
                messages_per_minute,
                top_channels,
            };
            analytics
                .0
                .send_replace(frame::write("analytics", &figures));
        }
    };
    ctx.tasks().shutdown().run_until_cancelled(work).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_minute_is_the_last_twelve_steps() {
        let now = Timestamp::from_millis(1_795_190_734_032);
        let (one, other) = (ChannelId::new(now), ChannelId::new(now));
        let mut minute = Minute::default();
        minute.step(HashMap::from([(one, 100)]));
        for _ in 0..STEPS {
            minute.step(HashMap::from([(one, 1), (other, 2)]));
        }
        let (all, top) = minute.sum();
        assert_eq!(all, 36);
        let busy = |channel_id, messages| Busy {
            channel_id,
            messages,
        };
        assert_eq!(top, [busy(other, 24), busy(one, 12)]);
    }
}
