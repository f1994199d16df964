//! Sockets that read all the time, and how many frames came to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::wire::Wire;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(2);

/// How many frames all sockets have read.
#[derive(Default)]
pub(crate) struct Count {
    read: AtomicU64,
    target: AtomicU64,
    reached: Notify,
}

impl Count {
    /// Waits for so many more frames than at the last time.
    pub(crate) fn expect(&self, more: usize) {
        self.target.fetch_add(more as u64, Ordering::SeqCst);
    }

    fn add(&self) {
        let read = self.read.fetch_add(1, Ordering::SeqCst) + 1;
        if read == self.target.load(Ordering::SeqCst) {
            self.reached.notify_one();
        }
    }

    pub(crate) async fn wait(&self) {
        let waited = tokio::time::timeout(PATIENCE, self.reached.notified()).await;
        let read = self.read.load(Ordering::SeqCst);
        waited.unwrap_or_else(|_elapsed| panic!("only {read} frames came"));
    }
}

/// Sockets that read until they are dropped.
pub(crate) struct Crowd {
    pub(crate) count: Arc<Count>,
    readers: Vec<JoinHandle<()>>,
}

impl Crowd {
    pub(crate) fn read(wires: Vec<Wire>) -> Self {
        let count = Arc::new(Count::default());
        let read = |mut wire: Wire| {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                while wire.next().await.is_some() {
                    count.add();
                }
            })
        };
        let readers = wires.into_iter().map(read).collect();
        Self { count, readers }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for reader in &self.readers {
            reader.abort();
        }
    }
}
