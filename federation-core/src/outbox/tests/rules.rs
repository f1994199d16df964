//! The rules of queueing, leasing and settling.

use super::{Driver, LEASE, START, after, names, on_each_store, outgoing, settlement, url};
use crate::outbox::delivery::DeliveryState;
use crate::outbox::room::RoomLimits;
use crate::outbox::store::{DeliveryFilter, Verdict};

#[test]
#[expect(non_snake_case, reason = "named after the invariant")]
fn I2_an_activity_is_queued_once_per_inbox() {
    on_each_store(async |store| {
        let driver = Driver::new(store);
        let hosts = ["a.example", "b.example", "a.example"];
        assert_eq!(driver.queue("one", None, &hosts).await.len(), 2);
        let more = ["b.example", "c.example"];
        assert_eq!(driver.queue("one", None, &more).await.len(), 1);
        let claimed = driver.claim(START).await;
        assert_eq!(
            names(&claimed),
            ["one@a.example", "one@b.example", "one@c.example"]
        );
        let first = claimed.first().unwrap();
        assert_eq!(first.body, "{\"id\":\"one\"}");
        assert_eq!(first.recipients.len(), 1);
        assert_eq!(first.actor_id.as_str(), "https://here.example/users/alice");
    });
}

#[test]
#[expect(non_snake_case, reason = "named after the invariant")]
fn I7_one_key_goes_in_order_and_others_do_not_wait() {
    on_each_store(async |store| {
        let driver = Driver::new(store);
        for name in ["1", "2", "3"] {
            driver.queue(name, Some("room"), &["a.example"]).await;
        }
        driver.queue("x", Some("other"), &["a.example"]).await;
        driver.queue("y", None, &["a.example"]).await;
        driver.queue("z", Some("room"), &["b.example"]).await;
        let claimed = driver.claim(START).await;
        assert_eq!(
            names(&claimed),
            ["1@a.example", "x@a.example", "y@a.example", "z@b.example"]
        );
        assert!(driver.claim(START).await.is_empty());
        let one = claimed
            .iter()
            .find(|one| one.activity_id.path().ends_with("/1"));
        let one = one.unwrap();
        // A failing head keeps its lane waiting.
        driver.settle(one, Verdict::Retry(after(10)), START).await;
        assert!(driver.claim(after(9)).await.is_empty());
        let again = driver.claim(after(10)).await;
        assert_eq!(names(&again), ["1@a.example"]);
        assert_eq!(again[0].attempts, 1);
        assert_eq!(again[0].last_status, Some(500));
        // What is settled makes way in the same turn.
        let settled = settlement(&again[0], Verdict::Delivered);
        let end = driver
            .turn(vec![settled], Vec::new(), true, after(10))
            .await;
        assert_eq!(names(&end.claimed), ["2@a.example"]);
        let settled = settlement(&end.claimed[0], Verdict::Dead);
        let end = driver
            .turn(vec![settled], Vec::new(), true, after(10))
            .await;
        assert_eq!(names(&end.claimed), ["3@a.example"]);
        driver
            .settle(&end.claimed[0], Verdict::Delivered, after(10))
            .await;
        // The lane went with its last delivery; the key starts afresh.
        driver
            .queue_at("4", Some("room"), &["a.example"], after(10))
            .await;
        assert_eq!(names(&driver.claim(after(10)).await), ["4@a.example"]);
        let states = driver.states().await;
        assert_eq!(
            states,
            [
                "dead",
                "delivered",
                "delivered",
                "queued",
                "queued",
                "queued",
                "queued"
            ]
        );
    });
}

#[test]
#[expect(non_snake_case, reason = "named after the invariant")]
fn I1_a_lease_that_ends_gives_the_delivery_to_the_next() {
    on_each_store(async |store| {
        let driver = Driver::new(store);
        driver.queue("one", None, &["a.example"]).await;
        let lost = driver.claim(START).await;
        assert_eq!(lost.len(), 1);
        let before_end = START.plus(LEASE).minus(std::time::Duration::from_millis(1));
        assert!(driver.claim(before_end).await.is_empty());
        let due = driver.store.next_due(START).await.unwrap().delivery;
        assert_eq!(due, Some(START.plus(LEASE)));
        let again = driver.claim(START.plus(LEASE)).await;
        assert_eq!(again.len(), 1);
        // Whoever held it before has no say any more.
        driver
            .settle(&lost[0], Verdict::Dead, START.plus(LEASE))
            .await;
        assert_eq!(driver.states().await, ["queued"]);
        driver
            .settle(&again[0], Verdict::Delivered, START.plus(LEASE))
            .await;
        assert_eq!(driver.states().await, ["delivered"]);
        assert_eq!(driver.store.next_due(START).await.unwrap().delivery, None);
    });
}

#[test]
fn what_is_released_is_due_at_once_and_was_not_tried() {
    on_each_store(async |store| {
        let driver = Driver::new(store);
        driver.queue("one", None, &["a.example"]).await;
        let claimed = driver.claim(START).await;
        driver.settle(&claimed[0], Verdict::Release, START).await;
        let again = driver.claim(START).await;
        assert_eq!(again.len(), 1);
        assert_eq!(again[0].attempts, 0);
    });
}

