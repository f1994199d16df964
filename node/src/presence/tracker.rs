//! [`Tracker`]: counts the sockets of members, and wakes those who tell of it.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use federation_core::{Clock, Timestamp};
use tokio::sync::Notify;

use super::roll::Roll;
use crate::accounts::online::Online;
use crate::base::ids::{ProcessId, UserId};

/// Counts the sockets of members; cheap to clone.
#[derive(Clone)]
pub struct Tracker(Arc<Shared>);

struct Shared {
    roll: Mutex<Roll>,
    moved: Notify,
    online: Online,
    clock: Arc<dyn Clock>,
    process: ProcessId,
}

/// A socket of a member that is open; dropping it is its end.
#[derive(Debug)]
#[must_use = "the member counts as there while it is held"]
pub struct Here {
    tracker: Tracker,
    user: UserId,
}

impl Tracker {
    /// Nobody is there.
    pub fn new(clock: &Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared {
            roll: Mutex::default(),
            moved: Notify::new(),
            online: Online::default(),
            clock: Arc::clone(clock),
            process: ProcessId::new(clock.now()),
        }))
    }

    /// What others see.
    pub fn online(&self) -> &Online {
        &self.0.online
    }

    /// Counts a socket of a member for as long as the answer is held.
    pub fn enter(&self, user: UserId) -> Here {
        if self.roll().enter(user, self.now()) {
            self.0.moved.notify_one();
        }
        Here {
            tracker: self.clone(),
            user,
        }
    }

    /// By which id other processes know this one.
    pub(super) fn process(&self) -> ProcessId {
        self.0.process
    }

    /// Waits until the first socket of somebody opens or the last one closes; for one reader.
    pub(super) async fn moved(&self) {
        self.0.moved.notified().await;
    }

    pub(super) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(super) fn roll(&self) -> MutexGuard<'_, Roll> {
        self.0.roll.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Here {
    fn drop(&mut self) {
        let now = self.tracker.now();
        if self.tracker.roll().leave(self.user, now) {
            self.tracker.0.moved.notify_one();
        }
    }
}

impl fmt::Debug for Tracker {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Tracker")
            .field("process", &self.0.process)
            .field("online", &self.0.online)
            .finish_non_exhaustive()
    }
}
