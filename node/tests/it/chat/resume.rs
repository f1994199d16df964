//! Coming back: without loss, without duplicates, and bounded for those who read slowly.

use std::collections::BTreeSet;
use std::time::Duration;

use federation_core::testing::on_each_backend;
use serde_json::{Value, json};

use super::world::{Socket, World};

#[test]
fn resume_brings_what_was_missed_once_and_in_order() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let (mut socket, ready) = bob.socket(None).await;
        alice.say(&dm, "m0").await;
        let seen = socket.next().await["seq"].as_i64().unwrap();
        assert!(seen > ready["seq"].as_i64().unwrap());
        drop(socket);
        for index in 1..=300 {
            alice.say(&dm, &format!("m{index}")).await;
        }
        let carol = world.member("carol").await;
        let other = carol.dm(&["bob"]).await;
        carol.say(&other, "new").await;
        let (mut socket, ready) = bob.socket(Some(seen)).await;
        assert_eq!(ready["resumed"], true);
        assert_eq!(ready["seq"], seen);
        alice.say(&dm, "live").await;
        let mut last = seen;
        let mut texts = Vec::new();
        loop {
            let frame = socket.next().await;
            let seq = frame["seq"].as_i64().unwrap();
            assert!(seq > last);
            last = seq;
            texts.extend(frame["d"]["content"].as_str().map(str::to_owned));
            if texts.last().is_some_and(|text| text == "live") {
                break;
            }
        }
        let mut expected: Vec<String> = (1..=300).map(|index| format!("m{index}")).collect();
        expected.extend(["new".to_owned(), "live".to_owned()]);
        assert_eq!(texts, expected);
        socket.silent().await;
    });
}

#[test]
fn reconnecting_in_the_middle_of_traffic_loses_nothing() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let (socket, ready) = bob.socket(None).await;
        drop(socket);
        let talk = async {
            for chunk in 0..20 {
                let say = (0..10).map(|index| {
                    let text = format!("{}", chunk * 10 + index);
                    let (alice, dm) = (&alice, &dm);
                    async move { alice.say(dm, &text).await }
                });
                futures_util::future::join_all(say).await;
            }
        };
        let listen = async {
            let mut seen = ready["seq"].as_i64().unwrap();
            let mut texts: Vec<i64> = Vec::new();
            while texts.len() < 200 {
                let (mut socket, ready) = bob.socket(Some(seen)).await;
                assert_eq!(ready["resumed"], true);
                for _ in 0..17 {
                    if texts.len() == 200 {
                        break;
                    }
                    let frame = socket.next().await;
                    let seq = frame["seq"].as_i64().unwrap();
                    assert!(seq > seen, "{seq} after {seen}");
                    seen = seq;
                    texts.push(frame["d"]["content"].as_str().unwrap().parse().unwrap());
                }
            }
            texts
        };
        let ((), texts) = tokio::join!(talk, listen);
        let once: BTreeSet<i64> = texts.iter().copied().collect();
        assert_eq!(once.len(), 200);
        let path = format!("/api/v1/channels/{dm}/messages?limit=100");
        let page = alice.get(&path).await.expect(200);
        let in_list: Vec<i64> = page["items"]
            .as_array()
            .unwrap()
            .iter()
            .rev()
            .map(|item| item["content"].as_str().unwrap().parse().unwrap())
            .collect();
        assert_eq!(
            texts[100..],
            in_list[..],
            "sockets and lists agree on the order"
        );
    });
}

#[test]
fn deleted_messages_do_not_come_back_and_old_numbers_are_told() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        alice.say(&dm, "first").await;
        let (_, ready) = bob.socket(None).await;
        let sent = alice.say(&dm, "secret").await;
        let path = format!(
            "/api/v1/channels/{dm}/messages/{}",
            sent["id"].as_str().unwrap()
        );
        alice.delete(&path).await.expect(204);
        let (mut socket, _) = bob.socket(ready["seq"].as_i64()).await;
        let frame = socket.next().await;
        assert_eq!(frame["op"], "message.deleted");
        assert_eq!(frame["d"]["id"], sent["id"]);
        let (_, future) = bob.socket(Some(1_000_000)).await;
        assert_eq!(future["resumed"], false);
        let (_, negative) = bob.socket(Some(-7)).await;
        assert_eq!(negative["resumed"], false);
    });
}

