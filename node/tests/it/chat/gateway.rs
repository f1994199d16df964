//! Sockets: identification, live events, revocation, limits.

use std::time::{Duration, Instant};

use federation_core::testing::on_each_backend;
use serde_json::{Value, json};

use super::world::{Socket, World};

/// Reads the next event, which must be this one, numbered after `last`; answers its number.
async fn told_next(socket: &mut Socket, op: &str, d: &Value, last: i64) -> i64 {
    let frame = socket.next().await;
    assert_eq!(frame["op"], op);
    assert_eq!(&frame["d"], d);
    let seq = frame["seq"].as_i64().unwrap();
    assert!(seq > last, "{seq} after {last}");
    seq
}

#[test]
fn both_members_are_told_at_once() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let ((mut a, ready), (mut b, _)) = (alice.socket(None).await, bob.socket(None).await);
        assert_eq!(ready["user"]["id"], alice.id.as_str());
        assert_eq!(ready["resumed"], false);
        let dm = alice.dm(&["bob"]).await;
        for socket in [&mut a, &mut b] {
            let frame = socket.next().await;
            assert_eq!(frame["op"], "channel.created", "{frame:#}");
            assert_eq!(frame["d"]["id"], dm.as_str());
        }
        let first = alice.say(&dm, "hello").await;
        let second = bob.say(&dm, "hi").await;
        let path = |id: &Value| format!("/api/v1/channels/{dm}/messages/{}", id.as_str().unwrap());
        let edited = alice
            .patch(&path(&first["id"]), &json!({"content": "x"}))
            .await
            .expect(200);
        // What is deleted before it was told is not told: so they read up to here first.
        let mut last = [0, 0];
        let told = [
            ("message.created", first),
            ("message.created", second.clone()),
            ("message.updated", edited),
        ];
        for (socket, last) in [&mut a, &mut b].into_iter().zip(&mut last) {
            for (op, d) in &told {
                *last = told_next(socket, op, d, *last).await;
            }
        }
        bob.delete(&path(&second["id"])).await.expect(204);
        let deleted = json!({"id": second["id"], "channel_id": dm});
        for (socket, last) in [&mut a, &mut b].into_iter().zip(last) {
            told_next(socket, "message.deleted", &deleted, last).await;
        }
        let carol = world.member("carol").await;
        let (mut c, _) = carol.socket(None).await;
        alice.say(&dm, "private").await;
        a.next_op("message.created").await;
        c.silent().await;
    });
}

#[test]
fn tokens_come_by_subprotocol_or_first_frame_and_never_by_the_address() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let offer = |token: &str| vec!["folkmoot.v1".to_owned(), format!("bearer.{token}")];
        let mut socket = Socket::open(&world, "/ws", &offer(&alice.token))
            .await
            .unwrap();
        assert_eq!(socket.next().await["op"], "ready");
        socket.send(&json!({"op": "identify", "d": {}})).await;
        assert_eq!(socket.next().await["op"], "ready");
        alice.say(&dm, "x").await;
        assert_eq!(socket.next().await["op"], "message.created");
        assert_eq!(
            Socket::open(&world, "/ws", &offer("wrong")).await.err(),
            Some(401)
        );
        let with_token = format!("/ws?token={}", alice.token);
        let mut socket = Socket::open(&world, &with_token, &[]).await.unwrap();
        socket.send(&json!({"op": "identify", "d": {}})).await;
        assert_eq!(socket.closed().await, 4401);
        for (text, code) in [
            ("{", 4400),
            (r#"{"op":"heartbeat"}"#, 4400),
            (r#"{"op":"identify","d":{"token":"wrong"}}"#, 4401),
            (&"[".repeat(17 * 1024), 1009),
        ] {
            let mut socket = Socket::open(&world, "/ws", &[]).await.unwrap();
            socket.send_text(text).await;
            assert_eq!(socket.closed().await, code, "{text}");
        }
        assert_eq!(alice.get("/ws").await.status, 426);
    });
}

