//! Many messages deleted at once, and messages that are sent later.

use std::sync::Arc;
use std::time::Duration;

use federation_core::testing::{ManualClock, on_each_backend};
use federation_core::{Clock as _, SystemClock, Timestamp};
use serde_json::{Value, json};

use crate::chat::world::World;
use crate::communities::village::{Village, people};
use crate::federation::pair::{contents, until};

#[test]
fn many_messages_are_deleted_at_once_by_those_who_may() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob"]).await;
        let [owner, ann, bob] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        for member in [ann, bob] {
            village.let_in(owner, member).await;
        }
        let mut ids = Vec::new();
        for number in 0..5 {
            let said = ann.say(&village.square, &format!("turnip {number}")).await;
            ids.push(said["id"].clone());
        }
        bob.say(&village.square, "enough").await;
        let path = format!("/api/v1/channels/{}/messages/bulk-delete", village.square);
        let some = json!({"ids": [ids[0], ids[1]]});
        let refused = bob.post(&path, &some).await;
        refused.expect_problem(403, "missing_permission");
        let (mut socket, _) = bob.socket(None).await;
        assert_eq!(owner.post(&path, &some).await.expect(200)["deleted"], 2);
        let log = owner.get(&village.path("/audit-log")).await.expect(200);
        let before = &log["items"][0]["before"];
        assert_eq!(before["authors"], json!([ann.id]), "{log:#}");
        assert_eq!(owner.post(&path, &some).await.expect(200)["deleted"], 0);
        let mut told: Vec<Value> = Vec::new();
        for _ in 0..2 {
            told.push(socket.next_op("message.deleted").await["d"]["id"].clone());
        }
        assert!(told.contains(&ids[0]) && told.contains(&ids[1]), "{told:?}");
        let since = Timestamp::from_millis(SystemClock.now().as_millis() - 3_600_000);
        let of_ann = json!({"author": ann.id, "since": since.to_rfc3339()});
        assert_eq!(owner.post(&path, &of_ann).await.expect(200)["deleted"], 3);
        assert_eq!(contents(bob, &village.square).await, ["enough"]);
        for bad in [
            json!({}),
            json!({"ids": []}),
            json!({"ids": [ids[0]], "author": ann.id}),
            json!({"author": ann.id, "since": "2020-01-01T00:00:00Z"}),
        ] {
            let refused = owner.post(&path, &bad).await;
            refused.expect_problem(422, "invalid_selection");
        }
        let log = owner.get(&village.path("/audit-log")).await.expect(200);
        assert_eq!(log["items"][0]["action"], "message.bulk_delete");
        assert_eq!(log["items"][0]["before"]["count"], 3, "{log:#}");
        world.stop().await;
    });
}

#[test]
fn a_message_is_sent_at_its_time_once_and_as_its_author_may_then() {
    on_each_backend(async |database| {
        let clock = Arc::new(ManualClock::new(SystemClock.now()));
        let world = World::start_by(&database, clock.clone(), |_config| {}).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob"]).await;
        let [owner, ann, bob] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        for member in [ann, bob] {
            village.let_in(owner, member).await;
        }
        let path = format!("/api/v1/channels/{}/scheduled", village.square);
        let at = |minutes: u64| {
            let at = clock.now().plus(Duration::from_mins(minutes));
            at.to_rfc3339()
        };
        let new = |content: &str, minutes| json!({"content": content, "at": at(minutes)});
        let first = ann.post(&path, &new("first", 5)).await.expect(201);
        let second = ann.post(&path, &new("second", 6)).await.expect(201);
        bob.post(&path, &new("of bob", 5)).await.expect(201);
        for bad in [
            json!({"content": "x", "at": "2020-01-01T00:00:00Z"}),
            new("x", 60 * 24 * 400),
        ] {
            let refused = ann.post(&path, &bad).await;
            refused.expect_problem(422, "invalid_time");
        }
        let one = |made: &Value| format!("{path}/{}", made["id"].as_str().unwrap());
        bob.delete(&one(&first))
            .await
            .expect_problem(404, "not_found");
        let changed = json!({"content": "the first"});
        ann.patch(&one(&first), &changed).await.expect(200);
        // Bob is put out, and says no more; the second comes to be refused by a rule.
        let bobs = village.path(&format!("/members/{}", bob.id));
        owner.delete(&bobs).await.expect(204);
        let rule = json!({
            "name": "no seconds", "kind": "word", "pattern": "second",
            "action": "block", "reason": "No.",
        });
        owner.post(&village.path("/rules"), &rule).await.expect(201);
        clock.advance(Duration::from_mins(10));
        // Any commit wakes the worker.
        owner.say(&village.square, "good morning").await;
        until("message", async || {
            let said = contents(owner, &village.square).await;
            said.contains(&"the first".to_owned()).then_some(())
        })
        .await;
        let left = until("refusal", async || {
            let left = ann.get(&path).await.expect(200);
            (left["items"][0]["state"] == "failed").then_some(left)
        })
        .await;
        assert_eq!(left["items"].as_array().unwrap().len(), 1, "{left:#}");
        assert_eq!(left["items"][0]["failure"], "content_refused");
        let mut said = contents(owner, &village.square).await;
        said.sort();
        assert_eq!(said, ["good morning", "the first"]);
        ann.delete(&one(&second)).await.expect(204);
        world.stop().await;
    });
}
