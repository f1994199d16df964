//! A worker whose places are all taken.

use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use federation_core::outbox::{
    DeliveryStore as _, DeliveryWorker, MemoryDeliveryStore, Outgoing, Target, WorkerConfig,
};
use federation_core::signature::{Algorithm, PrivateKey, SigningKey};
use federation_core::testing::network::{Event, Host, simulate};
use http::{Request, Response, StatusCode};
use tokio_util::sync::CancellationToken;

use crate::node::OwnKey;

fn about(number: u32, to: &Host) -> Outgoing {
    let url = |path: &str| format!("https://n0.example/{path}").parse().unwrap();
    Outgoing {
        activity_id: url(&format!("a/1/{number}")),
        actor_id: url("actor"),
        object_id: None,
        body: "{}".to_owned(),
        ordering_key: None,
        targets: vec![Target {
            inbox: to.url("/inbox"),
            recipients: Vec::new(),
        }],
    }
}

/// What is due while the only place is taken waits for the place, and nothing turns meanwhile:
/// in virtual time a loop without a wait would never end.
#[test]
fn a_full_room_is_waited_for() {
    let (done, ended) = mpsc::channel();
    thread::spawn(move || {
        let answered = simulate(1, async |network| {
            let sender = network.host("n0.example");
            let (slow, down) = (network.host("n1.example"), network.host("n2.example"));
            slow.mount(|_: Request<Bytes>| async {
                tokio::time::sleep(Duration::from_secs(12)).await;
                let mut answer = Response::new(Bytes::new());
                *answer.status_mut() = StatusCode::ACCEPTED;
                answer
            });
            let store = Arc::new(MemoryDeliveryStore::new());
            let key_id = sender.url("/actor#main-key");
            let key = SigningKey::new(key_id, PrivateKey::generate(Algorithm::Ed25519).unwrap());
            let mut config = WorkerConfig::default();
            config.room.total = 1;
            config.backoff.jitter_percent = 0;
            let worker = DeliveryWorker::new(
                store.clone(),
                sender.transport(),
                Arc::new(OwnKey(key)),
                sender.clock(),
                config,
            );
            // The first fails and is due again while the second holds the only place.
            for (number, host) in (1..).zip([&down, &slow]) {
                let queued = store.enqueue(about(number, host), network.now()).await;
                assert_eq!(queued.unwrap().len(), 1);
            }
            sender.spawn(worker.run(CancellationToken::new()));
            tokio::time::sleep(Duration::from_secs(40)).await;
            let trace = network.trace();
            assert!(trace.count(|event| event == Event::Refused) >= 2);
            trace.count(|event| event == Event::Answered(202))
        });
        let _ = done.send(answered);
    });
    let answered = ended.recv_timeout(Duration::from_mins(1));
    assert_eq!(answered.expect("the worker turns without a wait"), 1);
}
