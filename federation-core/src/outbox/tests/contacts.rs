//! Peers that are held back and are heard of.

use std::sync::Arc;
use std::time::Duration;

use super::rules_peers::failed;
use super::scripted::{Manner, Running, exact, until};
use super::{Driver, LEASE, START, after, names, on_each_store, outgoing, url};
use crate::clock::{Clock, Timestamp};
use crate::outbox::Contacts;
use crate::outbox::store::{DeliveryStore, Heard};
use crate::outbox::worker::WorkerConfig;
use crate::testing::ManualClock;

#[test]
fn a_peer_that_is_heard_of_is_due_with_one_lane() {
    on_each_store(async |store| {
        let driver = Driver::new(store);
        for host in ["back.example", "dead.example"] {
            for name in ["1", "2"] {
                let name = format!("{name}-{host}");
                driver.queue(&name, Some(&name), &[host]).await;
            }
        }
        let reports =
            ["back.example", "dead.example"].map(|host| failed(host, 3, Some(after(600))));
        driver.turn(Vec::new(), reports.into(), false, START).await;
        assert!(driver.claim(after(10)).await.is_empty());
        let heard = async |host: &str, now: Timestamp| {
            let heard = driver.store.heard_of(host.to_owned(), now);
            heard.await.unwrap()
        };
        assert_eq!(heard("unknown.example", after(10)).await, Heard::Nothing);
        assert_eq!(heard("back.example", after(10)).await, Heard::Due);
        assert_eq!(heard("back.example", after(10)).await, Heard::Nothing);
        let claimed = driver.claim(after(10)).await;
        assert_eq!(names(&claimed), ["1-back.example@back.example"]);
        // It is being tried: no second lane goes out beside it.
        assert_eq!(heard("back.example", after(11)).await, Heard::BeingTried);
        assert!(driver.claim(after(11)).await.is_empty());
        // Whoever tried it is gone with the lease.
        let late = after(10).plus(LEASE);
        assert_eq!(driver.claim(late).await.len(), 1);
    });
}

/// A worker that holds peers back from their first failure, and who tells its queue of them.
fn start(store: Arc<dyn DeliveryStore>) -> (Running, Contacts) {
    let config = WorkerConfig {
        hold_back_after: 1,
        ..exact()
    };
    let running = Running::start(store, config);
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&running.clock);
    let contacts = Contacts::new(Arc::clone(&running.store), clock);
    (running, contacts)
}

async fn queue(running: &Running, name: &str, host: &str) {
    let outgoing = outgoing(name, Some(name), &[host]);
    let now = running.clock.now();
    running.store.enqueue(outgoing, now).await.unwrap();
}

/// Until when a peer is held back.
async fn held(running: &Running, host: &str) -> Option<Timestamp> {
    let peers = running.store.peers(None, 10).await.unwrap();
    let found = peers.into_iter().find(|peer| peer.host == host);
    found.and_then(|peer| peer.retry_at)
}

/// Queues something for a peer that answers 503, and waits until it is held back.
async fn hold_back(running: &Running, name: &str, host: &str) {
    running.network.set(host, Manner::Status(503));
    queue(running, name, host).await;
    until("the peer is held back", async || {
        held(running, host).await.is_some()
    })
    .await;
}

async fn delivered(running: &Running) {
    until("everything is delivered", async || {
        running.store.queue_stats().await.unwrap().queued == 0
    })
    .await;
}

#[test]
fn what_waits_for_a_peer_goes_out_when_it_is_heard_of() {
    on_each_store(async |store| {
        let (running, contacts) = start(store);
        let (network, clock) = (&running.network, &running.clock);
        let is_held = async || held(&running, "a.example").await > Some(clock.now());
        let bob = url("https://a.example/users/bob");
        hold_back(&running, "1", "a.example").await;
        queue(&running, "2", "a.example").await;
        network.set("a.example", Manner::Status(202));
        let somebody_else = url("https://other.example/users/bob");
        contacts.heard_of(&somebody_else).await;
        assert!(is_held().await);

        // The clock stands still: nothing goes out by time.
        contacts.heard_of(&bob).await;
        delivered(&running).await;
        assert_eq!(network.count("a.example"), 3);
        assert_eq!(held(&running, "a.example").await, None);

        // A peer that speaks and takes nothing is not tried at each of its words.
        clock.advance(Duration::from_secs(1));
        hold_back(&running, "3", "a.example").await;
        for _ in 0..5 {
            contacts.heard_of(&bob).await;
        }
        assert!(is_held().await);
        assert_eq!(network.count("a.example"), 4);
        running.stop().await;
    });
}

#[test]
fn attack_many_names_of_one_site_are_tried_no_more_often() {
    on_each_store(async |store| {
        let (running, contacts) = start(store);
        for host in ["a.site.example", "b.site.example", "c.example"] {
            hold_back(&running, host, host).await;
            running.network.set(host, Manner::Status(202));
        }
        for host in ["a.site.example", "b.site.example", "c.example"] {
            contacts.heard_of(&url(&format!("https://{host}/"))).await;
        }
        until("two are delivered", async || {
            running.store.queue_stats().await.unwrap().queued == 1
        })
        .await;
        assert!(held(&running, "b.site.example").await > Some(START));
        running.stop().await;
    });
}

#[test]
fn who_asked_for_time_has_it_although_it_speaks() {
    on_each_store(async |store| {
        let (running, contacts) = start(store);
        for (host, status) in [("a.example", 429), ("b.example", 503)] {
            running.network.set(host, Manner::Later(status, 700));
            queue(&running, host, host).await;
            until("the peer is held back", async || {
                held(&running, host).await == Some(after(700))
            })
            .await;
            running.network.set(host, Manner::Status(202));
            contacts.heard_of(&url(&format!("https://{host}/"))).await;
            assert_eq!(held(&running, host).await, Some(after(700)));
        }
        running.clock.advance(Duration::from_secs(700));
        delivered(&running).await;
        running.stop().await;
    });
}
