//! The worker against peers that answer, refuse, stall or are gone.

use std::sync::Arc;
use std::time::Duration;

use super::scripted::{Manner, Running, exact, until};
use super::{START, after, on_each_store, outgoing};
use crate::clock::{Clock as _, Timestamp};
use crate::outbox::delivery::{Delivery, DeliveryState};
use crate::outbox::store::{DeliveryFilter, DeliveryStore};

async fn only(store: &Arc<dyn DeliveryStore>) -> Delivery {
    let filter = DeliveryFilter {
        limit: 1,
        ..DeliveryFilter::default()
    };
    store.list(filter).await.unwrap().remove(0)
}

async fn all_in(store: &Arc<dyn DeliveryStore>, state: DeliveryState, count: usize) -> bool {
    let filter = DeliveryFilter {
        state: Some(state),
        limit: 1000,
        ..DeliveryFilter::default()
    };
    store.list(filter).await.unwrap().len() == count
}

/// Sends one delivery to a host of this manner and gives the times of its attempts.
async fn attempts(running: &Running, seconds: u64) -> Vec<u64> {
    running
        .store
        .enqueue(outgoing("1", None, &["a.example"]), START)
        .await
        .unwrap();
    until("a first attempt", async || {
        running.network.count("a.example") > 0
    })
    .await;
    loop {
        settled(running).await;
        // Not before: an attempt may be two requests.
        let seen = running.network.count("a.example");
        // Straight to the next time something is due.
        let now = running.clock.now();
        let due = running.store.next_due(now).await.unwrap().delivery;
        let Some(due) = due.filter(|due| due.since(START).as_secs() < seconds) else {
            break;
        };
        running.clock.advance(due.since(now));
        until("the next attempt", async || {
            running.network.count("a.example") > seen
                || only(&running.store).await.state != DeliveryState::Queued
        })
        .await;
    }
    let seen = running.network.seen();
    seen.iter()
        .map(|one| one.at.since(START).as_secs())
        .collect()
}

/// Waits until what was seen by the network is written down.
async fn settled(running: &Running) {
    until("the attempt is settled", async || {
        // Requests of one moment are of one attempt.
        let mut times: Vec<Timestamp> = running.network.seen().iter().map(|one| one.at).collect();
        times.dedup();
        let one = only(&running.store).await;
        usize::try_from(one.attempts).unwrap() >= times.len()
    })
    .await;
}

#[test]
fn delivers_at_once_and_in_order() {
    on_each_store(async |store| {
        let running = Running::start(store, exact());
        for n in 0..20 {
            let hosts = ["a.example", "b.example"];
            let outgoing = outgoing(&n.to_string(), Some("room"), &hosts);
            running.store.enqueue(outgoing, START).await.unwrap();
        }
        until("everything is delivered", async || {
            all_in(&running.store, DeliveryState::Delivered, 40).await
        })
        .await;
        let expected: Vec<String> = (0..20).map(|n| format!("{{\"id\":\"{n}\"}}")).collect();
        assert_eq!(running.network.bodies("a.example"), expected);
        assert_eq!(running.network.bodies("b.example"), expected);
        running.stop().await;
    });
}

#[test]
fn a_server_error_is_retried_by_the_schedule_for_an_hour() {
    on_each_store(async |store| {
        let running = Running::start(store, exact());
        running.network.set("a.example", Manner::Status(500));
        let times = attempts(&running, 3600).await;
        assert_eq!(times, [0, 5, 20, 65, 200, 605, 1820]);
        running.network.set("a.example", Manner::Status(202));
        running.clock.advance(Duration::from_hours(2));
        until("it is delivered", async || {
            only(&running.store).await.state == DeliveryState::Delivered
        })
        .await;
        running.stop().await;
    });
}

#[test]
fn a_peer_that_never_answers_is_held_back() {
    on_each_store(async |store| {
        let config = exact();
        let overdue = (config.limits.deadline * 2).as_secs();
        let running = Running::start(store, config);
        running.network.set("a.example", Manner::NeverAnswers);
        running
            .store
            .enqueue(outgoing("1", None, &["a.example"]), START)
            .await
            .unwrap();
        for attempt in 1..=3 {
            until("an attempt", async || {
                running.network.count("a.example") == attempt
            })
            .await;
            running.clock.advance(Duration::from_secs(overdue));
            settled(&running).await;
            let pause = [5, 15, 0][attempt - 1];
            running.clock.advance(Duration::from_secs(pause));
        }
        let peer = running.store.peers(None, 1).await.unwrap().remove(0);
        assert_eq!(peer.failures, 3);
        assert_eq!(
            peer.retry_at,
            Some(running.clock.now().plus(Duration::from_secs(30)))
        );
        running.stop().await;
    });
}

#[test]
fn an_inbox_that_is_gone_is_dead_at_once() {
    on_each_store(async |store| {
        let running = Running::start(store, exact());
        running.network.set("a.example", Manner::Status(410));
        running
            .store
            .enqueue(outgoing("1", None, &["a.example"]), START)
            .await
            .unwrap();
        until("it is dead", async || {
            only(&running.store).await.state == DeliveryState::Dead
        })
        .await;
        let dead = only(&running.store).await;
        assert_eq!((dead.attempts, dead.last_status), (1, Some(410)));
        running.stop().await;
    });
}

