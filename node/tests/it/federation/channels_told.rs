//! What comes into channels from other servers is told, counted and judged as what is said there.

use federation_core::store::sql::Backend;
use federation_core::testing::{TestDatabase, on_each_backend};
use serde_json::{Value, json};

use super::channels::{join, reads, square};
use super::pair::{actor, contents, handle, key, open, pair, post, until};
use crate::chat::world::{Member, World};

const UNREAD: &str = "/api/v1/users/@me/unread";

pub(super) async fn unread(member: &Member<'_>, channel: &str) -> Option<Value> {
    let list = member.get(UNREAD).await.expect(200);
    let items = list["items"].as_array().unwrap();
    let found = items.iter().find(|item| item["channel_id"] == channel);
    found.cloned()
}

/// The kinds of what waits for a member, newest first.
async fn told(member: &Member<'_>) -> Vec<String> {
    let list = member.get("/api/v1/notifications").await.expect(200);
    let items = list["items"].as_array().unwrap().iter();
    items
        .map(|item| item["kind"].as_str().unwrap().to_owned())
        .collect()
}

/// The newest message of a channel.
async fn newest(member: &Member<'_>, channel: &str) -> Value {
    let path = format!("/api/v1/channels/{channel}/messages");
    member.get(&path).await.expect(200)["items"][0].clone()
}

