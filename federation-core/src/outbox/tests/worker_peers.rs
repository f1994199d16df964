//! Many peers, many workers, and workers that die.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::scripted::{Manner, Network, Running, exact, until};
use super::{START, after, on_each_store, outgoing};
use crate::clock::{Clock as _, Timestamp};
use crate::outbox::backoff::Backoff;
use crate::outbox::delivery::DeliveryState;
use crate::outbox::sql::SqlDeliveryStore;
use crate::outbox::store::{DeliveryFilter, DeliveryStore};
use crate::outbox::worker::WorkerConfig;
use crate::store::sql::{Backend, Database, DatabaseOptions, federation_migrations};
use crate::testing::{ManualClock, TestDatabase};

async fn delivered(store: &Arc<dyn DeliveryStore>) -> usize {
    let filter = DeliveryFilter {
        state: Some(DeliveryState::Delivered),
        limit: 1000,
        ..DeliveryFilter::default()
    };
    store.list(filter).await.unwrap().len()
}

/// Three hundred dead peers with work for each, and one that lives: it gets everything although
/// the clock stands still, so that no dead one can have timed out.
#[test]
#[expect(non_snake_case, reason = "named after the invariant")]
fn I8_dead_peers_do_not_slow_healthy_ones() {
    on_each_store(async |store| {
        let running = Running::start(store, exact());
        let dead: Vec<String> = (0..300).map(|n| format!("dead{n}.example")).collect();
        for host in &dead {
            running.network.set(host, Manner::NeverAnswers);
        }
        let hosts: Vec<&str> = dead.iter().map(String::as_str).collect();
        let first = outgoing("first", None, &["good.example"]);
        running.store.enqueue(first, START).await.unwrap();
        until("the good peer is known", async || {
            delivered(&running.store).await == 1
        })
        .await;
        for n in 0..3 {
            let outgoing = outgoing(&format!("d{n}"), None, &hosts);
            running.store.enqueue(outgoing, START).await.unwrap();
        }
        for n in 0..100 {
            let key = format!("room{}", n % 10);
            let outgoing = outgoing(&format!("g{n}"), Some(&key), &["good.example"]);
            running.store.enqueue(outgoing, START).await.unwrap();
        }
        until("the good peer has everything", async || {
            delivered(&running.store).await == 101
        })
        .await;
        running.crash().await;
    });
}

#[test]
#[expect(non_snake_case, reason = "named after the invariant")]
fn I1_a_worker_that_dies_between_claim_and_settlement_loses_nothing() {
    on_each_store(async |store| {
        let first = Running::start(Arc::clone(&store), exact());
        first.network.set("a.example", Manner::NeverAnswers);
        store
            .enqueue(outgoing("1", None, &["a.example"]), START)
            .await
            .unwrap();
        until("it is under way", async || {
            first.network.count("a.example") == 1
        })
        .await;
        let (network, clock) = (Arc::clone(&first.network), Arc::clone(&first.clock));
        first.crash().await;
        network.set("a.example", Manner::Status(202));
        let second = Running::join(Arc::clone(&store), network, clock, exact());
        // Who takes what comes later has looked at what is due, and left what is leased.
        let other = outgoing("2", None, &["b.example"]);
        store.enqueue(other, START).await.unwrap();
        until("the other is delivered", async || {
            delivered(&store).await == 1
        })
        .await;
        assert_eq!(second.network.count("a.example"), 1);
        second.clock.advance(exact().lease);
        until("it is delivered", async || delivered(&store).await == 2).await;
        assert_eq!(second.network.count("a.example"), 2);
        second.stop().await;
    });
}

