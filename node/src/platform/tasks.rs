//! Background work that the end of the server waits for.

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Starts background work and ends it in order; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    shutdown: CancellationToken,
}

impl Tasks {
    /// Runs `work` beside everything else; the server's end waits for it.
    ///
    /// Work that has no end of its own must watch [`Tasks::shutdown`].
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(work);
    }

    /// Where work is counted that others start.
    pub fn tracker(&self) -> &TaskTracker {
        &self.tracker
    }

    /// The signal that the server is about to stop.
    pub fn shutdown(&self) -> &CancellationToken {
        &self.shutdown
    }

    /// Gives the signal to stop.
    pub fn begin_shutdown(&self) {
        self.shutdown.cancel();
        self.tracker.close();
    }

    /// Waits until all work has ended, at most for `grace`; whether it has.
    pub async fn ended_within(&self, grace: Duration) -> bool {
        tokio::time::timeout(grace, self.tracker.wait())
            .await
            .is_ok()
    }
}
