//! A worker between a scripted network and a clock that a test moves.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::{BoxFuture, pending, ready};
use http::{HeaderMap, StatusCode};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::START;
use crate::clock::{Clock, Timestamp};
use crate::fetch::{FetchError, GuardError, OutboundRequest, OutboundResponse, Transport};
use crate::outbox::backoff::Backoff;
use crate::outbox::post::{KeySource, KeySourceError};
use crate::outbox::store::DeliveryStore;
use crate::outbox::worker::{DeliveryWorker, WorkerConfig};
use crate::signature::{Algorithm, PrivateKey, SigningKey};
use crate::testing::ManualClock;

static KEY: LazyLock<SigningKey> = LazyLock::new(|| {
    let key_id = Url::parse("https://here.example/users/alice#main-key").unwrap();
    SigningKey::new(key_id, PrivateKey::generate(Algorithm::Ed25519).unwrap())
});

#[derive(Debug)]
pub(super) struct OneKey;

impl KeySource for OneKey {
    fn signing_key<'a>(
        &'a self,
        _actor_id: &'a Url,
    ) -> BoxFuture<'a, Result<SigningKey, KeySourceError>> {
        Box::pin(ready(Ok(KEY.clone())))
    }
}

/// How a host answers.
#[derive(Clone)]
pub(super) enum Manner {
    Status(u16),
    /// This status, with a `Retry-After` in seconds.
    Later(u16, u64),
    NeverAnswers,
    /// Its name leads to an address that the guard refuses.
    WrongAddress,
    /// Takes RFC 9421 signatures only.
    OnlyRfc9421,
}

/// One request as the network saw it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) host: String,
    pub(super) body: String,
    pub(super) at: Timestamp,
}

/// A network of hosts with manners; hosts without one answer 202.
#[derive(Default)]
pub(super) struct Network {
    manners: Mutex<HashMap<String, Manner>>,
    seen: Mutex<Vec<Seen>>,
    under_way: Mutex<HashSet<String>>,
    clock: Option<Arc<ManualClock>>,
}

impl Network {
    pub(super) fn new(clock: &Arc<ManualClock>) -> Arc<Self> {
        Arc::new(Self {
            clock: Some(Arc::clone(clock)),
            ..Self::default()
        })
    }

    pub(super) fn set(&self, host: &str, manner: Manner) {
        self.manners.lock().unwrap().insert(host.to_owned(), manner);
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(super) fn count_where(&self, matches: impl Fn(&Seen) -> bool) -> usize {
        let seen = self.seen.lock().unwrap();
        seen.iter().filter(|one| matches(one)).count()
    }

    /// The bodies a host got, in order.
    pub(super) fn bodies(&self, host: &str) -> Vec<String> {
        let seen = self.seen();
        let there = seen.iter().filter(|one| one.host == host);
        there.map(|one| one.body.clone()).collect()
    }

    pub(super) fn count(&self, host: &str) -> usize {
        self.bodies(host).len()
    }
}

impl fmt::Debug for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Network")
    }
}

fn answer(url: &Url, status: u16, headers: HeaderMap) -> OutboundResponse {
    let status = StatusCode::from_u16(status).unwrap();
    OutboundResponse::new(status, headers, Bytes::new(), url.clone())
}

/// An attempt, until it is answered or given up.
struct UnderWay<'a>(&'a Network, String);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.lock().unwrap().remove(&self.1);
    }
}

impl Transport for Network {
    fn execute(
        &self,
        request: OutboundRequest,
    ) -> BoxFuture<'_, Result<OutboundResponse, FetchError>> {
        Box::pin(async move {
            let host = request.url.host_str().unwrap().to_owned();
            let body = String::from_utf8(request.body.to_vec()).unwrap();
            let name = format!("{host} {body}");
            assert!(
                self.under_way.lock().unwrap().insert(name.clone()),
                "two attempts at once: {name}"
            );
            let at = self.clock.as_ref().map_or(START, |clock| clock.now());
            let manner = self.manners.lock().unwrap().get(&host).cloned();
            self.seen.lock().unwrap().push(Seen { host, body, at });
            let _under_way = UnderWay(self, name);
            tokio::task::yield_now().await;
            match manner.unwrap_or(Manner::Status(202)) {
                Manner::Status(status) => Ok(answer(&request.url, status, HeaderMap::new())),
                Manner::Later(status, seconds) => {
                    let mut headers = HeaderMap::new();
                    headers.insert("retry-after", seconds.into());
                    Ok(answer(&request.url, status, headers))
                }
                Manner::NeverAnswers => pending().await,
                Manner::WrongAddress => Err(FetchError::Refused(GuardError::Address {
                    address: [10, 0, 0, 1].into(),
                })),
                Manner::OnlyRfc9421 => {
                    let knows = request.headers.contains_key("signature-input");
                    let status = if knows { 202 } else { 401 };
                    Ok(answer(&request.url, status, HeaderMap::new()))
                }
            }
        })
    }
}

/// A running worker.
pub(super) struct Running {
    pub(super) store: Arc<dyn DeliveryStore>,
    pub(super) network: Arc<Network>,
    pub(super) clock: Arc<ManualClock>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

/// A schedule without chance, so that times can be told.
pub(super) fn exact() -> WorkerConfig {
    let mut config = WorkerConfig {
        // Time stands still in tests.
        gather: Duration::ZERO,
        ..WorkerConfig::default()
    };
    config.backoff.jitter_percent = 0;
    config.peer_backoff = Backoff {
        first: Duration::from_secs(30),
        jitter_percent: 0,
        ..config.peer_backoff
    };
    // Three, so that a lane and its peer can be told apart.
    config.hold_back_after = 3;
    config
}

impl Running {
    pub(super) fn start(store: Arc<dyn DeliveryStore>, config: WorkerConfig) -> Self {
        let clock = Arc::new(ManualClock::new(START));
        let network = Network::new(&clock);
        Self::join(store, network, clock, config)
    }

    /// One more worker on the same store, network and clock.
    pub(super) fn join(
        store: Arc<dyn DeliveryStore>,
        network: Arc<Network>,
        clock: Arc<ManualClock>,
        config: WorkerConfig,
    ) -> Self {
        let transport: Arc<dyn Transport> = network.clone();
        let time: Arc<dyn Clock> = clock.clone();
        let worker = DeliveryWorker::new(
            Arc::clone(&store),
            transport,
            Arc::new(OneKey),
            time,
            config,
        );
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker.run(stop.clone()));
        Self {
            store,
            network,
            clock,
            stop,
            task,
        }
    }

    pub(super) async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    /// Ends the worker in the middle of whatever it does.
    pub(super) async fn crash(self) {
        self.task.abort();
        let _stopped = self.task.await;
    }
}

/// Waits, in real time, until `holds` does.
pub(super) async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    for _ in 0..6000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("never happened: {what}");
}
