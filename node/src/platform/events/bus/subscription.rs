//! One place at the bus: what it receives, and how.

use std::fmt;

use axum::extract::ws::Utf8Bytes;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{Bus, End, Frame};
use crate::platform::events::model::Topic;

/// A place at the bus; dropping it gives the place back.
pub struct Subscription {
    pub(super) id: u64,
    pub(super) bus: Bus,
    pub(super) frames: mpsc::Receiver<Frame>,
    pub(super) whispers: mpsc::Receiver<Utf8Bytes>,
    pub(super) lagged: CancellationToken,
}

impl Subscription {
    /// Receives these topics too from now on; answers the number of the last event before now.
    pub fn follow(&self, topics: impl IntoIterator<Item = Topic>) -> i64 {
        let mut state = self.bus.lock();
        for topic in topics {
            state.join(self.id, topic);
        }
        state.position
    }

    /// The topics received at this moment.
    pub fn topics(&self) -> Vec<Topic> {
        let state = self.bus.lock();
        let subscriber = state.subscribers.get(&self.id);
        subscriber
            .map(|subscriber| subscriber.topics.iter().copied().collect())
            .unwrap_or_default()
    }

    /// Waits for frames and appends up to `limit` of them; cancelling it loses none.
    ///
    /// # Errors
    /// The subscription ended, and frames may be missing.
    pub async fn receive(&mut self, frames: &mut Vec<Frame>, limit: usize) -> Result<(), End> {
        tokio::select! {
            biased;
            () = self.lagged.cancelled() => Err(End::Lagged),
            received = self.frames.recv_many(frames, limit) => {
                if received == 0 { Err(End::Lagged) } else { Ok(()) }
            }
            Some(text) = self.whispers.recv() => {
                frames.push(Frame::whispered(text));
                while frames.len() < limit
                    && let Ok(text) = self.whispers.try_recv()
                {
                    frames.push(Frame::whispered(text));
                }
                Ok(())
            }
        }
    }

    /// Fires when the subscription ended because its reader was too slow.
    pub fn lagged(&self) -> CancellationToken {
        self.lagged.clone()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.bus.lock().remove(self.id);
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Subscription")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
