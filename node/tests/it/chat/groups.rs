//! Conversations of more than two: who comes, who goes, and what each of them sees.

use federation_core::testing::on_each_backend;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::{Answer, Member, Socket, World};
use crate::federation::pair::{contents, until};

/// A new group; answers its id.
async fn group(maker: &Member<'_>, others: &[&str]) -> String {
    let made = maker
        .post("/api/v1/dms", &json!({"recipients": others}))
        .await
        .expect(201);
    assert_eq!(
        (&made["kind"], &made["is_group"]),
        (&json!("dm"), &json!(true))
    );
    made["id"].as_str().unwrap().to_owned()
}

fn seat(channel: &str, member: &str) -> String {
    format!("/api/v1/channels/{channel}/members/{member}")
}

/// The names of everybody in a conversation, those who have been there longest first.
async fn people(member: &Member<'_>, channel: &str) -> Vec<String> {
    let path = format!("/api/v1/channels/{channel}/members");
    let list = member.get(&path).await.expect(200);
    let names = list["items"].as_array().unwrap().iter();
    names
        .map(|one| one["user"]["username"].as_str().unwrap().to_owned())
        .collect()
}

async fn listed(member: &Member<'_>) -> Vec<Value> {
    let list = member.get("/api/v1/dms").await.expect(200);
    let items = list["items"].as_array().unwrap().iter();
    items.map(|item| item["id"].clone()).collect()
}

#[test]
fn groups_are_made_anew_and_pairs_are_one() {
    on_each_backend(async |database| {
        let world = World::start_with(&database, |c| c.limits.conversation_people = 4).await;
        let alice = world.member("alice").await;
        for name in ["bob", "carol", "dave", "erin"] {
            world.member(name).await;
        }
        let first = group(&alice, &["bob", "carol"]).await;
        assert_ne!(group(&alice, &["bob", "carol"]).await, first);
        let body = json!({"recipients": ["bob", "carol", "@bob"], "name": " Walks "});
        let keyed = async || {
            let request = alice.request(Method::POST, "/api/v1/dms").json(&body);
            Answer::of(request.header("idempotency-key", "one")).await
        };
        let made = keyed().await.expect(201);
        assert_eq!(made["name"], "Walks");
        assert_eq!(made["created_by"], alice.id.as_str());
        assert_eq!(made["participants"].as_array().unwrap().len(), 3);
        assert_eq!(
            keyed().await.json["id"],
            made["id"],
            "one request, one group"
        );

        let pair = alice.dm(&["bob"]).await;
        assert_eq!(alice.dm(&["bob"]).await, pair);
        let path = format!("/api/v1/channels/{pair}");
        assert_eq!(alice.get(&path).await.expect(200)["is_group"], false);
        let named = json!({"recipients": ["bob"], "name": "x"});
        let refused = alice.post("/api/v1/dms", &named).await;
        refused.expect_problem(422, "pair_without_name");
        for name in ["", " ", "a\u{7}", &"x".repeat(81)] {
            let body = json!({"recipients": ["bob", "carol"], "name": name});
            let refused = alice.post("/api/v1/dms", &body).await;
            refused.expect_problem(422, "invalid_name");
        }
        let many = json!({"recipients": ["bob", "carol", "dave", "erin"]});
        let refused = alice.post("/api/v1/dms", &many).await;
        refused.expect_problem(422, "too_many_recipients");
    });
}

