//! Time that passes only when everybody waits, and a way to make it stand still.

use std::cell::RefCell;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

use crate::clock::{Clock, Timestamp};

/// What the clocks of a network show at its start: 2026-01-01T00:00:00Z.
const START: Timestamp = Timestamp::from_millis(1_767_225_600_000);

/// The clock of one host: the time of the network, and how far this host is off.
#[derive(Debug)]
pub struct VirtualClock {
    started: Instant,
    ahead_millis: AtomicI64,
}

impl VirtualClock {
    pub(super) fn new(started: Instant) -> Self {
        Self {
            started,
            ahead_millis: AtomicI64::new(0),
        }
    }

    /// Sets it ahead of the network's time by so many milliseconds, or behind by negative ones.
    pub fn set_ahead(&self, millis: i64) {
        self.ahead_millis.store(millis, Ordering::Relaxed);
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        let now = START.plus(self.started.elapsed());
        let ahead = self.ahead_millis.load(Ordering::Relaxed);
        Timestamp::from_millis(now.as_millis().saturating_add(ahead))
    }

    fn sleep_until(&self, moment: Timestamp) -> BoxFuture<'_, ()> {
        let left = moment.since(self.now());
        Box::pin(async move {
            if left > Duration::ZERO {
                tokio::time::sleep(left).await;
            }
        })
    }
}

thread_local! {
    /// Set on a thread whose runtime runs in virtual time; the weak end of what holds it.
    static HELD: RefCell<Option<Weak<HeldTime>>> = const { RefCell::new(None) };
}

/// Keeps virtual time from passing, for as long as any of them is there.
#[derive(Debug)]
pub(crate) struct HeldTime {
    /// Its end lets the waiting thread go.
    _end: mpsc::Sender<()>,
}

/// Says that the runtime of this thread runs in virtual time, until dropped.
#[derive(Debug)]
pub(super) struct InVirtualTime(());

impl InVirtualTime {
    pub(super) fn enter() -> Self {
        HELD.set(Some(Weak::new()));
        Self(())
    }
}

impl Drop for InVirtualTime {
    fn drop(&mut self) {
        HELD.set(None);
    }
}

/// Holds virtual time while another thread works for this one, such as that of a database.
///
/// Without it time would run ahead to the next deadline, since the runtime cannot know that
/// anything is going on. Outside virtual time it does nothing.
#[cfg(any(test, feature = "diesel"))]
pub(crate) fn hold_time() -> Option<Arc<HeldTime>> {
    HELD.with_borrow_mut(|held| {
        let current = held.as_mut()?;
        if let Some(held) = current.upgrade() {
            return Some(held);
        }
        let (end, ended) = mpsc::channel();
        // Time stands still while the runtime has blocking work under way.
        tokio::task::spawn_blocking(move || {
            let _ = ended.recv();
        });
        let new = Arc::new(HeldTime { _end: end });
        *current = Arc::downgrade(&new);
        Some(new)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn held_time_stands_until_the_other_thread_has_answered() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let _virtual = InVirtualTime::enter();
        runtime.block_on(async {
            let started = Instant::now();
            let (answer, answered) = tokio::sync::oneshot::channel();
            let held = hold_time();
            assert!(held.is_some());
            // Another hold shares the first one's thread.
            assert!(Arc::ptr_eq(&hold_time().unwrap(), held.as_ref().unwrap()));
            let work = std::thread::spawn(move || {
                std::thread::sleep(Duration::from_millis(30));
                answer.send(()).unwrap();
            });
            let waited = tokio::time::timeout(Duration::from_millis(1), answered).await;
            assert!(waited.is_ok(), "virtual time ran ahead of the other thread");
            assert_eq!(started.elapsed(), Duration::ZERO);
            drop(held);
            work.join().unwrap();
            tokio::time::sleep(Duration::from_hours(1)).await;
            assert_eq!(started.elapsed(), Duration::from_hours(1));
        });
    }
}
