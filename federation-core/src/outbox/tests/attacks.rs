//! Attacks on whoever delivers: inboxes that lead inside, hosts without number, and tarpits.

use std::sync::Arc;
use std::time::Duration;

use super::scripted::{Manner, Network, Running, Seen, exact, until};
use super::{START, on_each_store, outgoing};
use crate::clock::Clock as _;
use crate::outbox::delivery::{DeliveryState, Target};
use crate::outbox::room::RoomLimits;
use crate::outbox::store::{DeliveryFilter, DeliveryStore};
use crate::outbox::worker::WorkerConfig;

async fn count(store: &Arc<dyn DeliveryStore>, state: DeliveryState) -> usize {
    let filter = DeliveryFilter {
        state: Some(state),
        limit: 1000,
        ..DeliveryFilter::default()
    };
    store.list(filter).await.unwrap().len()
}

/// An inbox that is, or is named after, an address inside: nothing connects to it.
#[cfg(feature = "client")]
#[tokio::test]
async fn attack_51_an_inbox_inside_is_not_reached_by_a_delivery() {
    use std::io;
    use std::net::IpAddr;

    use futures_util::future::{BoxFuture, ready};
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::scripted::OneKey;
    use crate::clock::SystemClock;
    use crate::fetch::GuardPolicy;
    use crate::fetch::client::{ClientConfig, GuardedClient, NameLookup};
    use crate::outbox::memory::MemoryDeliveryStore;
    use crate::outbox::worker::DeliveryWorker;

    #[derive(Debug)]
    struct Inside;

    impl NameLookup for Inside {
        fn lookup(&self, _name: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
            Box::pin(ready(Ok(vec![[127, 0, 0, 1].into()])))
        }
    }

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut config = ClientConfig::new("test", GuardPolicy::default());
    config.lookup = Arc::new(Inside);
    let client = GuardedClient::new(config).unwrap();
    let store: Arc<dyn DeliveryStore> = Arc::new(MemoryDeliveryStore::new());
    let worker = DeliveryWorker::new(
        Arc::clone(&store),
        Arc::new(client),
        Arc::new(OneKey),
        Arc::new(SystemClock),
        WorkerConfig::default(),
    );
    let mut sent = outgoing("1", None, &[]);
    let literals = ["127.0.0.1", "[::ffff:127.0.0.1]", "2130706433", "0x7f.1"];
    let named = ["inside.example"];
    for host in literals.iter().chain(&named) {
        sent.targets.push(Target {
            inbox: format!("https://{host}:{port}/inbox").parse().unwrap(),
            recipients: Vec::new(),
        });
    }
    // The URL type reads the four literals as three addresses.
    let literals = 2;
    store.enqueue(sent, SystemClock.now()).await.unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(worker.run(stop.clone()));
    until("addresses are refused for good", async || {
        count(&store, DeliveryState::Dead).await == literals
    })
    .await;
    // A name may lead elsewhere tomorrow.
    until("the name is refused for now", async || {
        let filter = DeliveryFilter {
            state: Some(DeliveryState::Queued),
            limit: 9,
            ..DeliveryFilter::default()
        };
        let waiting = store.list(filter).await.unwrap();
        waiting.iter().any(|one| one.attempts > 0)
    })
    .await;
    stop.cancel();
    task.await.unwrap();
    let connected = tokio::time::timeout(Duration::ZERO, listener.accept()).await;
    assert!(connected.is_err(), "somebody connected");
}

/// Whoever makes this server deliver to ever new hosts leaves a bounded number of rows, and in the
/// end none.
#[test]
fn attack_61_hosts_without_number_leave_bounded_state() {
    on_each_store(async |store| {
        let config = WorkerConfig {
            most_peers: 20,
            ..exact()
        };
        let retention = config.peer_retention;
        let running = Running::start(Arc::clone(&store), config);
        running.network.set("waiting.example", Manner::Status(500));
        let queue = async |name: &str, host: &str| {
            let one = outgoing(name, None, &[host]);
            store.enqueue(one, running.clock.now()).await.unwrap();
        };
        queue("first", "waiting.example").await;
        let known = async || store.queue_stats().await.unwrap().peers;
        until("it is known", async || known().await == 1).await;
        for n in 0..60 {
            let host = format!("h{n}.example");
            let manner = [Manner::Status(410), Manner::Status(404)];
            running.network.set(&host, manner[n % 2].clone());
            queue(&n.to_string(), &host).await;
        }
        until("all have answered", async || {
            count(&store, DeliveryState::Dead).await == 60 && known().await == 61
        })
        .await;
        running.clock.advance(Duration::from_mins(2));
        until("most are forgotten", async || known().await <= 20).await;
        // What is under way could not be withdrawn.
        until("it is tried again", async || {
            let filter = DeliveryFilter {
                state: Some(DeliveryState::Queued),
                limit: 1,
                ..DeliveryFilter::default()
            };
            let listed = store.list(filter).await.unwrap();
            listed.first().is_some_and(|one| one.attempts == 2)
        })
        .await;
        // Who still waits is not, however long ago it was heard of.
        let waiting = store.peer_statistics("waiting.example".to_owned()).await;
        assert_eq!(waiting.unwrap().unwrap().queued, 1);
        let object = "https://here.example/notes/first".parse().unwrap();
        let now = running.clock.now();
        store.cancel_for_object(object, now).await.unwrap();
        running.clock.advance(retention + Duration::from_mins(2));
        until("all are forgotten", async || known().await == 0).await;
        running.stop().await;
    });
}

