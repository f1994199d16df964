//! Permission changes, kicks and bans take hold on open sockets at once (I9).

use std::time::{Duration, Instant};

use federation_core::testing::on_each_backend;
use serde_json::{Value, json};

use super::village::{Village, people};
use crate::chat::world::{Member, Socket, World};

/// The contents of the messages that come until `last` does.
async fn heard_until(socket: &mut Socket, last: &str) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let frame = socket.next_op("message.created").await;
        let content = frame["d"]["content"].as_str().unwrap().to_owned();
        if content == last {
            return heard;
        }
        heard.push(content);
    }
}

/// Whatever has come by the time a direct message does; sent after all else, it comes after it.
async fn heard_by(socket: &mut Socket, from: &Member<'_>, to: &str) -> Vec<Value> {
    let dm = from.dm(&[to]).await;
    from.say(&dm, "that is all").await;
    let mut heard = Vec::new();
    loop {
        let frame = socket.next().await;
        if frame["d"]["content"] == "that is all" {
            return heard;
        }
        heard.push(frame);
    }
}

fn contents(frames: &[Value]) -> Vec<&str> {
    let said = frames
        .iter()
        .filter(|frame| frame["op"] == "message.created");
    said.map(|frame| frame["d"]["content"].as_str().unwrap())
        .collect()
}

#[test]
fn I9_whoever_is_removed_hears_nothing_more_on_open_sockets() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob", "carl"]).await;
        let [owner, ann, bob, carl] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        for member in [ann, bob, carl] {
            village.let_in(owner, member).await;
        }
        let (mut anns, _) = ann.socket(None).await;
        let (mut bobs, _) = bob.socket(None).await;
        let (mut carls, _) = carl.socket(None).await;
        let only = format!("/ws/channels/{}", village.square);
        let protocols = ["folkmoot.v1".to_owned(), format!("bearer.{}", bob.token)];
        let mut bobs_square = Socket::open(&world, &only, &protocols).await.unwrap();
        assert_eq!(bobs_square.next().await["op"], "ready");
        owner.say(&village.square, "before").await;
        for socket in [&mut anns, &mut bobs, &mut carls, &mut bobs_square] {
            let told = socket.next_op("message.created").await;
            assert_eq!(told["d"]["content"], "before");
        }
        let began = Instant::now();
        owner
            .delete(&village.path(&format!("/members/{}", bob.id)))
            .await
            .expect(204);
        let ban = json!({"reason": "turnips"});
        owner
            .put(&village.path(&format!("/bans/{}", carl.id)), &ban)
            .await
            .expect(200);
        owner.say(&village.square, "after").await;
        assert_eq!(bobs_square.closed().await, 4404);
        assert!(
            began.elapsed() < Duration::from_secs(1),
            "{:?}",
            began.elapsed()
        );
        assert_eq!(
            bobs.next_op("community.left").await["d"]["reason"],
            "kicked"
        );
        assert_eq!(
            carls.next_op("community.left").await["d"]["reason"],
            "banned"
        );
        let heard = heard_by(&mut bobs, owner, "bob").await;
        assert!(contents(&heard).is_empty(), "{heard:#?}");
        assert!(
            heard.iter().all(|frame| frame["op"] != "member.left"),
            "{heard:#?}"
        );
        let heard = heard_by(&mut carls, owner, "carl").await;
        assert!(contents(&heard).is_empty(), "{heard:#?}");
        assert!(heard_until(&mut anns, "after").await.is_empty());
        // A kicked member may come back, a banned one may not; the same socket hears again.
        village.let_in(owner, bob).await;
        bobs.next_op("community.joined").await;
        owner.say(&village.square, "welcome").await;
        assert!(heard_until(&mut bobs, "welcome").await.is_empty());
        let code = village.invite(owner, &json!({})).await;
        let refused = carl
            .post("/api/v1/communities/join", &json!({"invite": code}))
            .await;
        refused.expect_problem(403, "banned");
        let protocols = ["folkmoot.v1".to_owned(), format!("bearer.{}", carl.token)];
        let closed = Socket::open(&world, &only, &protocols).await;
        assert_eq!(closed.err(), Some(404));
        world.stop().await;
    });
}

