//! Who is there, as those who share a conversation or a community with them are told, over real
//! sockets.

use std::sync::Arc;
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::testing::{ManualClock, on_each_backend};
use folkmoot::accounts::presence::Presence;
use folkmoot::base::ids::UserId;
use folkmoot::presence::actions;
use futures_util::FutureExt as _;
use serde_json::{Value, json};

use crate::chat::world::{Member, Socket, World};

/// How long somebody without a socket still counts as there (docs/gateway.md, presence).
const GRACE: u64 = 5;
/// No two events of one member come within this.
const INTERVAL: Duration = Duration::from_secs(2);

fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)))
}

/// Whether `other` is there, as `viewer` is told.
async fn seen(viewer: &Member<'_>, other: &Member<'_>) -> Value {
    let path = format!("/api/v1/users/{}", other.id);
    viewer.get(&path).await.expect(200)["presence"].clone()
}

/// Moves time on, second by second, until `viewer` sees `other` as offline; how many it took.
async fn seconds_until_offline(time: &ManualClock, viewer: &Member<'_>, other: &Member<'_>) -> u64 {
    for seconds in 0..120 {
        if seen(viewer, other).await == "offline" {
            return seconds;
        }
        time.advance(Duration::from_secs(1));
    }
    panic!("they stay there");
}