#[test]
fn retry_after_holds_the_whole_peer_back() {
    on_each_store(async |store| {
        let running = Running::start(store, exact());
        running.network.set("a.example", Manner::Later(429, 700));
        running
            .store
            .enqueue(outgoing("1", None, &["a.example"]), START)
            .await
            .unwrap();
        settled(&running).await;
        until("it was tried", async || {
            running.network.count("a.example") == 1
        })
        .await;
        settled(&running).await;
        running.network.set("a.example", Manner::Status(202));
        running
            .store
            .enqueue(outgoing("2", None, &["a.example"]), START)
            .await
            .unwrap();
        running.clock.advance(Duration::from_secs(699));
        // Whoever takes this looks at all that is due.
        let other = outgoing("3", None, &["b.example"]);
        running.store.enqueue(other, after(699)).await.unwrap();
        until("another peer has its own", async || {
            all_in(&running.store, DeliveryState::Delivered, 1).await
        })
        .await;
        assert_eq!(running.network.count("a.example"), 1);
        running.clock.advance(Duration::from_secs(1));
        until("all are delivered", async || {
            all_in(&running.store, DeliveryState::Delivered, 3).await
        })
        .await;
        running.stop().await;
    });
}

#[test]
fn a_refused_signature_is_tried_by_the_other_scheme_which_is_remembered() {
    on_each_store(async |store| {
        let running = Running::start(store, exact());
        running.network.set("a.example", Manner::OnlyRfc9421);
        let times = attempts(&running, 100).await;
        // Both requests are of one attempt.
        assert_eq!(times, [0, 0]);
        let delivered = only(&running.store).await;
        assert_eq!(delivered.state, DeliveryState::Delivered);
        let peer = running.store.peers(None, 1).await.unwrap().remove(0);
        assert_eq!(peer.signature_scheme.as_deref(), Some("rfc9421"));
        let next = outgoing("2", None, &["a.example"]);
        running.store.enqueue(next, after(200)).await.unwrap();
        running.clock.advance(Duration::from_secs(200));
        until("the next is delivered", async || {
            all_in(&running.store, DeliveryState::Delivered, 2).await
        })
        .await;
        assert_eq!(running.network.count("a.example"), 3);
        running.stop().await;
    });
}

#[test]
fn a_signature_that_is_always_refused_is_given_up() {
    on_each_store(async |store| {
        let running = Running::start(store, exact());
        running.network.set("a.example", Manner::Status(403));
        let times = attempts(&running, 100_000).await;
        // Each attempt knocks with both schemes.
        let due = [0, 5, 20, 65, 200, 500, 800, 1100, 1400, 1700];
        let twice = due.map(|time| [time; 2]);
        assert_eq!(times, twice.as_flattened());
        assert_eq!(only(&running.store).await.state, DeliveryState::Dead);
        running.stop().await;
    });
}

#[test]
fn one_refusal_after_an_outage_is_not_the_last_word() {
    on_each_store(async |store| {
        let running = Running::start(store, exact());
        running.network.set("a.example", Manner::Status(500));
        let failed = attempts(&running, 20_000).await;
        assert_eq!(failed, [0, 5, 20, 65, 200, 605, 1820, 5465, 16_400]);
        running.network.set("a.example", Manner::Status(401));
        running.clock.advance(Duration::from_hours(7));
        until("the refusal is written down", async || {
            only(&running.store).await.last_status == Some(401)
        })
        .await;
        assert_eq!(only(&running.store).await.state, DeliveryState::Queued);
        running.network.set("a.example", Manner::Status(202));
        running.clock.advance(Duration::from_mins(5));
        until("it is delivered", async || {
            only(&running.store).await.state == DeliveryState::Delivered
        })
        .await;
        running.stop().await;
    });
}

#[test]
fn what_cannot_be_delivered_in_days_is_dead() {
    on_each_store(async |store| {
        let running = Running::start(store, exact());
        running.network.set("a.example", Manner::Status(500));
        let times = attempts(&running, u64::MAX).await;
        assert_eq!(only(&running.store).await.state, DeliveryState::Dead);
        let last = Timestamp::from_millis(0).plus(Duration::from_secs(*times.last().unwrap()));
        assert!(last.as_seconds() > 3 * 24 * 3600, "{times:?}");
        running.stop().await;
    });
}

#[test]
fn one_wrong_answer_of_the_name_service_ends_nothing() {
    on_each_store(async |store| {
        let running = Running::start(store, exact());
        running.network.set("a.example", Manner::WrongAddress);
        let times = attempts(&running, 60).await;
        assert_eq!(times, [0, 5, 20]);
        let peers = running.store.peers(None, 10).await.unwrap();
        assert!(peers.iter().all(|peer| peer.failures == 0), "{peers:?}");
        running.network.set("a.example", Manner::Status(202));
        running.clock.advance(Duration::from_mins(2));
        until("it is delivered", async || {
            only(&running.store).await.state == DeliveryState::Delivered
        })
        .await;
        running.stop().await;
    });
}