#[test]
fn a_pair_stays_as_it_is() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let (bob, carol) = (world.member("bob").await, world.member("carol").await);
        let pair = alice.dm(&["bob"]).await;
        let add = alice.put(&seat(&pair, &carol.id), &json!({})).await;
        add.expect_problem(409, "pair_is_fixed");
        for who in ["@me", bob.id.as_str()] {
            let gone = alice.delete(&seat(&pair, who)).await;
            gone.expect_problem(409, "pair_is_fixed");
        }
        let path = format!("/api/v1/channels/{pair}");
        let renamed = alice.patch(&path, &json!({"name": "x"})).await;
        renamed.expect_problem(409, "pair_is_fixed");
        assert_eq!(people(&bob, &pair).await.len(), 2);
        let path = format!("/api/v1/channels/{pair}/members");
        carol.get(&path).await.expect_problem(404, "not_found");
        let add = carol.put(&seat(&pair, &carol.id), &json!({})).await;
        add.expect_problem(404, "not_found");
    });
}

#[test]
fn who_comes_sees_what_is_said_from_then_on() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let (bob, carol) = (world.member("bob").await, world.member("carol").await);
        let dave = world.member("dave").await;
        let group = group(&alice, &["bob", "carol"]).await;
        let (socket, ready) = dave.socket(None).await;
        drop(socket);
        let before = alice.say(&group, "before").await;
        let (mut at_bob, _) = bob.socket(None).await;
        // Anybody in it brings people in, and again changes nothing.
        for _ in 0..2 {
            carol
                .put(&seat(&group, &dave.id), &json!({}))
                .await
                .expect(204);
        }
        let added = at_bob.next().await;
        assert_eq!(added["op"], "participant.added");
        assert_eq!(added["d"]["user"]["username"], "dave");
        assert_eq!(added["d"]["by"], carol.id.as_str());
        let after = alice.say(&group, "after").await;

        // Over HTTP: the list, the message itself, a cursor, an answer to it.
        assert_eq!(contents(&dave, &group).await, ["after"]);
        assert_eq!(contents(&bob, &group).await, ["after", "before"]);
        let messages = format!("/api/v1/channels/{group}/messages");
        let (old, new) = (&before["id"], &after["id"]);
        let one = format!("{messages}/{}", old.as_str().unwrap());
        dave.get(&one).await.expect_problem(404, "not_found");
        let newer = format!("{messages}?after={}", old.as_str().unwrap());
        let refused = dave.get(&newer).await;
        refused.expect_problem(400, "unknown_cursor");
        let answer = json!({"content": "x", "reply_to": old});
        let refused = dave.post(&messages, &answer).await;
        refused.expect_problem(422, "unknown_reply_to");
        let answer = json!({"content": "hello", "reply_to": new});
        dave.post(&messages, &answer).await.expect(201);

        // Over the gateway: neither what a socket that comes back missed, nor a change of the old.
        let since = ready["seq"].as_i64();
        let (mut at_dave, ready) = dave.socket(since).await;
        assert_eq!(ready["resumed"], true);
        assert_eq!(at_dave.next().await["op"], "channel.created");
        assert_eq!(at_dave.next().await["d"]["content"], "after");
        assert_eq!(at_dave.next().await["d"]["content"], "hello");
        alice
            .patch(&one, &json!({"content": "changed"}))
            .await
            .expect(200);
        let changed = at_bob.next_op("message.updated").await;
        assert_eq!(changed["d"]["content"], "changed");
        alice.say(&group, "last").await;
        assert_eq!(at_dave.next().await["d"]["content"], "last");
        let path = format!("/ws/channels/{group}");
        let token = [format!("bearer.{}", dave.token), "folkmoot.v1".to_owned()];
        let mut resumed = token.to_vec();
        resumed.push(format!("resume.{}", since.unwrap()));
        let mut narrow = Socket::open(&world, &path, &resumed).await.unwrap();
        assert_eq!(narrow.next().await["op"], "ready");
        assert_eq!(narrow.next().await["d"]["content"], "after");
    });
}