#[test]
fn a_worker_that_is_stopped_gives_back_what_it_holds() {
    on_each_store(async |store| {
        let first = Running::start(Arc::clone(&store), exact());
        first.network.set("a.example", Manner::NeverAnswers);
        store
            .enqueue(outgoing("1", None, &["a.example"]), START)
            .await
            .unwrap();
        until("it is under way", async || {
            first.network.count("a.example") == 1
        })
        .await;
        let (network, clock) = (Arc::clone(&first.network), Arc::clone(&first.clock));
        let stopping = tokio::spawn(first.stop());
        until("it waits for what is under way", async || {
            clock.is_awaited(START.plus(exact().drain))
        })
        .await;
        assert!(!stopping.is_finished());
        clock.advance(exact().drain);
        stopping.await.unwrap();
        network.set("a.example", Manner::Status(202));
        let second = Running::join(Arc::clone(&store), network, clock, exact());
        until("it is delivered", async || delivered(&store).await == 1).await;
        second.stop().await;
    });
}

/// The network fails the test when one delivery is under way twice.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_on_one_queue_never_send_the_same_at_once() {
    let test = TestDatabase::create(Backend::Postgres);
    let first = test.open(federation_migrations()).await;
    let second = Database::open(DatabaseOptions::new(test.url().clone()))
        .await
        .unwrap();
    let stores: Vec<Arc<dyn DeliveryStore>> = [first, second]
        .into_iter()
        .map(|database| -> Arc<dyn DeliveryStore> { Arc::new(SqlDeliveryStore::new(database)) })
        .collect();
    let clock = Arc::new(ManualClock::new(START));
    let network = Network::new(&clock);
    let workers: Vec<Running> = stores
        .iter()
        .map(|store| {
            let (network, clock) = (Arc::clone(&network), Arc::clone(&clock));
            Running::join(Arc::clone(store), network, clock, exact())
        })
        .collect();
    for n in 0..200 {
        let key = format!("room{}", n % 7);
        let hosts = ["a.example", "b.example"];
        let outgoing = outgoing(&n.to_string(), Some(&key), &hosts);
        stores[n % 2].enqueue(outgoing, START).await.unwrap();
    }
    until("everything is delivered", async || {
        delivered(&stores[0]).await == 400
    })
    .await;
    for host in ["a.example", "b.example"] {
        let bodies = network.bodies(host);
        assert_eq!(bodies.len(), 200);
        assert_eq!(bodies.iter().collect::<HashSet<_>>().len(), 200);
        for room in 0..7 {
            let of_room = |body: &&String| {
                let digits: String = body.chars().filter(char::is_ascii_digit).collect();
                digits.parse::<usize>().unwrap() % 7 == room
            };
            let got: Vec<&String> = bodies.iter().filter(of_room).collect();
            let mut ordered = got.clone();
            ordered.sort_by_key(|body| (body.len(), (*body).clone()));
            assert_eq!(got, ordered);
        }
    }
    for worker in workers {
        worker.stop().await;
    }
}

