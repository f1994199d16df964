//! Several processes of one node tell each other over Redis what changed ([`Cluster`]).
//!
//! Nothing depends on it: what is told here, each process also finds in the database when it looks
//! the next time. Redis makes that "at once" instead of "within half a second", and events reach the
//! sockets of all processes at once instead of within a second. The exceptions are who is there
//! (`presence`), which is in no row and told anew every few seconds, and who is writing, which is
//! told once. Without `cache.url` there is nobody to tell, and [`Cluster::tell`] does nothing.

mod link;
mod notice;
mod probe;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use federation_core::Timestamp;
use redis::ConnectionInfo;
use tokio::sync::{broadcast, mpsc};

pub use self::notice::Notice;
pub use self::probe::{ProbeError, Probed, probe};
use crate::base::ids::ProcessId;
use crate::config::Origin;
use crate::platform::cluster::link::Link;
use crate::platform::tasks::Tasks;

/// Notices that wait for Redis at most; when they are more, the others are told that they missed
/// some.
const WAITING: usize = 1024;
/// Notices that wait for one slow listener; then it is told that it missed some.
const HEARD: usize = 1024;
/// The gauge that is 1 while Redis is connected (`docs/metrics.md`).
pub const CONNECTED: &str = "folkmoot_cache_connected";

/// The other processes of this node; cheap to clone.
#[derive(Clone)]
pub struct Cluster(Arc<Shared>);

/// What a [`Cluster`] and its [`Link`] share.
struct Shared {
    heard: broadcast::Sender<Notice>,
    out: Option<mpsc::Sender<Notice>>,
    connected: AtomicBool,
    /// Something could not be told: the others have to forget everything once that is possible.
    lost: AtomicBool,
}

/// How it stands with the connection to the other processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// There is no Redis server in the settings.
    Alone,
    /// What is told arrives.
    Connected,
    /// Redis is away; changes show after the next look into the database.
    Away,
}

impl Cluster {
    /// Nobody to tell.
    pub fn alone() -> Self {
        Self(Arc::new(Shared::new(None)))
    }

    /// Connects to the other processes, as background work of `tasks`; alone without a `server`.
    ///
    /// It does not wait for Redis: a server starts without it and connects when it is there.
    pub fn start(
        server: Option<ConnectionInfo>,
        origin: &Origin,
        now: Timestamp,
        tasks: &Tasks,
    ) -> Self {
        let Some(server) = server else {
            return Self::alone();
        };
        let (out, waiting) = mpsc::channel(WAITING);
        let cluster = Self(Arc::new(Shared::new(Some(out))));
        let link = Link::new(
            cluster.clone(),
            server,
            channel_of(origin),
            ProcessId::new(now),
        );
        let shutdown = tasks.shutdown().clone();
        tasks.spawn(async move {
            shutdown.run_until_cancelled(link.run(waiting)).await;
        });
        cluster
    }

    /// Tells all other processes, as soon as possible; call it after the commit.
    ///
    /// It never waits. What cannot be told makes the others forget everything they remember as soon
    /// as Redis is there again.
    pub fn tell(&self, notice: Notice) {
        let Some(out) = &self.0.out else { return };
        // While Redis is away nothing is queued: the others will be told to forget everything.
        if !self.0.connected.load(Ordering::SeqCst) || out.try_send(notice).is_err() {
            self.0.lost.store(true, Ordering::SeqCst);
        }
    }

    /// Tells all other processes what is worth something now or not at all; what cannot be told at
    /// once is forgotten, and makes nobody forget anything.
    pub fn mention(&self, notice: Notice) {
        let Some(out) = &self.0.out else { return };
        if self.0.connected.load(Ordering::SeqCst) {
            let _forgotten_when_full = out.try_send(notice);
        }
    }

    /// What other processes tell from now on.
    ///
    /// A receiver that lags has to act as on [`Notice::Missed`]; [`Cluster::next`] does that.
    pub fn listen(&self) -> broadcast::Receiver<Notice> {
        self.0.heard.subscribe()
    }

    /// The next notice of a receiver, [`Notice::Missed`] when it lagged; never ends without one.
    pub async fn next(heard: &mut broadcast::Receiver<Notice>) -> Notice {
        match heard.recv().await {
            Ok(notice) => notice,
            Err(broadcast::error::RecvError::Lagged(_)) => Notice::Missed,
            // The sender lives as long as the server.
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }

    /// How it stands with the connection.
    pub fn standing(&self) -> Standing {
        if self.0.out.is_none() {
            Standing::Alone
        } else if self.0.connected.load(Ordering::SeqCst) {
            Standing::Connected
        } else {
            Standing::Away
        }
    }
}

/// The channel of a node: Redis may be shared by several, and channels know no number of a database.
fn channel_of(origin: &Origin) -> String {
    format!("folkmoot/notices/{}", origin.as_str())
}

impl Shared {
    fn new(out: Option<mpsc::Sender<Notice>>) -> Self {
        Self {
            heard: broadcast::channel(HEARD).0,
            out,
            connected: AtomicBool::new(false),
            lost: AtomicBool::new(false),
        }
    }
}

impl fmt::Debug for Cluster {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Cluster")
            .field("standing", &self.standing())
            .finish_non_exhaustive()
    }
}