#[test]
fn who_leaves_or_is_taken_out_sees_nothing_any_more() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let (bob, carol) = (world.member("bob").await, world.member("carol").await);
        let dave = world.member("dave").await;
        let group = group(&alice, &["bob", "carol"]).await;
        bob.put(&seat(&group, &dave.id), &json!({}))
            .await
            .expect(204);
        alice.say(&group, "all of us").await;
        let (mut at_carol, _) = carol.socket(None).await;
        let path = format!("/ws/channels/{group}");
        let token = [format!("bearer.{}", dave.token), "folkmoot.v1".to_owned()];
        let mut narrow = Socket::open(&world, &path, &token).await.unwrap();
        assert_eq!(narrow.next().await["op"], "ready");

        let refused = bob.delete(&seat(&group, &dave.id)).await;
        refused.expect_problem(403, "not_the_maker");
        alice.delete(&seat(&group, &dave.id)).await.expect(204);
        let gone = at_carol.next().await;
        assert_eq!(gone["op"], "participant.removed");
        assert_eq!(gone["d"]["reason"], "removed");
        assert_eq!(narrow.closed().await, 4404);
        let messages = format!("/api/v1/channels/{group}/messages");
        dave.get(&messages).await.expect_problem(404, "not_found");
        let write = json!({"content": "x"});
        let refused = dave.post(&messages, &write).await;
        refused.expect_problem(404, "not_found");
        let again = alice.delete(&seat(&group, &dave.id)).await;
        again.expect_problem(404, "not_found");

        carol.delete(&seat(&group, "@me")).await.expect(204);
        let own = at_carol.next().await;
        assert_eq!(own["op"], "participant.removed");
        assert_eq!(own["d"]["reason"], "left");
        alice.say(&group, "without carol").await;
        at_carol.silent().await;
        assert!(listed(&carol).await.is_empty());

        // Brought in again, they see neither what they saw nor what they missed.
        bob.put(&seat(&group, &carol.id), &json!({}))
            .await
            .expect(204);
        bob.put(&seat(&group, &dave.id), &json!({}))
            .await
            .expect(204);
        assert!(contents(&carol, &group).await.is_empty());
        assert_eq!(people(&bob, &group).await[2..], ["carol", "dave"]);

        // When the one who made it has left, the one who has been there longest takes others out.
        alice.delete(&seat(&group, "@me")).await.expect(204);
        let refused = carol.delete(&seat(&group, &dave.id)).await;
        refused.expect_problem(403, "not_the_maker");
        bob.delete(&seat(&group, &dave.id)).await.expect(204);
        assert_eq!(people(&bob, &group).await, ["bob", "carol"]);
    });
}

