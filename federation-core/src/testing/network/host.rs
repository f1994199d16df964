//! One host of the network: where an application runs, and where it can crash.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};
use url::Url;

use super::clock::VirtualClock;
use super::endpoint::Endpoint;
use super::exchange::HostTransport;
use super::wire::Wire;
use crate::clock::Clock;
use crate::fetch::Transport;

/// A host of a [`Network`](super::Network). Cheap to clone; all clones are the same host.
#[derive(Clone)]
pub struct Host {
    wire: Arc<Wire>,
    name: Arc<str>,
    clock: Arc<VirtualClock>,
}

/// What the network knows of a host.
pub(super) struct Site {
    pub(super) endpoint: Option<Arc<dyn Endpoint>>,
    pub(super) tasks: JoinSet<()>,
    pub(super) clock: Arc<VirtualClock>,
}

impl Site {
    pub(super) fn new(clock: VirtualClock) -> Self {
        Self {
            endpoint: None,
            tasks: JoinSet::new(),
            clock: Arc::new(clock),
        }
    }

    /// Forgets tasks that have ended; the message of one that panicked.
    pub(super) fn tidy(&mut self) -> Option<String> {
        let mut panicked = None;
        while let Some(ended) = self.tasks.try_join_next() {
            panicked = panicked.or(panic_of(ended));
        }
        panicked
    }
}

impl Host {
    pub(super) fn new(wire: Arc<Wire>, name: Arc<str>) -> Self {
        let clock = wire.clock_of(&name);
        Self { wire, name, clock }
    }

    /// Its name, such as `here.example`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its origin: `https`, its name, the path `/`.
    ///
    /// # Panics
    /// When its name is not that of a host.
    pub fn origin(&self) -> Url {
        self.url("/")
    }

    /// The URL of a path on it.
    ///
    /// # Panics
    /// When its name is not that of a host.
    #[expect(
        clippy::expect_used,
        reason = "a test that names a host by nonsense has to fail"
    )]
    pub fn url(&self, path: &str) -> Url {
        Url::parse(&format!("https://{}{path}", self.name)).expect("the name is that of a host")
    }

    /// Its clock, which can be set apart from those of others.
    pub fn clock(&self) -> Arc<VirtualClock> {
        Arc::clone(&self.clock)
    }

    /// Its way out: requests sent with it leave from here.
    pub fn transport(&self) -> Arc<dyn Transport> {
        Arc::new(HostTransport::new(
            Arc::clone(&self.wire),
            Arc::clone(&self.name),
        ))
    }

    /// Answers requests with `endpoint` from now on: this starts the host, or starts it again.
    pub fn mount(&self, endpoint: impl Endpoint) {
        let endpoint: Arc<dyn Endpoint> = Arc::new(endpoint);
        self.wire.with_site(&self.name, |site| {
            site.endpoint = Some(endpoint);
        });
    }

    /// Whether it runs: something is mounted and it has not crashed since.
    pub fn is_up(&self) -> bool {
        self.wire
            .with_site(&self.name, |site| site.endpoint.is_some())
    }

    /// Runs a task on the host, until it ends or the host crashes.
    ///
    /// Work of an application has to be started with this: what it starts by itself, and what is
    /// not owned by a task that was started with this, would survive the crash.
    ///
    /// # Panics
    /// When another task of the host has panicked: a test must not pass over that.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.wire.spawn_on(&self.name, task);
    }

    /// Ends the host in the middle of whatever it does: every task of it is dropped where it
    /// waits, requests that it is handling break off, later ones are refused.
    ///
    /// What the application has kept outside of its tasks is its durable state; mount a new one
    /// on it to start again. Returns once every task is gone.
    ///
    /// # Panics
    /// When a task of the host had panicked.
    pub async fn crash(&self) {
        let mut tasks = self.wire.with_site(&self.name, |site| {
            site.endpoint = None;
            std::mem::take(&mut site.tasks)
        });
        tasks.abort_all();
        while let Some(ended) = tasks.join_next().await {
            fail_on(panic_of(ended), &self.name);
        }
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Host")
            .field("name", &self.name)
            .field("now", &self.clock.now())
            .finish_non_exhaustive()
    }
}

/// Starts handling a request as a task of its own, which a crash ends.
pub(super) fn handle(
    site: &mut Site,
    request: Request<Bytes>,
) -> Option<oneshot::Receiver<Response<Bytes>>> {
    let endpoint = Arc::clone(site.endpoint.as_ref()?);
    let (answer, answered) = oneshot::channel();
    site.tasks.spawn(async move {
        let handling: BoxFuture<'_, _> = endpoint.handle(request);
        // Whoever asked may be gone; the effect is what counts.
        let _ = answer.send(handling.await);
    });
    Some(answered)
}

fn panic_of(ended: Result<(), JoinError>) -> Option<String> {
    let panic = ended.err()?.try_into_panic().ok()?;
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied());
    Some(text.unwrap_or("no message").to_owned())
}

#[expect(clippy::panic, reason = "this is how a test fails")]
pub(super) fn fail_on(panicked: Option<String>, host: &str) {
    if let Some(message) = panicked {
        panic!("a task on {host} panicked: {message}");
    }
}
