//! Several processes on one PostgreSQL: each delivery once, in order, and what a dead one held is
//! taken over when its leases end.

use std::sync::Arc;

use super::scripted::{Manner, Network, Running, exact, until};
use super::{START, outgoing};
use crate::outbox::sql::SqlDeliveryStore;
use crate::outbox::store::DeliveryStore;
use crate::store::sql::{Backend, Database, DatabaseOptions, federation_migrations};
use crate::testing::{ManualClock, TestDatabase};

const ROOMS: usize = 10;
const ROUNDS: usize = 12;

async fn store(test: &TestDatabase) -> Arc<dyn DeliveryStore> {
    let database = Database::open(DatabaseOptions::new(test.url().clone()))
        .await
        .unwrap();
    Arc::new(SqlDeliveryStore::new(database))
}

fn body(room: usize, round: usize) -> String {
    format!("{{\"id\":\"{room}-{round}\"}}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leases_of_a_dead_process_are_taken_over_in_order() {
    let test = TestDatabase::create(Backend::Postgres);
    test.open(federation_migrations()).await.close().await;
    let clock = Arc::new(ManualClock::new(START));
    let network = Network::new(&clock);
    let join = |store: &Arc<dyn DeliveryStore>| {
        let (network, clock) = (Arc::clone(&network), Arc::clone(&clock));
        Running::join(Arc::clone(store), network, clock, exact())
    };
    let hosts = ["a.example", "b.example"];
    let queue = async |store: &Arc<dyn DeliveryStore>, rounds: std::ops::Range<usize>| {
        for round in rounds {
            for room in 0..ROOMS {
                let key = format!("room{room}");
                let sent = outgoing(&format!("{room}-{round}"), Some(&key), &hosts);
                store.enqueue(sent, START).await.unwrap();
            }
        }
    };
    // The first process dies while two deliveries to each host are under way.
    network.set("a.example", Manner::NeverAnswers);
    network.set("b.example", Manner::NeverAnswers);
    let doomed_store = store(&test).await;
    let doomed = join(&doomed_store);
    queue(&doomed_store, 0..4).await;
    until("some are under way", async || network.seen().len() == 4).await;
    doomed.crash().await;
    let lost = network.seen();
    for host in hosts {
        network.set(host, Manner::Status(202));
    }
    // Two others have been there all along; what nobody holds goes on at once.
    let stores = [store(&test).await, store(&test).await];
    let workers = [join(&stores[0]), join(&stores[1])];
    tokio::join!(queue(&stores[0], 4..8), async {
        until("the first half of the second is queued", async || {
            stores[1]
                .queue_stats()
                .await
                .unwrap()
                .oldest_queued_at
                .is_some()
        })
        .await;
    });
    queue(&stores[1], 8..ROUNDS).await;
    let held = lost.len() * ROUNDS;
    until("all but the held lanes are delivered", async || {
        let stats = stores[0].queue_stats().await.unwrap();
        usize::try_from(stats.queued).unwrap() == held
    })
    .await;
    clock.advance(exact().lease);
    until("everything is delivered", async || {
        stores[1].queue_stats().await.unwrap().queued == 0
    })
    .await;
    for host in hosts {
        let bodies = network.bodies(host);
        let twice = lost.iter().filter(|one| one.host == host).count();
        assert_eq!(bodies.len(), ROOMS * ROUNDS + twice);
        for room in 0..ROOMS {
            let mut got: Vec<&String> = bodies
                .iter()
                .filter(|body| body.starts_with(&format!("{{\"id\":\"{room}-")))
                .collect();
            // Only the attempt that died with its process was made again.
            got.dedup();
            let expected: Vec<String> = (0..ROUNDS).map(|round| body(room, round)).collect();
            assert_eq!(got, expected.iter().collect::<Vec<_>>(), "{host}");
        }
    }
    for worker in workers {
        worker.stop().await;
    }
}
