//! Ten thousand peers of which three in ten are dead: what the others notice of it.
//!
//! All are known and well at first; then the dead fall silent, and each is found so once, by an
//! attempt that waits in vain. What is measured is what follows: activities to a few peers each,
//! whose dead are tried again all the while.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use federation_core::fetch::{FetchError, OutboundRequest, OutboundResponse, Transport};
use federation_core::outbox::sql::SqlDeliveryStore;
use federation_core::outbox::{DeliveryStore, DeliveryWorker, Outgoing, Target, WorkerConfig};
use federation_core::signature::{Algorithm, PrivateKey, SigningKey};
use federation_core::store::sql::{Backend, federation_migrations};
use federation_core::testing::TestDatabase;
use federation_core::{Clock as _, SystemClock};
use futures_util::future::BoxFuture;
use http::{HeaderMap, StatusCode};
use tokio_util::sync::CancellationToken;

use crate::ours::{OneKey, body, url};

const PEERS: usize = 10_000;
const LATENCY: Duration = Duration::from_millis(20);
/// How long a dead peer is waited for.
const SILENCE: Duration = Duration::from_secs(2);
/// Activities that are queued, each to this many peers, one after the other.
const ACTIVITIES: usize = 300;
const AUDIENCE: usize = 20;
const EVERY: Duration = Duration::from_millis(50);

/// Runs of each kind, in turn.
const RUNS: usize = 3;
/// How much longer than without dead peers the slowest hundredth may take.
const BAR: f64 = 1.5;

/// Prints what was seen; whether the bar is met.
pub(crate) fn run() -> bool {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (mut none, mut some) = (Vec::new(), Vec::new());
    for _ in 0..RUNS {
        none.push(runtime.block_on(measure(0)));
        some.push(runtime.block_on(measure(3)));
    }
    println!("\n## {PEERS} peers, 3 in 10 dead: deliveries to the others, {RUNS} runs in turn");
    println!("| | p50 | p99 | deliveries | memory of the process |");
    println!("|---|---|---|---|---|");
    for (none, some) in none.iter().zip(&some) {
        for (name, seen) in [("none dead", none), ("3 in 10 dead", some)] {
            let (p50, p99) = (seen.at(50), seen.at(99));
            let (count, memory) = (seen.latencies.len(), seen.resident / 1024);
            println!("| {name} | {p50:.1?} | {p99:.1?} | {count} | {memory} KiB |");
        }
    }
    let median = |seen: &[Seen]| {
        let mut all: Vec<Duration> = seen.iter().map(|one| one.at(99)).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap().as_secs_f64()
    };
    let ratio = median(&some) / median(&none);
    let verdict = if ratio > BAR { "MISSED" } else { "ok" };
    println!("median p99 with dead peers: {ratio:.2}x; bar: at most {BAR}x: {verdict}");
    // Later runs use again what earlier ones have given back.
    let first = some.first().unwrap();
    let grown = first.resident.saturating_sub(first.resident_before);
    println!(
        "memory per dead peer: {} bytes resident with {} deliveries waiting, {} bytes on disk",
        grown / (PEERS * 3 / 10),
        first.queued,
        first.disk / (PEERS * 3 / 10),
    );
    ratio <= BAR
}

struct Seen {
    latencies: Vec<Duration>,
    resident_before: usize,
    resident: usize,
    disk: usize,
    queued: u64,
}

impl Seen {
    fn at(&self, percent: usize) -> Duration {
        let last = self.latencies.len() - 1;
        self.latencies.get(last * percent / 100).copied().unwrap()
    }
}

/// A network in which hosts answer after a while, or never.
struct Peers {
    dead_in_ten: usize,
    is_plague: AtomicBool,
    queued_at: Mutex<HashMap<String, Instant>>,
    latencies: Mutex<Vec<Duration>>,
    answered: AtomicUsize,
    unanswered: AtomicUsize,
}

impl fmt::Debug for Peers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Peers")
    }
}