#[test]
fn i8_a_client_that_does_not_read_is_closed_and_holds_up_nobody() {
    on_each_backend(async |database| {
        let world = World::start_with(&database, |c| c.limits.socket_queue_events = 16).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let (mut slow, ready) = bob.socket(None).await;
        let (mut quick, _) = alice.socket(None).await;
        let long = "x".repeat(8000);
        // Far more than the buffers of the system hold, while the slow client reads nothing.
        let mut sent = 0;
        while world.app.parts().bus.subscriptions() > 1 {
            futures_util::future::join_all((0..16).map(|_| alice.say(&dm, &long))).await;
            for _ in 0..16 {
                quick.next_op("message.created").await;
            }
            sent += 16;
            assert!(sent < 6000, "the slow client was never closed");
        }
        let mut got = 0;
        let code = loop {
            match slow.next_or_close().await {
                Ok(_) => got += 1,
                Err(code) => break code,
            }
        };
        assert!(matches!(code, 4409 | 1006), "{code}");
        assert!(got < sent);
        let (mut socket, again) = bob.socket(ready["seq"].as_i64()).await;
        assert_eq!(again["resumed"], true);
        for _ in 0..sent {
            socket.next_op("message.created").await;
        }
        socket.silent().await;
    });
}

#[test]
fn commit_to_frame_takes_little() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let offer = vec!["folkmoot.v1".to_owned(), format!("bearer.{}", bob.token)];
        let mut socket = Socket::open(&world, "/ws", &offer).await.unwrap();
        socket.next().await;
        let mut times: Vec<Duration> = Vec::new();
        for index in 0..200 {
            let told = async {
                let frame: Value = socket.next().await;
                (frame, std::time::Instant::now())
            };
            let said = async {
                let body = json!({"content": index.to_string()});
                let path = format!("/api/v1/channels/{dm}/messages");
                let began = std::time::Instant::now();
                let _answer = alice.post(&path, &body).await.expect(201);
                began
            };
            let ((frame, at), began) = tokio::join!(told, said);
            assert_eq!(frame["d"]["content"], index.to_string());
            times.push(at.duration_since(began));
        }
        times.sort();
        println!(
            "request to frame: p50 {:?}, p99 {:?}",
            times[100], times[198]
        );
        assert!(times[100] < Duration::from_millis(50), "{:?}", times[100]);
    });
}

#[test]
fn a_log_that_was_pruned_says_so() {
    use folkmoot::platform::events::{self, Retention};
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let (_, ready) = bob.socket(None).await;
        for index in 0..3 {
            alice.say(&dm, &index.to_string()).await;
        }
        let ctx = world.app.ctx();
        // A clock that is ahead makes everything old.
        let clock = federation_core::testing::ManualClock::new(
            ctx.clock().now().plus(Duration::from_hours(100)),
        );
        let retention = Retention {
            keep: Duration::from_hours(1),
            every: Duration::from_hours(1),
        };
        let stop = tokio_util::sync::CancellationToken::new();
        let clock: std::sync::Arc<dyn federation_core::Clock> = std::sync::Arc::new(clock);
        let pruning = tokio::spawn(events::prune(
            ctx.db().clone(),
            clock,
            retention,
            stop.clone(),
        ));
        let seq = ready["seq"].as_i64();
        let mut left = 50;
        while bob.socket(seq).await.1["resumed"] == true {
            left -= 1;
            assert!(left > 0, "the log was not pruned");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        stop.cancel();
        pruning.await.unwrap();
        // The newest event stays, and numbers go on.
        let (mut socket, now) = bob.socket(None).await;
        let (_, again) = bob.socket(now["seq"].as_i64()).await;
        assert_eq!(again["resumed"], true);
        alice.say(&dm, "after").await;
        let frame = socket.next_op("message.created").await;
        assert!(frame["seq"].as_i64() > now["seq"].as_i64());
    });
}
