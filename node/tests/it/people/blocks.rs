//! Blocks and mutes of people, seen from both sides.

use federation_core::testing::on_each_backend;
use serde_json::{Value, json};

use crate::chat::world::{Answer, Member, World};

async fn set(by: &Member<'_>, what: &str, whom: &Member<'_>) -> Value {
    let path = format!("/api/v1/users/@me/{what}/{}", whom.id);
    by.put(&path, &json!({})).await.expect(200)
}

async fn lift(by: &Member<'_>, what: &str, whom: &Member<'_>) {
    let path = format!("/api/v1/users/@me/{what}/{}", whom.id);
    by.delete(&path).await.expect(204);
}

async fn write(by: &Member<'_>, channel: &str) -> Answer {
    let path = format!("/api/v1/channels/{channel}/messages");
    by.post(&path, &json!({"content": "hear me"})).await
}

async fn follow(by: &Member<'_>, name: &str) -> Answer {
    let body = json!({"handle": name});
    by.post("/api/v1/federation/follow", &body).await
}

async fn followers(of: &Member<'_>) -> usize {
    let list = of.get("/api/v1/federation/followers").await.expect(200);
    list["items"].as_array().unwrap().len()
}

async fn told(member: &Member<'_>) -> usize {
    let list = member.get("/api/v1/notifications").await.expect(200);
    list["items"].as_array().unwrap().len()
}

async fn unread(member: &Member<'_>) -> Vec<Value> {
    let list = member.get("/api/v1/users/@me/unread").await.expect(200);
    list["items"].as_array().unwrap().clone()
}

#[test]
fn a_block_keeps_two_people_apart_and_says_so_to_one_of_them_alone() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        write(&bob, &dm).await.expect(201);
        for (who, whom) in [(&alice, "bob"), (&bob, "alice")] {
            follow(who, whom).await.expect(200);
        }
        assert_eq!(told(&alice).await, 2);
        let (mut laptop, _) = alice.socket(None).await;
        let (mut bobs, _) = bob.socket(None).await;
        let block = set(&alice, "blocks", &bob).await;
        assert_eq!(block["user"]["id"], bob.id.as_str());
        assert_eq!(block["kind"], "block");
        assert_eq!(set(&alice, "blocks", &bob).await, block);
        let heard = laptop.next().await;
        assert_eq!(heard["op"], "block.updated");
        assert_eq!(heard["d"]["user_id"], bob.id.as_str());
        bobs.silent().await;
        assert_eq!(told(&alice).await, 0);
        assert_eq!((followers(&alice).await, followers(&bob).await), (0, 0));
        let to = |name: &str| json!({"recipients": [name]});
        let opened = bob.post("/api/v1/dms", &to("alice")).await;
        opened.expect_problem(403, "not_accepting");
        write(&bob, &dm).await.expect_problem(403, "not_accepting");
        follow(&bob, "alice")
            .await
            .expect_problem(403, "not_accepting");
        let opened = alice.post("/api/v1/dms", &to("bob")).await;
        opened.expect_problem(403, "blocked_by_you");
        write(&alice, &dm)
            .await
            .expect_problem(403, "blocked_by_you");
        follow(&alice, "bob")
            .await
            .expect_problem(403, "blocked_by_you");
        let list = alice.get("/api/v1/users/@me/blocks").await.expect(200);
        assert_eq!(list["items"], json!([block]));
        let list = bob.get("/api/v1/users/@me/blocks").await.expect(200);
        assert_eq!(list["items"], json!([]));
        lift(&alice, "blocks", &bob).await;
        let path = format!("/api/v1/users/@me/blocks/{}", bob.id);
        alice.get(&path).await.expect_problem(404, "not_found");
        write(&bob, &dm).await.expect(201);
        follow(&bob, "alice").await.expect(200);
        let path = format!("/api/v1/users/@me/blocks/{}", alice.id);
        let oneself = alice.put(&path, &json!({})).await;
        oneself.expect_problem(422, "cannot_block_oneself");
    });
}

#[test]
fn a_block_keeps_marks_off_what_was_said_between_the_two() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let messages = format!("/api/v1/channels/{dm}/messages");
        let poll = json!({"options": ["yes", "no"], "ends_in": 600});
        let body = json!({"content": "Shall we?", "poll": poll});
        let said = alice.post(&messages, &body).await.expect(201);
        let message = format!("{messages}/{}", said["id"].as_str().unwrap());
        let pin = format!(
            "/api/v1/channels/{dm}/pins/{}",
            said["id"].as_str().unwrap()
        );
        let reaction = format!("{message}/reactions/\u{1f44d}");
        let (none, first) = (json!({}), json!({"choices": [0]}));
        let votes = format!("{message}/poll/votes");
        bob.put(&reaction, &none).await.expect(204);
        bob.put(&votes, &first).await.expect(200);
        set(&alice, "blocks", &bob).await;
        let (mut socket, _) = alice.socket(None).await;
        let other = format!("{message}/reactions/\u{1f525}");
        let second = json!({"choices": [1]});
        for (who, code) in [(&bob, "not_accepting"), (&alice, "blocked_by_you")] {
            for (path, body) in [(&other, &none), (&votes, &second), (&pin, &none)] {
                who.put(path, body).await.expect_problem(403, code);
            }
        }
        let typing = format!("/api/v1/channels/{dm}/typing");
        bob.post(&typing, &none).await.expect(204);
        socket.silent().await;
        // What is there can be taken back.
        bob.delete(&reaction).await.expect(204);
        bob.delete(&votes).await.expect(200);
    });
}

#[test]
fn a_group_goes_on_and_the_blocked_one_is_not_told_of() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let carol = world.member("carol").await;
        let group = carol.dm(&["alice", "bob"]).await;
        set(&alice, "blocks", &bob).await;
        write(&bob, &group).await.expect(201);
        assert_eq!(told(&alice).await, 0);
        assert!(unread(&alice).await.is_empty());
        write(&carol, &group).await.expect(201);
        assert_eq!(told(&alice).await, 1);
        assert_eq!(unread(&alice).await[0]["unread"], 1);
        // A new group with both is not opened by one of them.
        let body = json!({"recipients": ["alice", "carol"]});
        let dave = world.member("dave").await;
        dave.post("/api/v1/dms", &body).await.expect(201);
        let opened = bob.post("/api/v1/dms", &body).await;
        opened.expect_problem(403, "not_accepting");
    });
}

#[test]
fn a_mute_is_silence_and_nothing_else() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        set(&alice, "mutes", &bob).await;
        let (mut socket, _) = alice.socket(None).await;
        write(&bob, &dm).await.expect(201);
        follow(&bob, "alice").await.expect(200);
        // The message comes, and nothing is told of it.
        assert_eq!(socket.next().await["op"], "message.created");
        assert_eq!(told(&alice).await, 0);
        assert!(unread(&alice).await.is_empty());
        write(&alice, &dm).await.expect(201);
        assert_eq!(told(&bob).await, 1);
        assert_eq!(unread(&bob).await[0]["unread"], 1);
        assert_eq!(followers(&alice).await, 1);
        lift(&alice, "mutes", &bob).await;
        write(&bob, &dm).await.expect(201);
        assert_eq!(told(&alice).await, 1);
    });
}
