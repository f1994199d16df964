//! Peers that are held back and are heard of.

use std::sync::Arc;
use std::time::Duration;

use super::rules_peers::failed;
use super::scripted::{Manner, Running, exact, until};
use super::{Driver, LEASE, START, after, names, on_each_store, outgoing, url};
use crate::clock::{Clock, Timestamp};
use crate::outbox::Contacts;
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
        assert!(!heard("unknown.example", after(10)).await);
        assert!(heard("back.example", after(10)).await);
        assert!(!heard("back.example", after(10)).await, "it is due now");
        let claimed = driver.claim(after(10)).await;
        assert_eq!(names(&claimed), ["1-back.example@back.example"]);
        // It is being tried: no second lane goes out beside it.
        assert!(!heard("back.example", after(11)).await);
        assert!(driver.claim(after(11)).await.is_empty());
        // Whoever tried it is gone with the lease.
        let late = after(10).plus(LEASE);
        assert_eq!(driver.claim(late).await.len(), 1);
    });
}

#[test]
fn what_waits_for_a_peer_goes_out_when_it_is_heard_of() {
    on_each_store(async |store| {
        let config = WorkerConfig {
            hold_back_after: 1,
            ..exact()
        };
        let running = Running::start(store, config);
        let (network, clock) = (&running.network, &running.clock);
        let contacts = {
            let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
            Contacts::new(Arc::clone(&running.store), clock)
        };
        network.set("a.example", Manner::Status(503));
        let held = async || {
            let peers = running.store.peers(None, 10).await.unwrap();
            let of_a = peers.into_iter().find(|peer| peer.host == "a.example");
            of_a.and_then(|peer| peer.retry_at)
        };
        let queued = async |name: &str| {
            let outgoing = outgoing(name, Some(name), &["a.example"]);
            running.store.enqueue(outgoing, clock.now()).await.unwrap();
        };
        queued("1").await;
        until("the peer is held back", async || held().await.is_some()).await;
        queued("2").await;
        network.set("a.example", Manner::Status(202));
        contacts
            .heard_of(&url("https://other.example/users/bob"))
            .await;
        assert!(held().await.is_some_and(|at| at > clock.now()));

        // The clock stands still: nothing goes out by time.
        contacts.heard_of(&url("https://a.example/users/bob")).await;
        until("everything is delivered", async || {
            let stats = running.store.queue_stats().await.unwrap();
            stats.queued == 0
        })
        .await;
        assert_eq!(network.count("a.example"), 3);
        assert_eq!(held().await, None);

        // A peer that speaks and takes nothing is not tried at each of its words.
        clock.advance(Duration::from_secs(1));
        network.set("a.example", Manner::Status(503));
        queued("3").await;
        until("the peer is held back", async || held().await.is_some()).await;
        for _ in 0..5 {
            contacts.heard_of(&url("https://a.example/users/bob")).await;
        }
        assert!(held().await.is_some_and(|at| at > clock.now()));
        assert_eq!(network.count("a.example"), 4);
        clock.advance(Duration::from_mins(2));
        until("it is tried when its time has come", async || {
            network.count("a.example") > 4
        })
        .await;
        running.stop().await;
    });
}
