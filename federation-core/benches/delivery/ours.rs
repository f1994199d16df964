//! The durable queue: a worker, the guarded client and an SQLite store, as a server runs them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use federation_core::outbox::sql::SqlDeliveryStore;
use federation_core::outbox::{
    DeliveryStore, DeliveryWorker, KeySource, KeySourceError, Outgoing, Target, WorkerConfig,
};
use federation_core::signature::{Algorithm, PrivateKey, SigningKey};
use federation_core::store::sql::{Backend, federation_migrations};
use federation_core::testing::TestDatabase;
use federation_core::{Clock as _, SystemClock};
use futures_util::future::{BoxFuture, ready};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::cpu;
use crate::network::{Network, name};

/// What one delivery cost.
pub(crate) struct Cost {
    /// CPU to queue it.
    pub(crate) queue: Duration,
    /// CPU to claim, sign, post and settle it.
    pub(crate) deliver: Duration,
    pub(crate) per_second: f64,
}

pub(crate) fn rsa_key() -> SigningKey {
    let key_id = url("https://here.example/users/alice#main-key");
    SigningKey::new(key_id, PrivateKey::generate(Algorithm::RsaSha256).unwrap())
}

/// An activity as servers send them.
pub(crate) fn body(name: &str) -> String {
    let text = "To be, or not to be, that is the question. ".repeat(8);
    format!(
        r#"{{"@context":"https://www.w3.org/ns/activitystreams","id":"https://here.example/activities/{name}","type":"Create","actor":"https://here.example/users/alice","to":["https://www.w3.org/ns/activitystreams#Public"],"object":{{"id":"https://here.example/notes/{name}","type":"Note","attributedTo":"https://here.example/users/alice","content":"<p>{text}</p>","published":"2026-11-20T12:00:00Z","to":["https://www.w3.org/ns/activitystreams#Public"]}}}}"#
    )
}

pub(crate) fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

#[derive(Debug)]
pub(crate) struct OneKey(pub(crate) SigningKey);

impl KeySource for OneKey {
    fn signing_key<'a>(
        &'a self,
        _actor_id: &'a Url,
    ) -> BoxFuture<'a, Result<SigningKey, KeySourceError>> {
        Box::pin(ready(Ok(self.0.clone())))
    }
}

/// Delivers `rounds` activities to each of `hosts`; a first one opens the connections.
pub(crate) fn deliver(
    network: &Network,
    path: &str,
    hosts: usize,
    rounds: usize,
    key: &SigningKey,
) -> Cost {
    let runtime = Runtime::new().unwrap();
    let test = TestDatabase::create(Backend::Sqlite);
    let database = runtime.block_on(test.open(federation_migrations()));
    let store: Arc<dyn DeliveryStore> = Arc::new(SqlDeliveryStore::new(database.clone()));
    let client = network.client();
    let targets: Vec<Target> = (0..hosts)
        .map(|host| Target {
            inbox: url(&format!("https://{}:{}{path}", name(host), network.port())),
            recipients: Vec::new(),
        })
        .collect();
    let queue = async |round: usize| {
        for (part, targets) in targets.chunks(500).enumerate() {
            let name = format!("{round}-{part}");
            let outgoing = Outgoing {
                activity_id: url(&format!("https://here.example/activities/{name}")),
                actor_id: url("https://here.example/users/alice"),
                object_id: None,
                body: body(&name),
                ordering_key: Some("room".to_owned()),
                targets: targets.to_vec(),
            };
            store.enqueue(outgoing, SystemClock.now()).await.unwrap();
        }
    };
    let run = async || {
        let worker = DeliveryWorker::new(
            Arc::clone(&store),
            Arc::new(client.clone()),
            Arc::new(OneKey(key.clone())),
            Arc::new(SystemClock),
            WorkerConfig::default(),
        );
        let stop = CancellationToken::new();
        let task = tokio::spawn(worker.run(stop.clone()));
        let wanted = async || {
            let stats = store.queue_stats().await.unwrap();
            assert_eq!(stats.dead, 0, "the receiver takes everything");
            stats.queued == 0
        };
        while !wanted().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stop.cancel();
        task.await.unwrap();
    };
    runtime.block_on(async {
        queue(rounds).await;
        run().await;
        let begin = cpu::now();
        for round in 0..rounds {
            queue(round).await;
        }
        let (queued, started) = (cpu::now(), Instant::now());
        run().await;
        let delivered = cpu::now();
        let count = u32::try_from(hosts * rounds).unwrap();
        let per_second = f64::from(count) / started.elapsed().as_secs_f64();
        database.close().await;
        Cost {
            queue: queued.saturating_sub(begin) / count,
            deliver: delivered.saturating_sub(queued) / count,
            per_second,
        }
    })
}