#[test]
fn a_claim_keeps_to_the_room() {
    on_each_store(async |store| {
        let mut driver = Driver::new(store);
        for n in 0..30 {
            let hosts = ["a.example", "b.example"];
            driver.queue(&n.to_string(), None, &hosts).await;
        }
        driver.limits = RoomLimits {
            total: 7,
            per_unproven_peer: 4,
            ..RoomLimits::default()
        };
        let end = driver.turn(Vec::new(), Vec::new(), true, START).await;
        assert_eq!(end.claimed.len(), 7);
        assert!(end.limited);
        let at_a = end.claimed.iter().filter(|one| one.peer == "a.example");
        assert!((3..=4).contains(&at_a.count()));
    });
}

#[test]
fn dead_letters_are_listed_and_queued_again() {
    on_each_store(async |store| {
        let driver = Driver::new(store);
        let ids = driver.queue("one", Some("k"), &["a.example"]).await;
        driver.queue("two", Some("k"), &["b.example"]).await;
        let claimed = driver.claim(START).await;
        for one in &claimed {
            driver.settle(one, Verdict::Dead, after(1)).await;
        }
        let filter = DeliveryFilter {
            state: Some(DeliveryState::Dead),
            peer: Some("a.example".to_owned()),
            before: None,
            limit: 10,
        };
        let dead = driver.store.list(filter).await.unwrap();
        assert_eq!(dead.len(), 1);
        assert_eq!(dead[0].id, ids[0]);
        assert_eq!(dead[0].attempts, 1);
        assert_eq!(dead[0].last_status, Some(410));
        assert_eq!(dead[0].last_error.as_deref(), Some("an error"));
        assert_eq!(dead[0].settled_at, Some(after(1)));
        assert!(driver.store.retry(ids[0], after(2)).await.unwrap());
        assert!(!driver.store.retry(ids[0], after(2)).await.unwrap());
        let again = driver.claim(after(2)).await;
        assert_eq!(names(&again), ["one@a.example"]);
        assert_eq!(again[0].attempts, 0);
        driver.settle(&again[0], Verdict::Delivered, after(2)).await;
        assert!(!driver.store.retry(ids[0], after(3)).await.unwrap());
    });
}

#[test]
fn a_deletion_withdraws_what_was_not_sent() {
    on_each_store(async |store| {
        let driver = Driver::new(store);
        for name in ["1", "2"] {
            driver
                .queue(name, Some("room"), &["a.example", "b.example"])
                .await;
        }
        driver.queue("3", Some("room"), &["a.example"]).await;
        let under_way = driver.claim(START).await;
        assert_eq!(names(&under_way), ["1@a.example", "1@b.example"]);
        let cancel = async |name: &str| {
            let object = url(&format!("https://here.example/notes/{name}"));
            driver
                .store
                .cancel_for_object(object, after(1))
                .await
                .unwrap()
        };
        assert_eq!(cancel("1").await, 0);
        assert_eq!(cancel("2").await, 2);
        assert_eq!(cancel("2").await, 0);
        let settled = under_way
            .iter()
            .map(|one| settlement(one, Verdict::Delivered))
            .collect();
        let end = driver.turn(settled, Vec::new(), true, after(1)).await;
        assert_eq!(names(&end.claimed), ["3@a.example"]);
    });
}

#[test]
fn what_is_too_old_is_given_up_and_later_forgotten() {
    on_each_store(async |store| {
        let driver = Driver::new(store);
        driver.queue("old", Some("k"), &["a.example"]).await;
        driver.queue("held", None, &["b.example"]).await;
        let held = driver.claim(START).await;
        for one in held.iter().filter(|one| one.peer == "a.example") {
            driver.settle(one, Verdict::Retry(after(500)), START).await;
        }
        driver
            .queue_at("new", Some("k"), &["a.example"], after(100))
            .await;
        let given_up = driver.store.expire(after(50), 10, after(100)).await;
        assert_eq!(given_up.unwrap(), 1);
        assert_eq!(driver.states().await, ["dead", "queued", "queued"]);
        let forgotten = driver.store.prune(after(50), 10).await.unwrap();
        assert_eq!(forgotten, 2);
        assert_eq!(driver.states().await, ["queued", "queued"]);
        // Its lane still waits for the time its head was told, then goes on with the next.
        let next = driver.claim(after(500)).await;
        assert!(names(&next).contains(&"new@a.example".to_owned()));
        // The same activity may be queued again once it is forgotten.
        let again = driver
            .store
            .enqueue(outgoing("old", None, &["a.example"]), after(600));
        assert_eq!(again.await.unwrap().len(), 1);
    });
}

#[test]
fn an_audience_of_hundreds_is_queued_in_one_change() {
    on_each_store(async |store| {
        let driver = Driver::new(store);
        let hosts: Vec<String> = (0..500).map(|n| format!("h{n}.example")).collect();
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let ids = driver.queue("big", Some("room"), &hosts).await;
        assert_eq!(ids.len(), 500);
        let first = driver.claim(START).await;
        assert_eq!(first.len(), 128);
    });
}
