//! The rules of holding peers back.

use super::{Driver, LEASE, START, after, names, on_each_store, settlement};
use crate::clock::Timestamp;
use crate::outbox::room::RoomLimits;
use crate::outbox::statistics::PeerCounts;
use crate::outbox::store::{PeerReport, PeerUpdate, Verdict};

pub(super) fn failed(host: &str, failures: u32, retry_at: Option<Timestamp>) -> PeerUpdate {
    PeerUpdate {
        host: host.to_owned(),
        report: PeerReport::Failed {
            error: "no connection".to_owned(),
            failures,
            retry_at,
            asked_until: None,
        },
        counts: PeerCounts::default(),
    }
}

fn answered(host: &str) -> PeerUpdate {
    PeerUpdate {
        host: host.to_owned(),
        report: PeerReport::Answered {
            signature_scheme: Some("rfc9421".to_owned()),
        },
        counts: PeerCounts::default(),
    }
}

#[test]
fn a_peer_that_is_held_back_is_tried_with_one_lane() {
    on_each_store(async |store| {
        let driver = Driver::new(store);
        for name in ["1", "2", "3"] {
            driver.queue(name, Some(name), &["dead.example"]).await;
        }
        let claimed = driver.claim(START).await;
        assert_eq!(claimed.len(), 3);
        let retries = claimed
            .iter()
            .map(|one| settlement(one, Verdict::Retry(after(5))))
            .collect();
        let report = vec![failed("dead.example", 3, Some(after(30)))];
        driver.turn(retries, report, false, START).await;
        // A lane that comes later waits with the others.
        driver
            .queue_at("4", Some("4"), &["dead.example"], after(6))
            .await;
        driver
            .queue_at("5", Some("5"), &["alive.example"], after(6))
            .await;
        let alive = driver.claim(after(29)).await;
        assert_eq!(names(&alive), ["5@alive.example"]);
        driver
            .settle(&alive[0], Verdict::Delivered, after(29))
            .await;
        let probe = driver.claim(after(30)).await;
        assert_eq!(probe.len(), 1);
        assert_eq!(probe[0].peer_health.failures, 3);
        assert!(driver.claim(after(31)).await.is_empty());
        // It fails again: the next time comes later, and again for one lane only.
        let retry = vec![settlement(&probe[0], Verdict::Retry(after(45)))];
        let report = vec![failed("dead.example", 4, Some(after(120)))];
        driver.turn(retry, report, false, after(32)).await;
        assert!(driver.claim(after(119)).await.is_empty());
        let probe = driver.claim(after(120)).await;
        assert_eq!(probe.len(), 1);
        // It answers: all the others are due.
        let delivered = vec![settlement(&probe[0], Verdict::Delivered)];
        let report = vec![answered("dead.example")];
        let end = driver.turn(delivered, report, true, after(121)).await;
        assert_eq!(end.claimed.len(), 3);
        let peers = driver.store.peers(None, 10).await.unwrap();
        let peer = peers
            .iter()
            .find(|peer| peer.host == "dead.example")
            .unwrap();
        assert_eq!((peer.failures, peer.retry_at), (0, None));
        assert_eq!(peer.last_success_at, Some(after(121)));
        assert_eq!(peer.last_error.as_deref(), Some("no connection"));
        assert_eq!(peer.signature_scheme.as_deref(), Some("rfc9421"));
    });
}

#[test]
fn a_probe_whose_worker_died_is_made_again() {
    on_each_store(async |store| {
        let driver = Driver::new(store);
        driver.queue("1", None, &["dead.example"]).await;
        let claimed = driver.claim(START).await;
        let retry = vec![settlement(&claimed[0], Verdict::Retry(after(5)))];
        let report = vec![failed("dead.example", 3, Some(after(30)))];
        driver.turn(retry, report, false, START).await;
        assert_eq!(driver.claim(after(30)).await.len(), 1);
        let later = after(30).plus(LEASE);
        assert_eq!(driver.claim(later).await.len(), 1);
    });
}

#[test]
fn a_lesser_failure_does_not_let_go_of_a_peer_that_is_held_back() {
    on_each_store(async |store| {
        let driver = Driver::new(store);
        for name in ["1", "2"] {
            driver.queue(name, None, &["dead.example"]).await;
        }
        let claimed = driver.claim(START).await;
        let retries = claimed
            .iter()
            .map(|one| settlement(one, Verdict::Retry(after(5))))
            .collect();
        let report = vec![failed("dead.example", 1, Some(after(30)))];
        driver.turn(retries, report, false, START).await;
        let report = vec![failed("dead.example", 1, None)];
        driver.turn(Vec::new(), report, false, after(1)).await;
        assert!(driver.claim(after(29)).await.is_empty());
        assert_eq!(driver.claim(after(30)).await.len(), 1);
    });
}

#[test]
fn a_held_back_peer_with_nothing_queued_wakes_nobody() {
    on_each_store(async |store| {
        let driver = Driver::new(store);
        let report = vec![failed("dead.example", 3, Some(after(30)))];
        driver.turn(Vec::new(), report, false, START).await;
        let due = driver.store.next_due(START).await.unwrap().delivery;
        assert_eq!(due, Some(after(30)));
        assert!(driver.claim(after(30)).await.is_empty());
        assert_eq!(driver.store.next_due(START).await.unwrap().delivery, None);
        driver
            .queue_at("1", None, &["dead.example"], after(31))
            .await;
        assert_eq!(driver.claim(after(31)).await.len(), 1);
    });
}

#[test]
#[expect(non_snake_case, reason = "named after the invariant")]
fn I8_failing_and_unknown_peers_leave_room_for_the_others() {
    on_each_store(async |store| {
        let mut driver = Driver::new(store);
        driver.limits = RoomLimits {
            total: 40,
            unproven: 10,
            failing: 3,
            per_peer: 8,
            per_unproven_peer: 2,
        };
        let hosts = |kind: &str| -> Vec<String> {
            (0..100).map(|n| format!("{kind}{n}.example")).collect()
        };
        let (failing, unknown) = (hosts("failing"), hosts("unknown"));
        let reports = failing.iter().map(|host| failed(host, 1, None)).collect();
        driver.turn(Vec::new(), reports, false, START).await;
        let report = vec![answered("good.example")];
        driver.turn(Vec::new(), report, false, START).await;
        for (n, host) in failing.iter().chain(&unknown).enumerate() {
            driver.queue(&n.to_string(), None, &[host]).await;
        }
        // The good peer comes last.
        for n in 0..20 {
            driver
                .queue_at(&format!("g{n}"), None, &["good.example"], after(1))
                .await;
        }
        let claimed = driver.claim(after(2)).await;
        let count = |prefix: &str| {
            let of_kind = claimed.iter().filter(|one| one.peer.starts_with(prefix));
            of_kind.count()
        };
        assert_eq!(count("failing"), 3);
        assert_eq!(count("unknown"), 10);
        assert_eq!(count("good"), 8);
    });
}
