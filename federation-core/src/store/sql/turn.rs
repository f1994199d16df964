//! One group of writes, from the moment it is taken out of the queue to its end.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::write_queue::{Job, Lane, WriteQueue};
use crate::metrics::Stopwatch;

/// A group that is under way.
pub(super) struct Turn<'a> {
    queue: &'a Mutex<WriteQueue>,
    limit: usize,
    /// Whose writes it began with.
    began: Lane,
    /// Whose writes came into it last.
    last: Lane,
    watch: Stopwatch,
}

impl<'a> Turn<'a> {
    /// Waits for writes and takes a group of up to `limit`; `None` once there will be no more.
    pub(super) fn take(
        queue: &'a Mutex<WriteQueue>,
        group: &mut Vec<Job>,
        limit: usize,
    ) -> Option<Self> {
        let mut waiting = queue.lock().unwrap_or_else(PoisonError::into_inner);
        let lane = waiting.take(group, limit)?;
        Some(Self {
            queue,
            limit,
            began: lane,
            last: lane,
            watch: Stopwatch::start(),
        })
    }

    /// Whether it began with what other servers sent.
    pub(super) fn is_of_arrivals(&self) -> bool {
        self.began == Lane::Arrivals
    }

    /// Lets in what may join the group; whether anything has. Once writes of this server have, nothing
    /// keeps them from their commit.
    pub(super) fn is_joined(&mut self, group: &mut Vec<Job>) -> bool {
        if self.last == Lane::Own {
            return false;
        }
        // Another writer that waits for work holds the queue: then there is none.
        let joined = self
            .queue
            .try_lock()
            .ok()
            .and_then(|mut waiting| waiting.join(group, self.limit, self.watch.elapsed()));
        self.last = joined.unwrap_or(self.last);
        joined.is_some()
    }

    /// Lets arrivals rest after a group of theirs; how long the group took.
    pub(super) fn end(&self) -> Duration {
        let took = self.watch.elapsed();
        if self.is_of_arrivals()
            && let Ok(mut waiting) = self.queue.try_lock()
        {
            waiting.rest(took);
        }
        took
    }
}