impl Transport for Peers {
    fn execute(
        &self,
        request: OutboundRequest,
    ) -> BoxFuture<'_, Result<OutboundResponse, FetchError>> {
        Box::pin(async move {
            let host = request.url.host_str().unwrap();
            let number = host.trim_start_matches('h').split('.').next();
            let number: usize = number.unwrap().parse().unwrap();
            if self.is_plague.load(Ordering::Relaxed) && number % 10 < self.dead_in_ten {
                tokio::time::sleep(SILENCE).await;
                self.unanswered.fetch_add(1, Ordering::Relaxed);
                return Err(FetchError::Timeout { deadline: SILENCE });
            }
            tokio::time::sleep(LATENCY).await;
            let name = std::str::from_utf8(&request.body).unwrap();
            let name = name.split("activities/").nth(1).unwrap();
            let name = name.split('"').next().unwrap();
            if let Some(queued_at) = self.queued_at.lock().unwrap().get(name) {
                self.latencies.lock().unwrap().push(queued_at.elapsed());
            }
            self.answered.fetch_add(1, Ordering::Relaxed);
            let status = StatusCode::ACCEPTED;
            Ok(OutboundResponse::new(
                status,
                HeaderMap::new(),
                Bytes::new(),
                request.url,
            ))
        })
    }
}

async fn measure(dead_in_ten: usize) -> Seen {
    let test = TestDatabase::create(Backend::Sqlite);
    let database = test.open(federation_migrations()).await;
    let store: Arc<dyn DeliveryStore> = Arc::new(SqlDeliveryStore::new(database.clone()));
    let peers = Arc::new(Peers {
        dead_in_ten,
        is_plague: AtomicBool::new(false),
        queued_at: Mutex::default(),
        latencies: Mutex::default(),
        answered: AtomicUsize::new(0),
        unanswered: AtomicUsize::new(0),
    });
    let key_id = url("https://here.example/users/alice#main-key");
    let key = SigningKey::new(key_id, PrivateKey::generate(Algorithm::Ed25519).unwrap());
    let transport: Arc<dyn Transport> = peers.clone();
    let worker = DeliveryWorker::new(
        Arc::clone(&store),
        transport,
        Arc::new(OneKey(key)),
        Arc::new(SystemClock),
        WorkerConfig::default(),
    );
    let stop = CancellationToken::new();
    let task = tokio::spawn(worker.run(stop.clone()));
    let queue = async |name: String, hosts: Vec<usize>| {
        let outgoing = outgoing(&name, hosts);
        store.enqueue(outgoing, SystemClock.now()).await.unwrap();
    };
    // Everybody is known and well at first.
    for part in 0..PEERS / 500 {
        queue(
            format!("hello{part}"),
            (part * 500..(part + 1) * 500).collect(),
        )
        .await;
    }
    while peers.answered.load(Ordering::Relaxed) < PEERS {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let resident_before = resident();
    let disk_before = on_disk(&test);
    peers.is_plague.store(true, Ordering::Relaxed);
    let dead: Vec<usize> = (0..PEERS).filter(|host| host % 10 < dead_in_ten).collect();
    for (part, hosts) in dead.chunks(500).enumerate() {
        queue(format!("silence{part}"), hosts.to_vec()).await;
    }
    while peers.unanswered.load(Ordering::Relaxed) < dead.len() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    for n in 0..ACTIVITIES {
        let name = format!("news{n}");
        peers
            .queued_at
            .lock()
            .unwrap()
            .insert(name.clone(), Instant::now());
        // A step that meets every peer, and as many dead ones as living ones allow.
        let hosts = (0..AUDIENCE)
            .map(|i| (n * AUDIENCE + i) * 7 % PEERS)
            .collect();
        queue(name, hosts).await;
        tokio::time::sleep(EVERY).await;
    }
    tokio::time::sleep(Duration::from_secs(3)).await;
    let resident = resident();
    let queued = store.queue_stats().await.unwrap().queued;
    stop.cancel();
    task.await.unwrap();
    let disk = on_disk(&test).saturating_sub(disk_before);
    database.close().await;
    let mut latencies = std::mem::take(&mut *peers.latencies.lock().unwrap());
    latencies.sort_unstable();
    Seen {
        latencies,
        resident_before,
        resident,
        disk,
        queued,
    }
}

/// An activity to these hosts, each in a lane of its own.
fn outgoing(name: &str, hosts: Vec<usize>) -> Outgoing {
    let targets = hosts.into_iter().map(|host| Target {
        inbox: url(&format!("https://h{host}.bench.example/inbox")),
        recipients: Vec::new(),
    });
    Outgoing {
        activity_id: url(&format!("https://here.example/activities/{name}")),
        actor_id: url("https://here.example/users/alice"),
        object_id: None,
        body: body(name),
        ordering_key: None,
        targets: targets.collect(),
    }
}

/// Resident memory of this process, in bytes.
fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1));
    kib.unwrap().parse::<usize>().unwrap() * 1024
}

fn on_disk(test: &TestDatabase) -> usize {
    let path = test.url().path().unwrap();
    usize::try_from(std::fs::metadata(path).unwrap().len()).unwrap()
}