#[test]
fn who_comes_or_comes_back_has_nothing_unread_from_before() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let (_bob, carol) = (world.member("bob").await, world.member("carol").await);
        let dave = world.member("dave").await;
        let group = group(&alice, &["bob", "carol"]).await;
        let come = async |who: &Member<'_>| {
            let come = alice.put(&seat(&group, &who.id), &json!({})).await;
            come.expect(204);
        };
        let unread = async |who: &Member<'_>| {
            let list = who.get("/api/v1/users/@me/unread").await.expect(200);
            let items = list["items"].as_array().unwrap().iter();
            items.map(|one| one["unread"].clone()).collect::<Vec<_>>()
        };
        let told = async |who: &Member<'_>| {
            let list = who.get("/api/v1/notifications").await.expect(200);
            let count = who.get("/api/v1/notifications/count").await.expect(200);
            let items = list["items"].as_array().unwrap().iter();
            let told: Vec<Value> = items.map(|one| one["excerpt"].clone()).collect();
            assert_eq!(count["count"], told.len());
            told
        };
        let before = alice.say(&group, "before, @carol").await;
        assert_eq!(unread(&carol).await, [1]);
        assert_eq!(told(&carol).await, ["before, @carol"]);
        carol.delete(&seat(&group, "@me")).await.expect(204);
        alice.say(&group, "while they are away").await;
        for who in [&carol, &dave] {
            come(who).await;
            assert!(unread(who).await.is_empty());
            assert!(told(who).await.is_empty());
            let path = format!("/api/v1/channels/{group}/read");
            let read = json!({"message_id": before["id"]});
            let refused = who.put(&path, &read).await;
            refused.expect_problem(404, "not_found");
            let path = format!("/api/v1/channels/{group}/draft");
            let draft = json!({"content": "well", "reply_to": before["id"]});
            let refused = who.put(&path, &draft).await;
            refused.expect_problem(422, "unknown_reply_to");
        }
        // A change that names somebody who came later tells them nothing.
        let one = format!(
            "/api/v1/channels/{group}/messages/{}",
            before["id"].as_str().unwrap()
        );
        let change = json!({"content": "before, @carol and @dave"});
        alice.patch(&one, &change).await.expect(200);
        assert!(told(&carol).await.is_empty());
        assert!(told(&dave).await.is_empty());
        let after = alice.say(&group, "after").await;
        for who in [&carol, &dave] {
            assert_eq!(unread(who).await, [1]);
            assert_eq!(told(who).await, ["after"]);
        }
        // Nor does an answer tell them who wrote what they do not see.
        let (mut at_dave, _) = dave.socket(None).await;
        let messages = format!("/api/v1/channels/{group}/messages");
        for (answered, author) in [(&before, Value::Null), (&after, json!(alice.id))] {
            let answer = json!({"content": "as I said", "reply_to": answered["id"]});
            alice.post(&messages, &answer).await.expect(201);
            let told = at_dave.next_op("message.created").await;
            assert_eq!(told["d"]["answers"]["id"], answered["id"]);
            assert_eq!(told["d"]["answers"]["author_id"], author);
        }
    });
}

#[test]
fn a_group_has_a_name_and_a_bound() {
    on_each_backend(async |database| {
        let world = World::start_with(&database, |c| c.limits.conversation_people = 3).await;
        let alice = world.member("alice").await;
        let (bob, _carol) = (world.member("bob").await, world.member("carol").await);
        let dave = world.member("dave").await;
        let group = group(&alice, &["bob", "carol"]).await;
        let full = alice.put(&seat(&group, &dave.id), &json!({})).await;
        full.expect_problem(422, "too_many_recipients");
        let nobody = "0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11";
        alice.delete(&seat(&group, "@me")).await.expect(204);
        let unknown = bob.put(&seat(&group, nobody), &json!({})).await;
        unknown.expect_problem(422, "unknown_recipient");

        let path = format!("/api/v1/channels/{group}");
        let (mut at_bob, _) = bob.socket(None).await;
        let named = bob
            .patch(&path, &json!({"name": " Walks "}))
            .await
            .expect(200);
        assert_eq!(named["name"], "Walks");
        let told = at_bob.next().await;
        assert_eq!(
            (&told["op"], &told["d"]["name"]),
            (&json!("channel.updated"), &json!("Walks"))
        );
        let refused = bob.patch(&path, &json!({"name": "x".repeat(81)})).await;
        refused.expect_problem(422, "invalid_name");
        let refused = bob.patch(&path, &json!({"topic": "x"})).await;
        refused.expect_problem(422, "invalid_place");
        let unnamed = bob.patch(&path, &json!({"name": ""})).await.expect(200);
        assert!(unnamed["name"].is_null());
        let refused = alice.patch(&path, &json!({"name": "y"})).await;
        refused.expect_problem(404, "not_found");
    });
}

