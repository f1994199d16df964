//! What a client shows first, the light form, and figures for dashboards.

use std::sync::Arc;
use std::time::Duration;

use federation_core::testing::{ManualClock, on_each_backend};
use federation_core::{Clock, SystemClock};
use serde_json::{Value, json};

use super::world::{Member, Socket, World};

async fn identify(member: &Member<'_>, d: &Value) -> (Socket, Value) {
    let mut socket = Socket::open(member.world, "/ws", &[]).await.unwrap();
    let mut d = d.clone();
    d["token"] = json!(member.token);
    socket.send(&json!({"op": "identify", "d": d})).await;
    let ready = socket.next().await;
    assert_eq!(ready["op"], "ready", "{ready:#}");
    (socket, ready["d"].clone())
}

#[test]
fn the_latest_messages_of_the_latest_channels_come_with_ready() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let mut conversations = Vec::new();
        for name in ["bob", "carol", "dora"] {
            world.member(name).await;
            conversations.push(alice.dm(&[name]).await);
        }
        let empty = alice.dm(&["bob", "carol"]).await;
        for (index, dm) in conversations.iter().enumerate() {
            for message in 0..3 {
                alice.say(dm, &format!("{index}.{message}")).await;
            }
        }
        // The oldest conversation is the one written in last.
        alice.say(&conversations[0], "last").await;
        let (_, plain) = alice.socket(None).await;
        assert!(plain.get("welcome").is_none());
        let wanted = json!({"welcome": {"channels": 2, "messages": 2}});
        let (mut socket, ready) = identify(&alice, &wanted).await;
        let welcome = ready["welcome"]["channels"].as_array().unwrap();
        let shown: Vec<(&str, Vec<&str>)> = welcome
            .iter()
            .map(|part| {
                let messages = part["messages"].as_array().unwrap();
                let texts = messages.iter().map(|m| m["content"].as_str().unwrap());
                (part["channel_id"].as_str().unwrap(), texts.collect())
            })
            .collect();
        let expected = [
            (conversations[0].as_str(), vec!["last", "0.2"]),
            (conversations[2].as_str(), vec!["2.2", "2.1"]),
        ];
        assert_eq!(shown, expected);
        let page = format!("/api/v1/channels/{}/messages?limit=2", conversations[0]);
        let page = alice.get(&page).await.expect(200);
        assert_eq!(welcome[0]["messages"], page["items"]);
        assert_eq!(welcome[0]["next"], page["next"]);
        let said = alice.say(&empty, "now").await;
        assert_eq!(socket.next_op("message.created").await["d"], said);

        // More than there may be counts as what there may be.
        let all = json!({"welcome": {"channels": 9999, "messages": 9999}});
        let (_, ready) = identify(&alice, &all).await;
        assert_eq!(ready["welcome"]["channels"].as_array().unwrap().len(), 4);
        // A stranger's conversations are no part of it.
        let erin = world.member("erin").await;
        let (_, ready) = identify(&erin, &all).await;
        assert_eq!(ready["welcome"]["channels"], json!([]));
    });
}

#[test]
fn small_clients_are_told_the_least() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        alice.say(&dm, "before").await;
        let (_full, _) = alice.socket(None).await;
        let wanted = json!({"light": true, "welcome": {"channels": 1, "messages": 1}});
        let (mut socket, ready) = identify(&bob, &wanted).await;
        assert_eq!(ready["online"]["members"], json!([]));
        let keys = |message: &Value| -> Vec<String> {
            message.as_object().unwrap().keys().cloned().collect()
        };
        let kept = [
            "id",
            "channel_id",
            "author_id",
            "content",
            "created_at",
            "edited_at",
            "reply_to",
        ];
        let welcomed = &ready["welcome"]["channels"][0]["messages"][0];
        assert_eq!(keys(welcomed), kept);
        assert_eq!(welcomed["content"], "before");
        let said = alice.say(&dm, "**now**").await;
        let frame = socket.any().await;
        assert_eq!(frame["op"], "message.created", "{frame:#}");
        assert_eq!(keys(&frame["d"]), kept);
        assert_eq!(frame["d"]["author_id"], alice.id.as_str());
        assert_eq!(frame["d"]["content"], "**now**");
        // Who comes back is told the same.
        let seq = frame["seq"].as_i64().unwrap();
        let wanted = json!({"light": true, "resume": seq - 1});
        let (mut again, ready) = identify(&bob, &wanted).await;
        assert_eq!(ready["resumed"], true);
        assert_eq!(again.any().await, frame);
        // Beside it a full socket of the same member is told everything.
        let (mut full, _) = bob.socket(Some(seq - 1)).await;
        assert_eq!(full.next().await["d"], said);
    });
}

#[test]
fn figures_are_for_those_who_may_see_them() {
    on_each_backend(async |database| {
        let time = Arc::new(ManualClock::new(SystemClock.now()));
        let clock: Arc<dyn Clock> = time.clone();
        let world = World::start_by(&database, clock, |_config| {}).await;
        let (owner, bob) = (world.member("owner").await, world.member("bob").await);
        let dm = owner.dm(&["bob"]).await;
        let (mut socket, _) = owner.socket(None).await;
        let (mut other, _) = bob.socket(None).await;
        let wanted = json!({"op": "subscribe", "d": {"topics": ["analytics"]}});
        other.send(&wanted).await;
        let refused = other.next_op("error").await;
        assert_eq!(refused["d"]["op"], "subscribe");
        assert_eq!(refused["d"]["code"], "forbidden");
        let unknown = json!({"op": "subscribe", "d": {"topics": ["weather"]}});
        socket.send(&unknown).await;
        let refused = socket.next_op("error").await;
        assert_eq!(refused["d"]["code"], "unknown_topic");

        socket.send(&wanted).await;
        let told = socket.told_before_heartbeat().await;
        assert!(told.iter().all(|frame| frame["op"] != "analytics"));
        for _ in 0..3 {
            owner.say(&dm, "x").await;
            socket.next_op("message.created").await;
        }
        // Time stands still: nothing comes, however long one waits for it.
        socket.silent().await;
        let figures = figures(&mut socket, &time).await;
        assert!(figures.get("seq").is_none());
        assert_eq!(figures["d"]["sockets"], 2);
        assert_eq!(figures["d"]["messages_per_minute"], 3);
        let top = json!([{"channel_id": dm, "messages": 3}]);
        assert_eq!(figures["d"]["top_channels"], top);
        assert!(figures["d"]["members_online"].is_u64());

        // Who takes it back is told no more.
        let nothing = json!({"op": "subscribe", "d": {"topics": []}});
        socket.send(&nothing).await;
        socket.told_before_heartbeat().await;
        for _ in 0..4 {
            time.advance(Duration::from_secs(5));
            let told = socket.told_before_heartbeat().await;
            assert!(told.iter().all(|frame| frame["op"] != "analytics"));
        }
    });
}

/// The next figures, as soon as time goes on.
async fn figures(socket: &mut Socket, time: &ManualClock) -> Value {
    // The next step may have been planned before what is counted was told.
    for _ in 0..10 {
        time.advance(Duration::from_secs(5));
        let told = socket.told_before_heartbeat().await;
        if let Some(frame) = told.into_iter().find(|frame| frame["op"] == "analytics") {
            return frame;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("no figures came");
}