/// Waits until `viewer` sees `other` like this.
async fn until_seen(viewer: &Member<'_>, other: &Member<'_>, status: &str) {
    for _ in 0..500 {
        if seen(viewer, other).await == status {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("they are not seen as {status}");
}

/// The address of the community that every account is in until it leaves.
async fn community(member: &Member<'_>) -> String {
    let found = member.get("/api/v1/communities").await.expect(200);
    let id = found["items"][0]["id"].as_str().unwrap();
    format!("/api/v1/communities/{id}")
}

/// Leaves the community of all accounts.
async fn leave(member: &Member<'_>, community: &str) {
    let path = format!("{community}/members/@me");
    member.delete(&path).await.expect(204);
}

/// Who is there, told anew after what the member may see has changed.
async fn online(socket: &mut Socket) -> Value {
    loop {
        let frame = socket.any().await;
        if frame["op"] == "online" {
            assert!(frame.get("seq").is_none(), "{frame:#}");
            return frame["d"].clone();
        }
    }
}

async fn choose(member: &Member<'_>, status: &str) -> Value {
    member
        .put("/api/v1/users/@me/presence", &json!({"status": status}))
        .await
        .expect(200)
}

async fn presences(socket: &mut Socket) -> Vec<Value> {
    let told = socket.told_before_heartbeat().await;
    let is_presence = |frame: &Value| frame["op"] == "presence";
    told.into_iter().filter(is_presence).collect()
}

#[test]
fn members_are_there_from_their_first_socket_to_their_last() {
    on_each_backend(async |database| {
        let time = clock();
        let world = World::start_by(&database, time.clone(), |_| {}).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let carol = world.member("carol").await;
        leave(&carol, &community(&alice).await).await;
        let dm = alice.dm(&["bob"]).await;
        let (mut a, ready) = alice.socket(None).await;
        assert_eq!(ready["user"]["presence"], "online");
        assert_eq!(ready["online"], json!({"count": 0, "members": []}));
        let (mut c, _) = carol.socket(None).await;

        until_seen(&bob, &alice, "online").await;
        let (first, ready) = bob.socket(None).await;
        assert_eq!(ready["online"]["members"][0]["user_id"], alice.id.as_str());
        let online = json!({"user_id": bob.id, "status": "online"});
        assert_eq!(a.presence(&bob).await, online);
        let (_another, ready) = alice.socket(None).await;
        assert_eq!(ready["online"], json!({"count": 1, "members": [online]}));
        assert_eq!(seen(&alice, &bob).await, "online");
        for path in ["/api/v1/dms", "/api/v1/channels"] {
            let list = alice.get(path).await.expect(200);
            for person in list["items"][0]["participants"].as_array().unwrap() {
                assert_eq!(person["presence"], "online", "{person:#}");
            }
        }
        // Who shares no conversation and no community with him is told nothing.
        assert_eq!(seen(&carol, &bob).await, Value::Null);
        assert_eq!(seen(&carol, &carol).await, "online");

        // One of two sockets is enough, and coming back at once shows nothing.
        let (second, _) = bob.socket(None).await;
        drop(first);
        drop(second);
        let (third, _) = bob.socket(None).await;
        time.advance(Duration::from_secs(2 * GRACE));
        choose(&bob, "idle").await;
        let idle = json!({"user_id": bob.id, "status": "idle"});
        assert_eq!(a.presence(&bob).await, idle);

        drop(third);
        let took = seconds_until_offline(&time, &alice, &bob).await;
        assert!(took >= GRACE, "after {took} s");
        let offline = json!({"user_id": bob.id, "status": "offline"});
        assert_eq!(a.presence(&bob).await, offline);
        assert_eq!(presences(&mut a).await, Vec::<Value>::new());
        assert_eq!(presences(&mut c).await, Vec::<Value>::new());

        // A socket of one channel tells who is in it.
        let path = format!("/ws/channels/{dm}");
        let offer = ["folkmoot.v1".to_owned(), format!("bearer.{}", alice.token)];
        let mut narrow = Socket::open(&world, &path, &offer).await.unwrap();
        assert_eq!(narrow.next().await["d"]["online"]["count"], 0);
        time.advance(INTERVAL);
        let (_fourth, _) = bob.socket(None).await;
        assert_eq!(narrow.presence(&bob).await, idle);
        assert_eq!(a.presence(&bob).await, idle);
    });
}

#[test]
fn those_in_one_community_are_told_of_each_other() {
    on_each_backend(async |database| {
        let time = clock();
        let world = World::start_by(&database, time.clone(), |_| {}).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let carol = world.member("carol").await;
        let main = community(&alice).await;
        leave(&carol, &main).await;
        let (mut a, _) = alice.socket(None).await;
        let (_b, _) = bob.socket(None).await;
        assert_eq!(a.presence(&bob).await["status"], "online");
        until_seen(&bob, &alice, "online").await;
        let (mut c, ready) = carol.socket(None).await;
        assert_eq!(ready["online"]["count"], 0);
        assert_eq!(seen(&carol, &bob).await, Value::Null);
        assert_eq!(seen(&bob, &carol).await, Value::Null);
        let id: UserId = carol.id.parse().unwrap();
        while world.app.parts().presence.online().status(id) == Presence::Offline {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(presences(&mut a).await, Vec::<Value>::new());

        // Who comes in is told who is there, on the socket that is open.
        let join = format!("{main}/join");
        carol.post(&join, &json!({})).await.expect(200);
        assert_eq!(online(&mut c).await["count"], 2);
        assert_eq!(seen(&carol, &bob).await, "online");
        assert_eq!(seen(&bob, &carol).await, "online");
        time.advance(INTERVAL);
        choose(&bob, "idle").await;
        assert_eq!(c.presence(&bob).await["status"], "idle");

        // A socket of one channel tells who is in its community.
        let channels = carol.get(&format!("{main}/channels")).await.expect(200);
        let general = channels["items"][0]["id"].as_str().unwrap();
        let path = format!("/ws/channels/{general}");
        let offer = ["folkmoot.v1".to_owned(), format!("bearer.{}", carol.token)];
        let mut narrow = Socket::open(&world, &path, &offer).await.unwrap();
        assert_eq!(narrow.next().await["d"]["online"]["count"], 2);
        time.advance(INTERVAL);
        choose(&bob, "dnd").await;
        assert_eq!(narrow.presence(&bob).await["status"], "dnd");
        assert_eq!(c.presence(&bob).await["status"], "dnd");

        // Who leaves is told of nobody any more.
        leave(&carol, &main).await;
        let nobody = json!({"count": 0, "members": []});
        assert_eq!(online(&mut c).await, nobody);
        assert_eq!(narrow.closed().await, 4404);
        time.advance(INTERVAL);
        choose(&bob, "online").await;
        until_seen(&alice, &bob, "online").await;
        assert_eq!(presences(&mut c).await, Vec::<Value>::new());
        assert_eq!(seen(&carol, &bob).await, Value::Null);
        world.stop().await;
    });
}

#[test]
fn attack_nobody_tells_the_invisible_from_the_absent() {
    on_each_backend(async |database| {
        let time = clock();
        let world = World::start_by(&database, time.clone(), |_| {}).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dave = world.member("dave").await;
        let dm = alice.dm(&["bob"]).await;
        alice.dm(&["dave"]).await;
        let (mut a, _) = alice.socket(None).await;
        assert_eq!(choose(&bob, "invisible").await["status"], "invisible");
        let (mut b, ready) = bob.socket(None).await;
        assert_eq!(ready["user"]["presence"], "invisible");
        assert_eq!(seen(&bob, &bob).await, "invisible");

        // He is seen as somebody who is not there, by the same members of the same JSON.
        let shown = async |member: &Member<'_>| {
            let path = format!("/api/v1/users/{}", member.id);
            let user = alice.get(&path).await.expect(200);
            assert_eq!(user["presence"], "offline", "{user:#}");
            let names = user.as_object().unwrap().keys().cloned();
            names.collect::<Vec<_>>()
        };
        assert_eq!(shown(&bob).await, shown(&dave).await);
        let list = alice.get("/api/v1/dms").await.expect(200);
        for channel in list["items"].as_array().unwrap() {
            for person in channel["participants"].as_array().unwrap() {
                let is_alice = person["id"] == alice.id.as_str();
                let expected = if is_alice { "online" } else { "offline" };
                assert_eq!(person["presence"], expected, "{person:#}");
            }
        }
        let (_another, ready) = alice.socket(None).await;
        assert_eq!(ready["online"]["count"], 0);

        // Neither what he says nor a new status, nor going and coming, tells.
        let text = json!({"status": {"text": "at work"}});
        bob.patch("/api/v1/users/@me", &text).await.expect(200);
        time.advance(INTERVAL);
        while b.presence(&bob).await["custom_status"]["text"] != "at work" {}
        bob.say(&dm, "still me").await;
        assert_eq!(a.any().await["op"], "message.created");
        drop(b);
        let (mut b, _) = bob.socket(None).await;
        time.advance(Duration::from_secs(2 * GRACE));
        b.send(&json!({"op": "presence", "d": {"status": "dnd"}}))
            .await;
        let told = a.presence(&bob).await;
        assert_eq!(told["status"], "dnd", "{told:#}");
        assert_eq!(told["custom_status"]["text"], "at work");
        time.advance(INTERVAL);
        choose(&bob, "invisible").await;
        // What his coming back had planned may have told of dnd before its own turn, which then was now.
        time.advance(INTERVAL);
        let offline = json!({"user_id": bob.id, "status": "offline"});
        assert_eq!(a.presence(&bob).await, offline);
        assert_eq!(presences(&mut a).await, Vec::<Value>::new());
    });
}

#[test]
fn a_status_that_an_operator_changes_is_told() {
    on_each_backend(async |database| {
        let time = clock();
        let world = World::start_by(&database, time.clone(), |_| {}).await;
        let (owner, bob) = (world.member("owner").await, world.member("bob").await);
        owner.dm(&["bob"]).await;
        let (mut heard, _) = owner.socket(None).await;
        let (_bob, _) = bob.socket(None).await;
        assert_eq!(heard.presence(&bob).await["status"], "online");
        time.advance(INTERVAL);
        let path = format!("/api/v1/admin/users/{}", bob.id);
        let text = json!({"status": {"text": "away for a week"}});
        owner.patch(&path, &text).await.expect(200);
        let told = heard.presence(&bob).await;
        assert_eq!(told["custom_status"]["text"], "away for a week", "{told:#}");
    });
}

#[test]
fn many_choices_become_one_event_and_wrong_ones_are_refused() {
    on_each_backend(async |database| {
        let time = clock();
        let world = World::start_by(&database, time.clone(), |_| {}).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        alice.dm(&["bob"]).await;
        let (mut a, _) = alice.socket(None).await;
        let (mut b, _) = bob.socket(None).await;
        assert_eq!(a.presence(&bob).await["status"], "online");
        for _ in 0..5 {
            for status in ["idle", "invisible", "online", "dnd"] {
                choose(&bob, status).await;
            }
        }
        assert_eq!(presences(&mut a).await, Vec::<Value>::new());
        time.advance(INTERVAL);
        assert_eq!(a.presence(&bob).await["status"], "dnd");
        // His own sockets are told what he chose.
        assert_eq!(b.presence(&bob).await["status"], "dnd");
        time.advance(INTERVAL);
        b.send(&json!({"op": "presence", "d": {"status": "online"}}))
            .await;
        assert_eq!(a.presence(&bob).await["status"], "online");

        for status in ["asleep", "offline", "ONLINE", ""] {
            let body = json!({"status": status});
            bob.put("/api/v1/users/@me/presence", &body)
                .await
                .expect_problem(422, "invalid_presence");
            b.send(&json!({"op": "presence", "d": body})).await;
            let refused = b.next().await;
            assert_eq!(refused["op"], "error", "{refused:#}");
            assert_eq!(refused["d"]["op"], "presence");
            assert_eq!(refused["d"]["code"], "invalid_presence");
            assert!(refused["d"]["detail"].is_string());
        }
        for wrong in [json!(null), json!({}), json!({"status": 7})] {
            bob.put("/api/v1/users/@me/presence", &wrong)
                .await
                .expect_problem(422, "invalid_body");
            b.send(&json!({"op": "presence", "d": wrong})).await;
            assert_eq!(b.next().await["d"]["code"], "invalid_body");
        }
        assert_eq!(seen(&bob, &bob).await, "online");
        assert_eq!(presences(&mut a).await, Vec::<Value>::new());
    });
}

#[test]
fn a_choice_is_told_when_nobody_waits_for_the_answer() {
    on_each_backend(async |database| {
        let time = clock();
        let world = World::start_by(&database, time.clone(), |_| {}).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        alice.dm(&["bob"]).await;
        let (mut a, _) = alice.socket(None).await;
        let (_b, _) = bob.socket(None).await;
        assert_eq!(a.presence(&bob).await["status"], "online");
        time.advance(INTERVAL);
        let (ctx, online) = (world.app.ctx(), world.app.parts().presence.online());
        let id: UserId = bob.id.parse().unwrap();
        // As the request of a client that hangs up: begun, then dropped.
        let _hung_up = actions::choose(ctx, online, id, "invisible").now_or_never();
        assert_eq!(a.presence(&bob).await["status"], "offline");
    });
}

#[test]
fn a_token_that_only_reads_chooses_nothing() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let body = json!({"name": "reader", "scopes": ["read"], "expires_in_days": 30});
        let made = alice.post("/api/v1/auth/tokens", &body).await.expect(201);
        let token = made["token"].as_str().unwrap().to_owned();
        let reader = world.returning(token, alice.id.clone());
        let (mut socket, _) = reader.socket(None).await;
        socket
            .send(&json!({"op": "presence", "d": {"status": "dnd"}}))
            .await;
        assert_eq!(socket.next().await["d"]["code"], "insufficient_scope");
        reader
            .put("/api/v1/users/@me/presence", &json!({"status": "dnd"}))
            .await
            .expect_problem(403, "insufficient_scope");
        assert_eq!(seen(&alice, &alice).await, "online");
    });
}

#[test]
fn nobody_is_there_after_the_server_starts_again() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        alice.dm(&["bob"]).await;
        let (mut a, _) = alice.socket(None).await;
        let (_b, _) = bob.socket(None).await;
        choose(&bob, "dnd").await;
        while a.presence(&bob).await["status"] != "dnd" {}
        let (token, id) = (alice.token.clone(), alice.id.clone());
        let (their_token, their_id) = (bob.token.clone(), bob.id.clone());
        let (port, data) = world.stop().await;
        let world = World::start_at(&database, data, port, |_| {}).await;
        let alice = world.returning(token, id);
        let bob = world.returning(their_token, their_id);
        assert_eq!(seen(&alice, &bob).await, "offline");
        let (mut a, ready) = alice.socket(None).await;
        assert_eq!(ready["online"], json!({"count": 0, "members": []}));
        // What he chose stayed.
        let (_b, _) = bob.socket(None).await;
        assert_eq!(a.presence(&bob).await["status"], "dnd");
    });
}
