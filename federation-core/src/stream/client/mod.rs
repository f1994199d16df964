//! The holder's side: a transport that sends by stream what it can, and POSTs the rest.

mod config;
mod connector;
mod driver;
mod memory;
mod peers;
mod run;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method};
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use url::{Position, Url};

pub use config::ClientConfig;
pub use connector::{ConnectError, StreamConnector};

use self::driver::Parcel;
use self::peers::{Peers, Used, Wanted};
use super::FOREIGN_SIGNER;
use super::frame::{Ack, ActivityFrame, Ephemeral, EphemeralKinds};
use super::pace::Pace;
use crate::clock::Clock;
use crate::fetch::{FetchError, OutboundRequest, OutboundResponse, Transport};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");
/// Activities handed to one stream before it has taken them; a further one is posted.
const PARCELS: usize = 16;
/// Ephemeral frames handed to one stream before it has taken them; a further one is dropped.
const EPHEMERAL: usize = 16;
/// Peers that wait for a stream to be opened; a further one waits for its next delivery.
const WANTED: usize = 64;

/// A [`Transport`] that sends signed POSTs over push streams where it can.
///
/// A peer to which deliveries go gets a stream, if it offers them and there is room, as long as
/// [`StreamTransport::run`] runs. What no stream settles is posted by the transport within: with no
/// stream, a full one, or one that ends before the `ack`. In the last case the outcome is not known
/// and the activity may arrive twice, which the receiver's record of activities makes one effect.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct StreamTransport(Arc<Shared>);

struct Shared {
    inner: Arc<dyn Transport>,
    connector: Arc<dyn StreamConnector>,
    clock: Arc<dyn Clock>,
    config: ClientConfig,
    peers: Mutex<Peers<Handle>>,
    wanted: mpsc::Sender<Url>,
    asked: Mutex<Option<mpsc::Receiver<Url>>>,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Counts {
    opened: AtomicU64,
    attempts: AtomicU64,
    acknowledged: AtomicU64,
    unsettled: AtomicU64,
    posted: AtomicU64,
    ephemeral: AtomicU64,
    ephemeral_dropped: AtomicU64,
}

/// What a transport has done since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientCounts {
    /// Streams that are open now.
    pub open: u64,
    /// Streams that were opened.
    pub opened: u64,
    /// Attempts to open one.
    pub attempts: u64,
    /// Activities that were acknowledged over a stream, whatever the status.
    pub acknowledged: u64,
    /// Activities that were handed to a stream and then posted, since no `ack` came.
    pub unsettled: u64,
    /// Signed POSTs that went by the transport within.
    pub posted: u64,
    /// Ephemeral frames that were handed to a stream.
    pub ephemeral: u64,
    /// Ephemeral frames that were dropped.
    pub ephemeral_dropped: u64,
}

/// What became of an ephemeral frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Told {
    /// A stream has taken it; it may still be lost.
    Handed,
    /// There is no stream to the peer.
    NoStream,
    /// The two sides have not agreed on frames of this kind.
    NotAgreed,
    /// There are too many, or the peer reads too slowly.
    Dropped,
}

/// An open stream, as those see it who use it.
#[derive(Debug)]
struct Handle {
    parcels: mpsc::Sender<Parcel>,
    ephemeral: mpsc::Sender<Ephemeral>,
    body_bytes: usize,
    agreed: EphemeralKinds,
    pace: Mutex<Pace>,
    last_used: Mutex<Instant>,
    close: CancellationToken,
}

