//! Who is writing: told once to those who see the channel, and stored nowhere.

use std::sync::Arc;
use std::time::Duration;

use federation_core::testing::{ManualClock, TestDatabase, on_each_backend};
use federation_core::{Clock, SystemClock};
use folkmoot::config::Config;
use serde_json::{Value, json};

use super::world::{Member, Socket, World};
use crate::communities::village::{Village, people};

/// A server whose time stands still until it is advanced.
async fn start(database: &TestDatabase) -> (World, Arc<ManualClock>) {
    let time = Arc::new(ManualClock::new(SystemClock.now()));
    let clock: Arc<dyn Clock> = time.clone();
    let world = World::start_by(database, clock, |_config: &mut Config| {}).await;
    (world, time)
}

fn path(channel: &str) -> String {
    format!("/api/v1/channels/{channel}/typing")
}

async fn types(member: &Member<'_>, channel: &str) {
    member.post(&path(channel), &json!({})).await.expect(204);
}

/// What a socket is told of writing, up to now.
async fn told(socket: &mut Socket) -> Vec<Value> {
    let told = socket.told_before_heartbeat().await;
    let typing = told.into_iter().filter(|frame| frame["op"] == "typing");
    typing
        .map(|frame| {
            assert!(frame.get("seq").is_none(), "{frame:#}");
            frame["d"].clone()
        })
        .collect()
}

#[test]
fn those_who_see_the_channel_are_told_once_in_a_while() {
    on_each_backend(async |database| {
        let (world, time) = start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let carol = world.member("carol").await;
        let dm = alice.dm(&["bob"]).await;
        let (mut a, before) = alice.socket(None).await;
        let (mut b, _) = bob.socket(None).await;
        let (mut c, _) = carol.socket(None).await;
        let event = json!({"channel_id": dm, "user_id": alice.id});

        // However often, by request or by frame, once in five seconds.
        for _ in 0..5 {
            types(&alice, &dm).await;
            a.send(&json!({"op": "typing", "d": {"channel_id": dm}}))
                .await;
        }
        assert!(told(&mut a).await.is_empty(), "nobody is told of oneself");
        assert_eq!(told(&mut b).await, std::slice::from_ref(&event));
        time.advance(Duration::from_secs(5));
        a.send(&json!({"op": "typing", "d": {"channel_id": dm}}))
            .await;
        assert!(told(&mut a).await.is_empty());
        assert_eq!(told(&mut b).await, std::slice::from_ref(&event));

        // The message ends it: what is written next is told at once.
        types(&alice, &dm).await;
        assert!(told(&mut b).await.is_empty());
        alice.say(&dm, "there").await;
        types(&alice, &dm).await;
        assert_eq!(told(&mut b).await, [event]);

        // Nothing of it is an event: a client that comes back finds the message alone.
        let (mut again, ready) = bob.socket(before["seq"].as_i64()).await;
        assert_eq!(ready["resumed"], true);
        assert_eq!(again.next().await["op"], "message.created");
        assert!(told(&mut again).await.is_empty());

        // Nobody else learns of it, or can say it.
        assert!(told(&mut c).await.is_empty());
        let refused = carol.post(&path(&dm), &json!({})).await;
        refused.expect_problem(404, "not_found");
        c.send(&json!({"op": "typing", "d": {"channel_id": dm}}))
            .await;
        let error = c.next().await;
        assert_eq!(error["op"], "error", "{error:#}");
        assert_eq!(error["d"]["op"], "typing");
        assert_eq!(error["d"]["code"], "not_found");
        c.send(&json!({"op": "typing", "d": {"channel": dm}})).await;
        assert_eq!(c.next().await["d"]["code"], "invalid_body");
        assert!(told(&mut b).await.is_empty());
    });
}

#[test]
fn attack_who_may_not_write_is_not_told_of() {
    on_each_backend(async |database| {
        let (world, _time) = start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob"]).await;
        let [owner, ann, bob] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        village.let_in(owner, bob).await;
        let news = json!({"name": "news", "kind": "announcement"});
        let news = village.channel(owner, &news).await;
        let hidden = json!({"name": "hidden", "is_private": true});
        let hidden = village.channel(owner, &hidden).await;
        let (mut b, _) = bob.socket(None).await;

        ann.post(&path(&news), &json!({}))
            .await
            .expect_problem(403, "missing_permission");
        ann.post(&path(&hidden), &json!({}))
            .await
            .expect_problem(404, "not_found");
        types(owner, &hidden).await;
        types(ann, &village.square).await;
        let expected = json!({"channel_id": village.square, "user_id": ann.id});
        assert_eq!(told(&mut b).await, [expected]);
    });
}

#[test]
fn the_invisible_are_told_of_as_their_messages_are() {
    on_each_backend(async |database| {
        let (world, _time) = start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let body = json!({"status": "invisible"});
        let presence = "/api/v1/users/@me/presence";
        alice.put(presence, &body).await.expect(200);
        let (mut b, ready) = bob.socket(None).await;
        assert_eq!(ready["online"]["count"], 0);
        types(&alice, &dm).await;
        assert_eq!(told(&mut b).await.len(), 1);
    });
}