/// Hundreds of hosts that never answer, and one that never answers a hundred times: those that do
/// answer get everything although the clock stands still, so that no attempt has timed out.
#[test]
fn attack_63_tarpits_do_not_starve_other_hosts() {
    on_each_store(async |store| {
        let running = Running::start(Arc::clone(&store), exact());
        let healthy: Vec<String> = (0..20).map(|n| format!("healthy{n}.example")).collect();
        let healthy: Vec<&str> = healthy.iter().map(String::as_str).collect();
        let got = |network: &Network| network.count_where(|one| one.host.starts_with("healthy"));
        let first = outgoing("hello", None, &healthy);
        store.enqueue(first, START).await.unwrap();
        until("they are known to answer", async || {
            store.queue_stats().await.unwrap().queued == 0
        })
        .await;
        let tarpits: Vec<String> = (0..300).map(|n| format!("t{n}.example")).collect();
        for host in &tarpits {
            running.network.set(host, Manner::NeverAnswers);
        }
        let tarpits: Vec<&str> = tarpits.iter().map(String::as_str).collect();
        let sent = outgoing("tar", None, &tarpits);
        store.enqueue(sent, START).await.unwrap();
        running.network.set("pit.example", Manner::NeverAnswers);
        for n in 0..100 {
            let sent = outgoing(&format!("pit{n}"), None, &["pit.example"]);
            store.enqueue(sent, START).await.unwrap();
        }
        for n in 0..4 {
            let sent = outgoing(&format!("news{n}"), Some("room"), &healthy);
            store.enqueue(sent, START).await.unwrap();
        }
        until("everybody else has everything", async || {
            got(&running.network) == 5 * healthy.len()
        })
        .await;
        let limits = RoomLimits::default();
        let stuck = |one: &Seen| !one.host.starts_with("healthy");
        let stuck = running.network.count_where(stuck);
        assert!(stuck <= limits.unproven, "{stuck}");
        assert!(running.network.count("pit.example") <= limits.per_unproven_peer);
        // Those that never answer would be waited for, and the clock stands still.
        running.crash().await;
    });
}

/// The short form of ten thousand peers of which three in ten are dead: what the others get, they
/// get at the same moments as if all were alive.
#[test]
#[expect(non_snake_case, reason = "named after the invariant")]
fn I8_dead_peers_cost_the_others_no_time() {
    on_each_store(async |store| {
        let running = Running::start(Arc::clone(&store), exact());
        let hosts: Vec<String> = (0..100).map(|n| format!("h{n}.example")).collect();
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let (dead, healthy) = hosts.split_at(30);
        let hello = outgoing("hello", None, &hosts);
        store.enqueue(hello, START).await.unwrap();
        until("all are known", async || {
            store.queue_stats().await.unwrap().queued == 0
        })
        .await;
        for host in dead {
            running.network.set(host, Manner::NeverAnswers);
        }
        for round in 0..4_usize {
            let now = running.clock.now();
            let sent = outgoing(&format!("news{round}"), Some("room"), &hosts);
            store.enqueue(sent, now).await.unwrap();
            let expected = (round + 1) * healthy.len();
            until("all that live have it", async || {
                let lives = |host: &str| healthy.contains(&host);
                let got = |one: &Seen| one.body.contains("news") && lives(&one.host);
                running.network.count_where(got) == expected
            })
            .await;
            // Nobody waited for anything: the clock stood still.
            assert_eq!(running.clock.now(), now);
            running.clock.advance(Duration::from_secs(40));
        }
        let statistics = store.queue_stats().await.unwrap();
        assert!(statistics.queued >= 30);
        // Those that never answer would be waited for, and the clock stands still.
        running.crash().await;
    });
}