impl Used for Handle {
    fn last_used(&self) -> Instant {
        *self
            .last_used
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl StreamTransport {
    /// A transport around `inner`, which opens streams through `connector`.
    pub fn new(
        inner: Arc<dyn Transport>,
        connector: Arc<dyn StreamConnector>,
        clock: Arc<dyn Clock>,
        config: ClientConfig,
    ) -> Self {
        let (wanted, asked) = mpsc::channel(WANTED);
        Self(Arc::new(Shared {
            inner,
            connector,
            clock,
            peers: Mutex::new(Peers::new(&config)),
            config,
            wanted,
            asked: Mutex::new(Some(asked)),
            counts: Counts::default(),
        }))
    }

    /// Opens streams and keeps them until `shutdown`; then closes them and returns.
    ///
    /// While this does not run everything is posted. A second call at once returns at once.
    pub async fn run(&self, shutdown: CancellationToken) {
        run::run(&self.0, shutdown).await;
    }

    /// Sends what is worth something now or not at all: neither waits, nor fails, nor is repeated.
    ///
    /// The member it is about has to have agreed to it; that is the caller's to know.
    pub fn tell(&self, origin: &Url, frame: Ephemeral) -> Told {
        let told = self.hand_on(origin, frame);
        let count = match told {
            Told::Handed => &self.0.counts.ephemeral,
            _ => &self.0.counts.ephemeral_dropped,
        };
        count.fetch_add(1, Ordering::Relaxed);
        told
    }

    fn hand_on(&self, origin: &Url, frame: Ephemeral) -> Told {
        let peers = self.0.peers();
        let Some(handle) = peers.stream(&peer_key(origin)) else {
            return Told::NoStream;
        };
        if !handle.agreed.contains(frame.kind()) {
            return Told::NotAgreed;
        }
        let mut pace = handle.pace.lock().unwrap_or_else(PoisonError::into_inner);
        if pace.take(Instant::now()) && handle.ephemeral.try_send(frame).is_ok() {
            Told::Handed
        } else {
            Told::Dropped
        }
    }

    /// What happened so far.
    pub fn counts(&self) -> ClientCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let counts = &self.0.counts;
        let open = self.0.peers().open_streams();
        ClientCounts {
            open: u64::try_from(open).unwrap_or(u64::MAX),
            opened: read(&counts.opened),
            attempts: read(&counts.attempts),
            acknowledged: read(&counts.acknowledged),
            unsettled: read(&counts.unsettled),
            posted: read(&counts.posted),
            ephemeral: read(&counts.ephemeral),
            ephemeral_dropped: read(&counts.ephemeral_dropped),
        }
    }

    /// Sends by stream if there is one; `None` when the request has to be posted.
    async fn send(
        &self,
        peer: &str,
        request: &OutboundRequest,
    ) -> Option<Result<OutboundResponse, FetchError>> {
        let waiting = self.hand_over(peer, request)?;
        let counts = &self.0.counts;
        let deadline = request.limits.deadline;
        match timeout(deadline, waiting).await {
            Ok(Ok(ack)) if ack.code != FOREIGN_SIGNER => {
                counts.acknowledged.fetch_add(1, Ordering::Relaxed);
                Some(Ok(answer(&ack, request)))
            }
            Ok(_no_ack_or_not_by_stream) => {
                counts.unsettled.fetch_add(1, Ordering::Relaxed);
                None
            }
            Err(_elapsed) => Some(Err(FetchError::Timeout { deadline })),
        }
    }

    fn hand_over(&self, peer: &str, request: &OutboundRequest) -> Option<oneshot::Receiver<Ack>> {
        let target = &request.url[Position::BeforePath..Position::AfterQuery];
        let peers = self.0.peers();
        let handle = peers.stream(peer)?;
        if request.body.len() > handle.body_bytes
            || !ActivityFrame::can_carry(target, &request.headers)
        {
            return None;
        }
        let (reply, waiting) = oneshot::channel();
        let (headers, body) = (request.headers.clone(), request.body.clone());
        let parcel = Parcel {
            activity: ActivityFrame::new(0, target, headers, body),
            reply,
        };
        handle.parcels.try_send(parcel).ok()?;
        let mut last_used = handle.last_used.lock();
        *last_used
            .as_deref_mut()
            .unwrap_or_else(|poisoned| poisoned.get_mut()) = Instant::now();
        Some(waiting)
    }

    async fn deliver(&self, mut request: OutboundRequest) -> Result<OutboundResponse, FetchError> {
        let shared = &self.0;
        let peer = peer_key(&request.url);
        let started = Instant::now();
        if let Some(outcome) = self.send(&peer, &request).await {
            return outcome;
        }
        let deadline = request.limits.deadline;
        let left = deadline.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(FetchError::Timeout { deadline });
        }
        request.limits = request.limits.with_deadline(left);
        let url = request.url.clone();
        shared.counts.posted.fetch_add(1, Ordering::Relaxed);
        let answer = shared.inner.execute(request).await?;
        if answer.status.is_success() {
            shared.posted(&peer, &url);
        }
        Ok(answer)
    }
}

impl Shared {
    fn peers(&self) -> MutexGuard<'_, Peers<Handle>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A delivery went by POST: perhaps the next can go by stream.
    fn posted(&self, peer: &str, url: &Url) {
        let now = self.clock.now();
        let mut peers = self.peers();
        match peers.posted(peer, &self.config, now) {
            Wanted::No => {}
            Wanted::Instead(least) => least.close.cancel(),
            Wanted::Yes => {
                if self.wanted.try_send(origin_of(url)).is_err() {
                    // Nobody opens streams, or too many wait: the next delivery asks again.
                    peers.over(peer, peers::After::Idle, &self.config, now);
                }
            }
        }
    }
}

impl Transport for StreamTransport {
    fn execute(
        &self,
        request: OutboundRequest,
    ) -> BoxFuture<'_, Result<OutboundResponse, FetchError>> {
        let signed = request.headers.contains_key("signature");
        if request.method != Method::POST || !signed || !request.url.has_host() {
            return self.0.inner.execute(request);
        }
        Box::pin(self.deliver(request))
    }
}

impl fmt::Debug for StreamTransport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StreamTransport")
            .field("inner", &self.0.inner)
            .field("connector", &self.0.connector)
            .finish_non_exhaustive()
    }
}

/// How a peer is known: by its origin.
fn peer_key(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn origin_of(url: &Url) -> Url {
    let mut origin = url.clone();
    origin.set_path("/");
    origin.set_query(None);
    origin.set_fragment(None);
    let _never_has_any = origin.set_username("").and(origin.set_password(None));
    origin
}

/// The answer that a POST would have had; the code of a refusal stands in a problem document.
fn answer(ack: &Ack, request: &OutboundRequest) -> OutboundResponse {
    let mut headers = HeaderMap::new();
    if let Some(seconds) = ack.retry_after {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    let mut body = Bytes::new();
    if !ack.status.is_success() && !ack.code.is_empty() {
        headers.insert(CONTENT_TYPE, PROBLEM_JSON);
        let problem = json!({"title": ack.code, "status": ack.status.as_u16(), "code": ack.code});
        body = problem.to_string().into();
    }
    OutboundResponse::new(ack.status, headers, body, request.url.clone())
}