#[test]
fn I9_every_way_to_lose_sight_of_a_channel_reaches_open_sockets() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let everyone = village.everyone(owner).await;
        let square = format!("/api/v1/channels/{}", village.square);
        let sight = village.role(owner, "sighted", &["view_channel"]).await;
        let (hide, show) = (
            json!({"deny": ["view_channel"]}),
            json!({"allow": ["view_channel"]}),
        );
        let of_everyone = format!("{square}/overrides/roles/{everyone}");
        let of_sighted = format!("{square}/overrides/roles/{sight}");
        let of_ann = format!("{square}/overrides/members/{}", ann.id);
        let anns_sight = village.path(&format!("/members/{}/roles/{sight}", ann.id));
        let everyones = village.path(&format!("/roles/{everyone}"));
        let nothing = json!({});
        let none = json!({"permissions": []});
        let some = json!({"permissions": ["view_channel", "read_history", "send_messages"]});
        let (closes, opens) = (json!({"is_private": true}), json!({"is_private": false}));
        // Each step: what is done, and whether the channel is seen afterwards.
        let steps: [(&str, &str, &Value, bool); 13] = [
            ("PUT", &of_everyone, &hide, false),
            ("PUT", &of_sighted, &show, false),
            ("PUT", &anns_sight, &nothing, true),
            ("DELETE", &anns_sight, &nothing, false),
            ("PUT", &of_ann, &show, true),
            ("PUT", &of_ann, &hide, false),
            ("DELETE", &of_ann, &nothing, false),
            ("DELETE", &of_everyone, &nothing, true),
            ("PATCH", &everyones, &none, false),
            ("PATCH", &everyones, &some, true),
            ("PATCH", &square, &closes, false),
            ("PATCH", &square, &opens, true),
            ("DELETE", &square, &nothing, false),
        ];
        let (mut socket, _) = ann.socket(None).await;
        for (step, (method, path, body, sees)) in steps.into_iter().enumerate() {
            let done = match method {
                "PUT" => owner.put(path, body).await,
                "PATCH" => owner.patch(path, body).await,
                _ => owner.delete(path).await,
            };
            assert!(done.status < 300, "{step}: {:#}", done.json);
            let said = format!("word {step}");
            if step < 12 {
                owner.say(&village.square, &said).await;
            }
            let heard = heard_by(&mut socket, owner, "ann").await;
            let expected: &[&str] = if sees { &[said.as_str()] } else { &[] };
            assert_eq!(
                contents(&heard),
                expected,
                "{step}: {method} {path}: {heard:#?}"
            );
            let shown = ann.get(&square).await;
            assert_eq!(shown.status, if sees { 200 } else { 404 }, "{step}");
        }
        world.stop().await;
    });
}

#[test]
fn a_socket_that_gains_sight_misses_nothing_from_then_on() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let (mut socket, _) = ann.socket(None).await;
        let cellar = village
            .channel(owner, &json!({"name": "cellar", "is_private": true}))
            .await;
        owner.say(&cellar, "unheard").await;
        let member = format!("/api/v1/channels/{cellar}/members/{}", ann.id);
        owner.put(&member, &json!({})).await.expect(204);
        for number in 0..20 {
            owner.say(&cellar, &format!("{number}")).await;
        }
        let mut heard = heard_until(&mut socket, "19").await;
        // What was said just before may be told too: they may read it back by then.
        heard.retain(|text| text != "unheard");
        let expected: Vec<String> = (0..19).map(|number: u32| number.to_string()).collect();
        assert_eq!(heard, expected);
        // A new channel of everyone's is told, and what is said there at once after.
        let field = village.channel(owner, &json!({"name": "field"})).await;
        owner.say(&field, "here").await;
        assert_eq!(socket.next_op("channel.created").await["d"]["id"], *field);
        assert!(heard_until(&mut socket, "here").await.is_empty());
        world.stop().await;
    });
}

#[test]
fn who_is_silenced_still_hears() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let (mut socket, _) = ann.socket(None).await;
        let said = ann.say(&village.square, "loud").await;
        let member = village.path(&format!("/members/{}", ann.id));
        let quiet = json!({"time_out_seconds": 3600});
        let view = owner.patch(&member, &quiet).await.expect(200);
        assert!(view["timed_out_until"].is_string(), "{view:#}");
        let refused = super::village::write(ann, &village.square).await;
        refused.expect_problem(403, "timed_out");
        let path = format!(
            "/api/v1/channels/{}/messages/{}",
            village.square,
            said["id"].as_str().unwrap()
        );
        let edit = ann.patch(&path, &json!({"content": "louder"})).await;
        edit.expect_problem(403, "timed_out");
        let threads = format!("/api/v1/channels/{}/threads", village.square);
        let thread = ann.post(&threads, &json!({"name": "x"})).await;
        thread.expect_problem(403, "timed_out");
        let invite = ann.post(&village.path("/invites"), &json!({})).await;
        invite.expect_problem(403, "timed_out");
        owner.say(&village.square, "peace").await;
        assert_eq!(heard_until(&mut socket, "peace").await, ["loud"]);
        // Leaving and coming back does not end it; taking it back does.
        ann.delete(&village.path("/members/@me")).await.expect(204);
        village.let_in(owner, ann).await;
        let refused = super::village::write(ann, &village.square).await;
        refused.expect_problem(403, "timed_out");
        owner
            .patch(&member, &json!({"time_out_seconds": null}))
            .await
            .expect(200);
        super::village::write(ann, &village.square)
            .await
            .expect(201);
        world.stop().await;
    });
}
