//! Channels across servers: joined, written in from both sides, and kept in one order.

use federation_core::store::sql::Backend;
use federation_core::testing::{TestDatabase, on_each_backend};
use serde_json::{Value, json};

use super::pair::{actor, contents, fetch, handle, key, open, pair, post, until};
use crate::chat::world::{Member, World};

const JOIN: &str = "/api/v1/federation/channels/join";
pub(super) const LEAVE: &str = "/api/v1/federation/channels/leave";
pub(super) const JOINED: &str = "/api/v1/federation/channels";

/// The default community of a server and its first channel, by somebody in it.
pub(crate) async fn square(by: &Member<'_>) -> (String, String) {
    let mine = by.get("/api/v1/communities").await.expect(200);
    let community = mine["items"][0]["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/communities/{community}/channels");
    let channels = by.get(&path).await.expect(200);
    let channel = channels["items"][0]["id"].as_str().unwrap().to_owned();
    (community, channel)
}

/// Asks to be in the first channel of `host`, and waits until that is so; answers the channel here.
pub(crate) async fn join(by: &Member<'_>, host: &World) -> String {
    join_named(by, host, "general.main").await
}

/// The same for the channel of this name.
pub(super) async fn join_named(by: &Member<'_>, host: &World, name: &str) -> String {
    let whom = json!({"handle": handle(host, name)});
    let asked = by.post(JOIN, &whom).await.expect(200);
    assert!(
        asked["group"]
            .as_str()
            .unwrap()
            .starts_with(&host.url("/channels/"))
    );
    until("accepted join", async || joined(by).await).await
}

async fn joined(by: &Member<'_>) -> Option<String> {
    let all = by.get(JOINED).await.expect(200);
    let first = &all["items"][0];
    let is_in = first["state"] == "joined";
    is_in.then(|| first["channel_id"].as_str().unwrap().to_owned())
}

/// Waits until a channel says this, newest first.
pub(super) async fn reads(by: &Member<'_>, channel: &str, expected: &[&str]) {
    until("the messages in order", async || {
        let found = contents(by, channel).await;
        (found == expected).then_some(())
    })
    .await;
}

#[test]
fn a_channel_is_joined_and_both_sides_write_edit_and_delete() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (_, square) = square(&alice).await;
        alice.say(&square, "before").await;
        let mirror = join(&bob, &a).await;
        reads(&bob, &mirror, &["before"]).await;

        let (mut at_bob, _) = bob.socket(None).await;
        let said = alice.say(&square, "hello **bob**").await;
        let got = at_bob.next_op("message.created").await["d"].clone();
        assert_eq!(got["html"], "<p>hello <strong>bob</strong></p>");
        assert_eq!(got["author"]["handle"], handle(&a, "alice"));
        assert_eq!(got["channel_id"], mirror.as_str());

        let (mut at_alice, _) = alice.socket(None).await;
        let back = bob.say(&mirror, "hello alice").await;
        assert_eq!(back["delivery"][0]["state"], "queued", "{back:#}");
        let answer = at_alice.next_op("message.created").await["d"].clone();
        assert_eq!(answer["content"], "hello alice");
        assert_eq!(answer["author"]["handle"], handle(&b, "bob"));
        reads(&alice, &square, &["hello alice", "hello **bob**", "before"]).await;
        reads(&bob, &mirror, &["hello alice", "hello **bob**", "before"]).await;

        let path = |channel: &str, message: &Value| {
            let id = message["id"].as_str().unwrap();
            format!("/api/v1/channels/{channel}/messages/{id}")
        };
        let edit = json!({"content": "hello all"});
        alice.patch(&path(&square, &said), &edit).await.expect(200);
        bob.patch(&path(&mirror, &back), &edit).await.expect(200);
        reads(&bob, &mirror, &["hello all", "hello all", "before"]).await;
        reads(&alice, &square, &["hello all", "hello all", "before"]).await;

        bob.delete(&path(&mirror, &back)).await.expect(204);
        reads(&alice, &square, &["hello all", "before"]).await;
        alice.delete(&path(&square, &said)).await.expect(204);
        reads(&bob, &mirror, &["before"]).await;

        // What bob says is alice's to take out, who runs the community.
        bob.say(&mirror, "rude").await;
        reads(&alice, &square, &["rude", "before"]).await;
        let page = format!("/api/v1/channels/{square}/messages");
        let rude = alice.get(&page).await.expect(200)["items"][0].clone();
        alice.delete(&path(&square, &rude)).await.expect(204);
        reads(&bob, &mirror, &["before"]).await;
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn what_a_third_server_writes_reaches_the_second_in_the_order_of_the_first() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let third = TestDatabase::create(Backend::Sqlite);
        let c = World::start_with(&third, open).await;
        let alice = a.member("alice").await;
        let (bob, carol) = (b.member("bob").await, c.member("carol").await);
        let (_, square) = square(&alice).await;
        let at_b = join(&bob, &a).await;
        let at_c = join(&carol, &a).await;
        bob.say(&at_b, "1").await;
        reads(&carol, &at_c, &["1"]).await;
        carol.say(&at_c, "2").await;
        reads(&bob, &at_b, &["2", "1"]).await;
        for round in 3..6 {
            bob.say(&at_b, &format!("b{round}")).await;
            carol.say(&at_c, &format!("c{round}")).await;
            alice.say(&square, &format!("a{round}")).await;
        }
        let order = until("all messages", async || {
            let found = contents(&alice, &square).await;
            (found.len() == 11).then_some(found)
        })
        .await;
        let order: Vec<&str> = order.iter().map(String::as_str).collect();
        reads(&bob, &at_b, &order).await;
        reads(&carol, &at_c, &order).await;
        drop((alice, bob, carol));
        a.stop().await;
        b.stop().await;
        c.stop().await;
    });
}

