//! A clock that stands still until a test moves it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

use crate::clock::{Clock, Timestamp};

/// A [`Clock`] whose time is set by hand; sleepers wake when it is moved past them.
#[derive(Debug)]
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
    /// How many sleep until each moment.
    sleepers: Mutex<BTreeMap<Timestamp, usize>>,
}

/// One that sleeps.
struct Sleeper<'a>(&'a ManualClock, Timestamp);

impl ManualClock {
    /// A clock that stands at `start`.
    pub fn new(start: Timestamp) -> Self {
        Self {
            now: watch::Sender::new(start),
            sleepers: Mutex::default(),
        }
    }

    /// Moves time forward and wakes every sleeper whose moment has come.
    pub fn advance(&self, by: Duration) {
        self.now.send_modify(|now| *now = now.plus(by));
    }

    /// Whether somebody sleeps until exactly this moment, so that a test can wait for that before
    /// it moves time.
    pub fn is_awaited(&self, moment: Timestamp) -> bool {
        self.sleepers().contains_key(&moment)
    }

    fn sleepers(&self) -> MutexGuard<'_, BTreeMap<Timestamp, usize>> {
        self.sleepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fall_asleep(&self, moment: Timestamp) -> Sleeper<'_> {
        let mut sleepers = self.sleepers();
        let count = sleepers.entry(moment).or_default();
        *count = count.saturating_add(1);
        Sleeper(self, moment)
    }
}

impl Drop for Sleeper<'_> {
    fn drop(&mut self) {
        let mut sleepers = self.0.sleepers();
        let left = sleepers
            .get(&self.1)
            .map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            sleepers.remove(&self.1);
        } else {
            sleepers.insert(self.1, left);
        }
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    fn sleep_until(&self, moment: Timestamp) -> BoxFuture<'_, ()> {
        let mut changes = self.now.subscribe();
        Box::pin(async move {
            let _sleeper = self.fall_asleep(moment);
            // The sender lives in `self`, which this future borrows, so waiting cannot fail.
            let _ = changes.wait_for(|now| *now >= moment).await;
        })
    }
}