#[test]
fn people_of_silenced_domains_are_read_in_channels_and_notify_nobody() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (_, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        let count = async |member: &Member<'_>, channel: &str, expected: usize| {
            until("so many messages", async || {
                (contents(member, channel).await.len() == expected).then_some(())
            })
            .await;
        };
        alice.say(&square, "who is there?").await;
        count(&bob, &mirror, 1).await;
        let asked = newest(&bob, &mirror).await;
        let path = format!("/api/v1/channels/{mirror}/messages");
        let answer = json!({"content": "I am", "reply_to": asked["id"]});
        let peer = "/api/v1/federation/peers/127.0.0.1";
        let set = async |severity: &str| {
            let body = json!({"severity": severity, "public_comment": "for a test"});
            alice.put(peer, &body).await.expect(200);
        };
        set("silence").await;
        bob.post(&path, &answer).await.expect(201);
        count(&alice, &square, 2).await;
        assert!(told(&alice).await.is_empty());
        set("none").await;
        bob.post(&path, &answer).await.expect(201);
        count(&alice, &square, 3).await;
        assert_eq!(told(&alice).await, ["reply"]);
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn members_are_told_and_what_is_unread_is_counted_on_both_sides() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (_, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;

        let call = format!("{} come here", handle(&b, "bob"));
        alice.say(&square, &call).await;
        let waits = until("unread message", async || unread(&bob, &mirror).await).await;
        assert_eq!(
            (&waits["unread"], &waits["mentions"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(told(&bob).await, ["mention"]);
        let got = newest(&bob, &mirror).await;
        assert_eq!(got["mentions"][0]["user_id"], bob.id.as_str(), "{got:#}");

        // Who answers has read, also while the other server has not numbered the answer.
        let path = format!("/api/v1/channels/{mirror}/messages");
        let answer = format!("{} I am", handle(&a, "alice"));
        let answer = json!({"content": answer, "reply_to": got["id"]});
        let answer = bob.post(&path, &answer).await.expect(201);
        assert_eq!(unread(&bob, &mirror).await, None);
        let waits = until("unread answer", async || unread(&alice, &square).await).await;
        assert_eq!(
            (&waits["unread"], &waits["mentions"]),
            (&json!(1), &json!(1))
        );
        assert_eq!(told(&alice).await.len(), 1);

        // Nor does the number of the answer hide what is said after it.
        for count in 1..=2 {
            alice.say(&square, &format!("more {count}")).await;
            until("one more unread", async || {
                let waits = unread(&bob, &mirror).await?;
                (waits["unread"] == count).then_some(())
            })
            .await;
        }
        let marker = format!("/api/v1/channels/{mirror}/read");
        let first = json!({"message_id": answer["id"]});
        assert_eq!(bob.put(&marker, &first).await.expect(200)["unread"], 2);
        let last = json!({"message_id": newest(&bob, &mirror).await["id"]});
        assert_eq!(bob.put(&marker, &last).await.expect(200)["unread"], 0);
        assert_eq!(unread(&bob, &mirror).await, None);
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn what_is_not_numbered_yet_is_there_for_its_author_alone() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let carol = b.member("carol").await;
        let (_, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        assert_eq!(join(&carol, &a).await, mirror);
        let (alices, id) = (alice.token.clone(), alice.id.clone());
        drop(alice);
        let (port, data) = a.stop().await;
        let said = bob.say(&mirror, "into the dark").await;
        assert_eq!(contents(&bob, &mirror).await, ["into the dark"]);
        assert!(contents(&carol, &mirror).await.is_empty());
        assert_eq!(unread(&carol, &mirror).await, None);
        let marker = format!("/api/v1/channels/{mirror}/read");
        let read = json!({"message_id": said["id"]});
        let refused = carol.put(&marker, &read).await;
        refused.expect_problem(404, "not_found");
        // Its author's marker stays behind it, so that nothing before its place is passed over.
        assert_eq!(bob.put(&marker, &read).await.expect(200)["unread"], 0);

        let a = World::start_at(&database, data, port, open).await;
        let alice = a.returning(alices, id);
        reads(&alice, &square, &["into the dark"]).await;
        let waits = until("numbered message", async || unread(&carol, &mirror).await).await;
        assert_eq!(waits["unread"], 1);
        assert_eq!(unread(&bob, &mirror).await, None);
        alice.say(&square, "light").await;
        reads(&bob, &mirror, &["light", "into the dark"]).await;
        drop((alice, bob, carol));
        a.stop().await;
        b.stop().await;
        drop(other);
    });
}

#[test]
fn rules_of_the_host_judge_what_members_of_other_servers_say() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (community, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        let rules = format!("/api/v1/communities/{community}/rules");
        let rule = json!({
            "name": "no turnips", "kind": "word", "pattern": "turnip",
            "action": "block", "reason": "No turnips here.",
        });
        alice.post(&rules, &rule).await.expect(201);
        bob.say(&mirror, "a turnip").await;
        let said = bob.say(&mirror, "a carrot").await;
        reads(&alice, &square, &["a carrot"]).await;

        // An edit that is refused takes the message out, on both sides.
        let path = format!(
            "/api/v1/channels/{mirror}/messages/{}",
            said["id"].as_str().unwrap()
        );
        let edit = json!({"content": "a turnip after all"});
        bob.patch(&path, &edit).await.expect(200);
        reads(&alice, &square, &[]).await;
        until("removal", async || {
            (bob.get(&path).await.status == 404).then_some(())
        })
        .await;
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn rules_of_a_server_judge_what_channels_of_others_bring() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (_, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        let rule = json!({
            "name": "no turnips", "kind": "word", "pattern": "turnip",
            "action": "block", "reason": "No turnips here.",
        });
        bob.post("/api/v1/moderation/rules", &rule)
            .await
            .expect(201);
        for content in ["a turnip", "a carrot"] {
            alice.say(&square, content).await;
        }
        reads(&bob, &mirror, &["a carrot"]).await;
        reads(&alice, &square, &["a carrot", "a turnip"]).await;
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn what_is_said_in_a_channel_changes_by_way_of_the_channel_alone() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (_, square) = square(&alice).await;
        let mirror = join(&bob, &a).await;
        let said = bob.say(&mirror, "one").await;
        reads(&alice, &square, &["one"]).await;
        // Past the rules of the channel, as if it were a direct message.
        let (from, whom) = (actor(&b, "bob"), actor(&a, "alice"));
        let aside = json!({
            "id": format!("{from}#aside"), "type": "Update", "actor": from, "to": [whom],
            "object": {
                "id": said["uri"], "type": "Note", "attributedTo": from, "to": [whom],
                "content": "<p>two</p>", "updated": "2100-01-01T00:00:00Z",
            },
        });
        let signed = key(&b, "bob").await;
        assert_eq!(post(&a, "/inbox", &signed, &aside).await.status, 202);
        assert_eq!(contents(&alice, &square).await, ["one"]);
        drop((alice, bob));
        a.stop().await;
        b.stop().await;
    });
}

/// The reactions to the newest message of a channel, as emoji and how many.
async fn reactions(member: &Member<'_>, channel: &str) -> Vec<(String, i64)> {
    let message = newest(member, channel).await;
    let found = message["reactions"].as_array().unwrap().iter();
    let one = |it: &Value| {
        let emoji = it["emoji"].as_str().unwrap().to_owned();
        (emoji, it["count"].as_i64().unwrap())
    };
    found.map(one).collect()
}

/// Where an emoji is put on the newest message of a channel.
async fn place(member: &Member<'_>, channel: &str, emoji: &str) -> String {
    let message = newest(member, channel).await;
    let id = message["id"].as_str().unwrap();
    format!("/api/v1/channels/{channel}/messages/{id}/reactions/{emoji}")
}

#[test]
fn reactions_pass_through_the_channel_to_every_server() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let third = TestDatabase::create(Backend::Sqlite);
        let c = World::start_with(&third, open).await;
        let alice = a.member("alice").await;
        let (bob, carol) = (b.member("bob").await, c.member("carol").await);
        let (_, square) = square(&alice).await;
        let at_b = join(&bob, &a).await;
        let at_c = join(&carol, &a).await;
        alice.say(&square, "hello").await;
        reads(&bob, &at_b, &["hello"]).await;
        reads(&carol, &at_c, &["hello"]).await;
        let thumb = "\u{1f44d}";
        let seen = async |count: Option<i64>| {
            let expected: Vec<(String, i64)> = count
                .map(|count| (thumb.to_owned(), count))
                .into_iter()
                .collect();
            for (member, channel) in [(&alice, &square), (&bob, &at_b), (&carol, &at_c)] {
                until("the reactions", async || {
                    let found = reactions(member, channel).await;
                    (found == expected).then_some(())
                })
                .await;
            }
        };
        let bobs = place(&bob, &at_b, thumb).await;
        bob.put(&bobs, &json!({})).await.expect(204);
        seen(Some(1)).await;
        let alices = place(&alice, &square, thumb).await;
        alice.put(&alices, &json!({})).await.expect(204);
        seen(Some(2)).await;
        bob.delete(&bobs).await.expect(204);
        seen(Some(1)).await;
        alice.delete(&alices).await.expect(204);
        seen(None).await;
        drop((alice, bob, carol));
        a.stop().await;
        b.stop().await;
        c.stop().await;
    });
}