#[test]
fn a_server_that_was_away_reads_everything_in_order() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (_, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        let (token, id) = (bob.token.clone(), bob.id.clone());
        drop(bob);
        let (port, data) = b.stop().await;
        for content in ["1", "2", "3"] {
            alice.say(&square, content).await;
        }
        let b = World::start_at(&other, data, port, open).await;
        let bob = b.returning(token, id);
        reads(&bob, &mirror, &["3", "2", "1"]).await;
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn a_ban_at_the_host_stops_at_once_what_its_member_says() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (community, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        bob.say(&mirror, "hi").await;
        reads(&alice, &square, &["hi"]).await;
        let page = format!("/api/v1/channels/{square}/messages");
        let page = alice.get(&page).await.expect(200);
        let known = page["items"][0]["author"]["id"].as_str().unwrap();
        let ban = format!("/api/v1/communities/{community}/bans/{known}");
        alice
            .put(&ban, &json!({"reason": "noise"}))
            .await
            .expect(200);

        // At once, whatever the other server knows of it.
        let (from, signed) = (actor(&b, "bob"), key(&b, "bob").await);
        let group = a.url(&format!("/channels/{square}"));
        let forced = json!({
            "id": format!("{from}#forced"), "type": "Create", "actor": from,
            "to": ["https://www.w3.org/ns/activitystreams#Public"], "audience": group,
            "object": {
                "id": format!("{from}/forced"), "type": "Note", "attributedTo": from,
                "content": "<p>forced</p>", "audience": group,
            },
        });
        assert_eq!(post(&a, "/inbox", &signed, &forced).await.status, 202);
        assert_eq!(contents(&alice, &square).await, ["hi"]);

        // And there it becomes something to read.
        until("refusal", async || {
            let all = bob.get(JOINED).await.expect(200);
            let state = &all["items"][0];
            (state["state"] == "refused").then(|| {
                assert_eq!(state["reason"], "refused_by_its_node");
            })
        })
        .await;
        let path = format!("/api/v1/channels/{mirror}/messages");
        let refused = bob.post(&path, &json!({"content": "again"})).await;
        refused.expect_problem(403, "missing_permission");
        assert_eq!(contents(&bob, &mirror).await, ["hi"]);

        // Who is banned is refused again.
        let whom = json!({"handle": handle(&a, "general.main")});
        bob.post(JOIN, &whom).await.expect(200);
        until("second refusal", async || {
            let all = bob.get(JOINED).await.expect(200);
            (all["items"][0]["state"] == "refused").then_some(())
        })
        .await;
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn who_leaves_is_a_member_no_longer_on_either_side() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let alice = a.member("alice").await;
        // The first member of a server runs it, and sees what it shows.
        let (carol, bob) = (b.member("carol").await, b.member("bob").await);
        let (community, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        let people = format!("/api/v1/communities/{community}/members");
        let count = async || {
            let page = alice.get(&people).await.expect(200);
            page["items"].as_array().unwrap().len()
        };
        assert_eq!(count().await, 2);
        let group = a.url(&format!("/channels/{square}"));
        bob.post(LEAVE, &json!({"uri": group})).await.expect(204);
        until("departure", async || (count().await == 1).then_some(())).await;
        let path = format!("/api/v1/channels/{mirror}/messages");
        bob.get(&path).await.expect_problem(404, "not_found");
        let shown = fetch(&a, &format!("/channels/{square}/followers"), None).await;
        assert_eq!(shown.expect(200)["totalItems"], 0);
        drop((alice, bob, carol));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn nobody_shapes_what_stands_for_a_community_of_another_server() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let mirror = join(&bob, &a).await;
        // bob owns his node, and nothing of this.
        let shown = bob
            .get(&format!("/api/v1/channels/{mirror}"))
            .await
            .expect(200);
        let community = shown["community"].as_str().unwrap();
        let path = format!("/api/v1/communities/{community}");
        let rename = bob.patch(&path, &json!({"name": "mine"})).await;
        rename.expect_problem(403, "missing_permission");
        let new = json!({"name": "mine"});
        let made = bob.post(&format!("{path}/channels"), &new).await;
        made.expect_problem(403, "missing_permission");
        bob.delete(&path).await.expect_problem(403, "owner_only");
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}
