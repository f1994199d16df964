//! What operators and metrics are told of the queue and of each peer.

use std::sync::Arc;
use std::time::Duration;

use super::scripted::{Manner, Running, exact, until};
use super::{Driver, START, after, on_each_store, outgoing, settlement};
use crate::outbox::statistics::PeerCounts;
use crate::outbox::store::{PeerReport, PeerUpdate, Verdict};

fn counted(host: &str, counts: PeerCounts, report: PeerReport) -> PeerUpdate {
    PeerUpdate {
        host: host.to_owned(),
        report,
        counts,
    }
}

#[test]
fn counts_add_up_and_latency_moves_slowly() {
    on_each_store(async |store| {
        let driver = Driver::new(Arc::clone(&store));
        let counts = |delivered, failed, refused, latency: Option<u64>| PeerCounts {
            delivered,
            failed,
            refused,
            latency: latency.map(Duration::from_millis),
        };
        let answered = || PeerReport::Answered {
            signature_scheme: None,
        };
        let failed = PeerReport::Failed {
            error: "x".repeat(5000),
            failures: 1,
            retry_at: None,
            asked_until: None,
        };
        let tell = async |counts, report| {
            let updates = vec![counted("a.example", counts, report)];
            driver.turn(Vec::new(), updates, false, START).await;
        };
        // Counts alone do not make a peer known.
        tell(counts(1, 0, 0, None), PeerReport::Unchanged).await;
        let known = async || store.peer_statistics("a.example".to_owned()).await.unwrap();
        assert_eq!(known().await, None);
        tell(counts(3, 0, 0, Some(100)), answered()).await;
        tell(counts(1, 2, 0, None), failed).await;
        tell(counts(0, 0, 4, Some(500)), PeerReport::Unchanged).await;
        let known = known().await.unwrap();
        assert_eq!(known.counts, counts(4, 2, 4, Some(200)));
        assert_eq!((known.queued, known.lanes), (0, 0));
        let error = known.health.last_error.unwrap();
        assert!(error.len() <= 512, "{}", error.len());
    });
}

#[test]
fn the_queue_is_told_in_figures() {
    on_each_store(async |store| {
        let driver = Driver::new(Arc::clone(&store));
        driver
            .queue("1", Some("room"), &["a.example", "b.example"])
            .await;
        driver
            .queue_at("2", Some("room"), &["a.example"], after(5))
            .await;
        driver
            .queue_at("3", Some("other"), &["a.example"], after(7))
            .await;
        let stats = store.queue_stats().await.unwrap();
        assert_eq!((stats.queued, stats.dead, stats.held_back_peers), (4, 0, 0));
        assert_eq!(stats.oldest_queued_at, Some(START));
        assert_eq!(
            stats.oldest_due_age(after(60)),
            Some(Duration::from_mins(1))
        );
        let a = store.peer_statistics("a.example".to_owned()).await;
        let a = a.unwrap().unwrap();
        assert_eq!((a.queued, a.lanes), (3, 2));
        assert_eq!(a.oldest_queued_at, Some(START));
        let claimed = driver.claim(after(8)).await;
        assert_eq!(claimed.len(), 3);
        // What is under way is queued, but not due.
        let stats = store.queue_stats().await.unwrap();
        assert_eq!((stats.queued, stats.oldest_due_at), (4, None));
        let settled = claimed
            .iter()
            .map(|one| {
                let verdict = match one.peer.as_str() {
                    "b.example" => Verdict::Dead,
                    _ => Verdict::Retry(after(30)),
                };
                settlement(one, verdict)
            })
            .collect();
        let held_back = PeerReport::Failed {
            error: "no connection".to_owned(),
            failures: 3,
            retry_at: Some(after(40)),
            asked_until: None,
        };
        let updates = vec![counted("a.example", PeerCounts::default(), held_back)];
        driver.turn(settled, updates, false, after(8)).await;
        let stats = store.queue_stats().await.unwrap();
        assert_eq!((stats.queued, stats.dead, stats.held_back_peers), (3, 1, 1));
        assert_eq!(stats.oldest_due_at, None);
        assert_eq!(stats.peers, 1);
    });
}

#[test]
fn a_worker_counts_attempts_by_how_they_ended() {
    on_each_store(async |store| {
        let running = Running::start(Arc::clone(&store), exact());
        running.network.set("b.example", Manner::Status(500));
        running.network.set("c.example", Manner::Status(403));
        for n in 0..3 {
            let hosts = ["a.example", "b.example", "c.example"];
            let sent = outgoing(&n.to_string(), Some("room"), &hosts);
            store.enqueue(sent, START).await.unwrap();
        }
        until("each was tried", async || {
            let seen = |host| running.network.count(host);
            // A refused signature is followed by others in the same attempt.
            (seen("a.example"), seen("b.example")) == (3, 1) && seen("c.example") > 0
        })
        .await;
        // Counts are written down once a minute.
        running.clock.advance(Duration::from_secs(61));
        let counts = async |host: &str| {
            let known = store.peer_statistics(host.to_owned()).await.unwrap();
            known.map(|known| known.counts).unwrap_or_default()
        };
        until("it is told", async || {
            let (a, b, c) = (
                counts("a.example").await,
                counts("b.example").await,
                counts("c.example").await,
            );
            a.delivered == 3 && a.latency.is_some() && b.failed >= 1 && c.refused >= 1
        })
        .await;
        running.stop().await;
    });
}