#[test]
fn a_hidden_conversation_comes_back_with_the_next_message() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let carol = world.member("carol").await;
        let dm = alice.dm(&["bob"]).await;
        alice.say(&dm, "one").await;
        let (mut at_bob, _) = bob.socket(None).await;
        let path = format!("/api/v1/dms/{dm}");
        carol.delete(&path).await.expect_problem(404, "not_found");
        bob.delete(&path).await.expect(204);
        assert_eq!(at_bob.next().await["op"], "channel.hidden");
        for list in ["/api/v1/dms", "/api/v1/channels"] {
            let shown = bob.get(list).await.expect(200);
            assert_eq!(shown["items"], json!([]));
        }
        assert_eq!(
            listed(&alice).await,
            [json!(dm)],
            "it is hidden from one list"
        );
        let shown = bob.get(&format!("/api/v1/channels/{dm}")).await;
        shown.expect(200);
        alice.say(&dm, "two").await;
        assert_eq!(listed(&bob).await, [json!(dm)]);
        assert_eq!(at_bob.next().await["d"]["content"], "two");
        bob.delete(&path).await.expect(204);
        assert_eq!(bob.dm(&["alice"]).await, dm, "opening it shows it");
        assert_eq!(listed(&bob).await, [json!(dm)]);
    });
}

#[test]
fn members_say_who_may_write_to_them() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let carol = world.member("carol").await;
        let me = "/api/v1/users/@me";
        let mine = bob.get(me).await.expect(200);
        assert_eq!(mine["direct_messages"], "everybody");
        let group = group(&carol, &["alice", "bob"]).await;
        let choose = async |choice: &str| {
            let body = json!({"direct_messages": choice});
            bob.patch(me, &body).await.expect(200)
        };
        assert_eq!(choose("followed").await["direct_messages"], "followed");
        let refused = bob.patch(me, &json!({"direct_messages": "x"})).await;
        refused.expect_problem(422, "invalid_body");
        let open = async |who: &Member<'_>, recipients: Value| {
            who.post("/api/v1/dms", &json!({"recipients": recipients}))
                .await
        };
        let refused = open(&alice, json!(["bob"])).await;
        refused.expect_problem(403, "not_reachable");
        let refused = open(&alice, json!(["bob", "carol"])).await;
        refused.expect_problem(403, "not_reachable");
        // What is open goes on; who left is not brought back against their will.
        alice.say(&group, "still here").await;
        bob.delete(&seat(&group, "@me")).await.expect(204);
        let refused = alice.put(&seat(&group, &bob.id), &json!({})).await;
        refused.expect_problem(403, "not_reachable");
        // Everybody here is in the community that every account is in, until they leave it.
        choose("communities").await;
        alice
            .put(&seat(&group, &bob.id), &json!({}))
            .await
            .expect(204);
        let list = alice.get("/api/v1/communities").await.expect(200);
        let id = list["items"][0]["id"].as_str().unwrap().to_owned();
        let leave = format!("/api/v1/communities/{id}/members/@me");
        carol.delete(&leave).await.expect(204);
        let refused = open(&carol, json!(["bob"])).await;
        refused.expect_problem(403, "not_reachable");
        let pair = bob.dm(&["carol"]).await;
        assert_eq!(
            carol.dm(&["bob"]).await,
            pair,
            "whom they write to may answer"
        );
    });
}

#[test]
fn an_account_that_ends_leaves_its_groups() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let _owner = world.member("owner").await;
        let alice = world.member("alice").await;
        let bob = world.member("bob").await;
        let _carol = world.member("carol").await;
        let pair = alice.dm(&["bob"]).await;
        let group = group(&alice, &["bob", "carol"]).await;
        alice.say(&group, "bye").await;
        let (mut at_bob, _) = bob.socket(None).await;
        let proof = json!({"password": "correct horse battery staple"});
        let ending = alice
            .request(Method::DELETE, "/api/v1/users/@me")
            .json(&proof);
        Answer::of(ending).await.expect(202);
        let gone = at_bob.next_op("participant.removed").await;
        assert_eq!(gone["d"]["user_id"], alice.id.as_str());
        until("the group without alice", async || {
            (people(&bob, &group).await == ["bob", "carol"]).then_some(())
        })
        .await;
        assert!(contents(&bob, &group).await.is_empty());
        assert_eq!(people(&bob, &pair).await.len(), 2, "a pair stays as it is");
    });
}