#[test]
fn a_channel_socket_tells_of_one_channel() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let carol = world.member("carol").await;
        let (with_bob, with_carol) = (alice.dm(&["bob"]).await, alice.dm(&["carol"]).await);
        let path = format!("/ws/channels/{with_bob}");
        let offer = |token: &str| vec!["folkmoot.v1".to_owned(), format!("bearer.{token}")];
        let mut socket = Socket::open(&world, &path, &offer(&alice.token))
            .await
            .unwrap();
        assert_eq!(socket.next().await["op"], "ready");
        carol.say(&with_carol, "not this").await;
        bob.say(&with_bob, "this").await;
        assert_eq!(socket.next().await["d"]["content"], "this");
        assert_eq!(
            Socket::open(&world, &path, &offer(&carol.token))
                .await
                .err(),
            Some(404)
        );
        let mut socket = Socket::open(&world, &path, &[]).await.unwrap();
        socket
            .send(&json!({"op": "identify", "d": {"token": carol.token}}))
            .await;
        assert_eq!(socket.closed().await, 4404);
    });
}

#[test]
fn i9_a_revoked_session_loses_its_sockets_within_a_second() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let (mut first, _) = alice.socket(None).await;
        let (mut second, _) = alice.socket(None).await;
        let began = Instant::now();
        let body = json!({"refresh_token": alice.refresh});
        let answer = alice.post("/api/v1/auth/logout", &body).await;
        assert!(answer.status < 300, "{:#}", answer.json);
        assert_eq!(first.closed().await, 4401);
        assert_eq!(second.closed().await, 4401);
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{:?}",
            began.elapsed()
        );
        let mut socket = Socket::open(&world, "/ws", &[]).await.unwrap();
        socket
            .send(&json!({"op": "identify", "d": {"token": alice.token}}))
            .await;
        assert_eq!(socket.closed().await, 4401);
    });
}

#[test]
fn i11_sockets_and_frames_of_one_member_are_bounded() {
    on_each_backend(async |database| {
        let world = World::start_with(&database, |c| c.limits.sockets_per_user = 2).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let (mut first, _) = alice.socket(None).await;
        let (second, _) = alice.socket(None).await;
        let mut third = Socket::open(&world, "/ws", &[]).await.unwrap();
        let identify = json!({"op": "identify", "d": {"token": alice.token}});
        third.send(&identify).await;
        assert_eq!(third.closed().await, 4429);
        let _bobs = bob.socket(None).await;
        drop(second);
        tokio::time::sleep(Duration::from_millis(200)).await;
        let _again = alice.socket(None).await;
        first.send(&json!({"op": "heartbeat", "d": 7})).await;
        assert_eq!(first.next().await, json!({"op": "heartbeat.ack", "d": 7}));
        first.send_text(&"x".repeat(20_000)).await;
        assert!(matches!(first.closed().await, 1006 | 1009));
    });
}

#[test]
fn i11_frames_that_cost_more_count_for_more() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let (mut socket, _) = alice.socket(None).await;
        // With the first one they are 6 times 20 of the 120 that may come.
        let identify = json!({"op": "identify", "d": {}});
        for _ in 0..5 {
            socket.send(&identify).await;
            assert_eq!(socket.next().await["op"], "ready");
        }
        socket.send(&identify).await;
        assert_eq!(socket.closed().await, 4429);
        let (mut socket, _) = alice.socket(None).await;
        let presence = json!({"op": "presence", "d": {"status": "asleep"}});
        for _ in 0..10 {
            socket.send(&presence).await;
            assert_eq!(socket.next().await["op"], "error");
        }
        socket.send(&presence).await;
        assert_eq!(socket.closed().await, 4429);
    });
}

#[test]
fn i11_a_socket_keeps_the_place_of_its_connection() {
    on_each_backend(async |database| {
        let world = World::start_with(&database, |c| c.limits.connections = 2).await;
        // The client of the member stays connected: one place.
        let alice = world.member("alice").await;
        let (socket, _) = alice.socket(None).await;
        let third = Socket::open(&world, "/ws", &[]);
        let third = tokio::time::timeout(Duration::from_millis(300), third).await;
        assert!(third.is_err(), "a third connection was served");
        drop(socket);
        let _next = alice.socket(None).await;
    });
}

#[test]
fn a_stopping_server_says_so() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (mut socket, ready) = {
            let alice = world.member("alice").await;
            alice.socket(None).await
        };
        let stop = tokio::spawn(world.app.stop());
        let goodbye = socket.next().await;
        assert_eq!(goodbye["op"], "goodbye", "{goodbye:#}");
        assert_eq!(goodbye["d"]["resume"], ready["seq"]);
        let wait = goodbye["d"]["reconnect_after_ms"].as_u64().unwrap();
        assert!((250..5_250).contains(&wait), "{wait}");
        assert_eq!(socket.closed().await, 1001);
        assert!(stop.await.unwrap());
    });
}