/// The peer asks for time, then the one lane that is tried meets silence, and what it carried is
/// withdrawn: the others must not be forgotten.
#[test]
fn lanes_of_a_peer_that_asked_for_time_survive_the_one_that_is_tried() {
    on_each_store(async |store| {
        let running = Running::start(store, exact());
        let (network, clock) = (&running.network, &running.clock);
        network.set("a.example", Manner::Later(429, 60));
        for name in ["1", "2", "3"] {
            let outgoing = outgoing(name, Some(name), &["a.example"]);
            running.store.enqueue(outgoing, START).await.unwrap();
        }
        let health = async || {
            let peers = running.store.peers(None, 10).await.unwrap();
            peers.into_iter().find(|peer| peer.host == "a.example")
        };
        let held_until = async |after: Timestamp| {
            until("the peer is held back", async || {
                let told = health().await.and_then(|peer| peer.retry_at);
                let listed = running.store.list(DeliveryFilter {
                    limit: 9,
                    ..DeliveryFilter::default()
                });
                let tried: u32 = listed.await.unwrap().iter().map(|one| one.attempts).sum();
                let seen = network.count("a.example");
                told.is_some_and(|at| at > after) && usize::try_from(tried).unwrap() == seen
            })
            .await;
            health().await.unwrap().retry_at.unwrap()
        };
        let retry_at = held_until(START).await;
        network.set("a.example", Manner::NeverAnswers);
        let before = network.count("a.example");
        clock.advance(retry_at.since(clock.now()));
        until("one is tried", async || network.count("a.example") > before).await;
        assert_eq!(network.count("a.example"), before + 1);
        let probed = network.bodies("a.example").pop().unwrap();
        // Beyond every deadline.
        clock.advance(Duration::from_secs(50));
        let probed_at = clock.now();
        held_until(probed_at).await;
        let name = probed.split('"').nth(3).unwrap();
        let object = format!("https://here.example/notes/{name}")
            .parse()
            .unwrap();
        let taken = running.store.cancel_for_object(object, clock.now()).await;
        assert_eq!(taken.unwrap(), 1);
        network.set("a.example", Manner::Status(202));
        clock.advance(Duration::from_mins(30));
        until("the others are delivered", async || {
            delivered(&running.store).await == 2
        })
        .await;
        running.stop().await;
    });
}

/// As a worker is set up by default, but without chance.
fn default_without_chance() -> WorkerConfig {
    let usual = WorkerConfig::default();
    WorkerConfig {
        hold_back_after: usual.hold_back_after,
        peer_backoff: Backoff {
            jitter_percent: 0,
            ..usual.peer_backoff
        },
        ..exact()
    }
}

#[test]
fn a_peer_is_held_back_from_its_first_failure_for_seconds() {
    on_each_store(async |store| {
        let running = Running::start(store, default_without_chance());
        let (network, clock) = (&running.network, &running.clock);
        network.set("a.example", Manner::Status(503));
        let first = outgoing("1", Some("1"), &["a.example"]);
        running.store.enqueue(first, START).await.unwrap();
        until("the peer is held back", async || {
            let peers = running.store.peers(None, 10).await.unwrap();
            peers.iter().any(|peer| peer.retry_at == Some(after(5)))
        })
        .await;
        // Of what comes now nothing is sent before the peer's time.
        for name in ["2", "3"] {
            let outgoing = outgoing(name, Some(name), &["a.example"]);
            running.store.enqueue(outgoing, START).await.unwrap();
        }
        let good = outgoing("good", None, &["b.example"]);
        running.store.enqueue(good, START).await.unwrap();
        until("another peer has its own", async || {
            delivered(&running.store).await == 1
        })
        .await;
        assert_eq!(network.count("a.example"), 1);
        network.set("a.example", Manner::Status(202));
        clock.advance(Duration::from_secs(5));
        until("one attempt later all is delivered", async || {
            delivered(&running.store).await == 4
        })
        .await;
        assert_eq!(network.count("a.example"), 4);
        running.stop().await;
    });
}

#[test]
fn a_refusal_of_one_activity_holds_no_other_back() {
    on_each_store(async |store| {
        let running = Running::start(store, default_without_chance());
        for status in [400, 403, 404, 410, 500] {
            running.network.set("a.example", Manner::Status(status));
            let seen = running.network.count("a.example");
            let refused = outgoing(&format!("refused {status}"), None, &["a.example"]);
            running.store.enqueue(refused, START).await.unwrap();
            until("it is refused", async || {
                running.network.count("a.example") > seen
            })
            .await;
        }
        running.network.set("a.example", Manner::Status(202));
        let next = outgoing("next", None, &["a.example"]);
        running.store.enqueue(next, START).await.unwrap();
        until("the next is delivered", async || {
            delivered(&running.store).await == 1
        })
        .await;
        let peers = running.store.peers(None, 10).await.unwrap();
        assert!(peers.iter().all(|peer| peer.retry_at.is_none()));
        running.stop().await;
    });
}
