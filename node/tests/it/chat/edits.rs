//! What messages said before they were edited.

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::{TestDatabase, on_each_backend};
use folkmoot::messages::actions::{self, Place};
use folkmoot::messages::model::Draft;
use folkmoot::platform::db::schema::{message_forwards, message_mentions, message_revisions};
use folkmoot::platform::events::EventLog;
use folkmoot::platform::http::error::ApiError;
use serde_json::{Value, json};

use super::world::World;
use crate::communities::village::{Village, people};
use crate::federation::pair::{handle, pair};

fn contents(page: &Value) -> Vec<(i64, String)> {
    let items = page["items"].as_array().unwrap().iter();
    let item = |item: &Value| {
        let content = item["content"].as_str().unwrap().to_owned();
        (item["revision"].as_i64().unwrap(), content)
    };
    items.map(item).collect()
}

fn revisions(said: &[(i64, &str)]) -> Vec<(i64, String)> {
    said.iter()
        .map(|(number, text)| (*number, (*text).to_owned()))
        .collect()
}

/// Rows that hang on messages, of all kinds.
async fn rows(world: &World) -> i64 {
    let count = |connection: &mut Connection| -> Result<i64, DatabaseError> {
        let revisions: i64 = message_revisions::table.count().get_result(connection)?;
        let mentions: i64 = message_mentions::table.count().get_result(connection)?;
        let forwards: i64 = message_forwards::table.count().get_result(connection)?;
        Ok(revisions + mentions + forwards)
    };
    world.app.ctx().db().read(count).await.unwrap()
}

#[test]
fn every_edit_keeps_what_was_there() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let carol = world.member("carol").await;
        let dm = alice.dm(&["bob"]).await;
        let sent = alice.say(&dm, "one").await;
        assert_eq!(sent["edits"], 0);
        let path = format!(
            "/api/v1/channels/{dm}/messages/{}",
            sent["id"].as_str().unwrap()
        );
        let history = format!("{path}/history");
        assert!(contents(&bob.get(&history).await.expect(200)).is_empty());
        for (text, edits) in [("*two*", 1), ("three @bob", 2), ("four", 3)] {
            let edited = alice.patch(&path, &json!({"content": text})).await;
            assert_eq!(edited.expect(200)["edits"], edits);
        }
        // Nothing is changed by saying the same again.
        let before = bob.get(&path).await.expect(200);
        let same = alice.patch(&path, &json!({"content": "four"})).await;
        assert_eq!(same.expect(200), before);
        let page = bob.get(&history).await.expect(200);
        let all = revisions(&[(3, "three @bob"), (2, "*two*"), (1, "one")]);
        assert_eq!(contents(&page), all);
        assert_eq!(page["items"][1]["html"], "<p><em>two</em></p>");
        assert_eq!(page["items"][2]["edited_at"], sent["created_at"]);
        let first = bob.get(&format!("{history}?limit=2")).await.expect(200);
        assert_eq!(contents(&first), all[..2].to_vec());
        let next = first["next"].as_i64().unwrap();
        let last = bob.get(&format!("{history}?limit=2&before={next}")).await;
        let last = last.expect(200);
        assert_eq!(contents(&last), all[2..].to_vec());
        assert!(last["next"].is_null(), "{last:#}");
        carol.get(&history).await.expect_problem(404, "not_found");
        let page = bob.get(&format!("/api/v1/channels/{dm}/messages")).await;
        assert_eq!(page.expect(200)["items"][0]["edits"], 3);
        assert!(rows(&world).await > 0);
        alice.delete(&path).await.expect(204);
        bob.get(&history).await.expect_problem(404, "not_found");
        assert_eq!(rows(&world).await, 0);
        world.stop().await;
    });
}

#[test]
fn the_history_of_a_message_is_bounded() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let sent = alice.say(&dm, "text 0").await;
        let id = sent["id"].as_str().unwrap();
        let place = Place {
            channel: dm.parse().unwrap(),
            message: id.parse().unwrap(),
            user: alice.id.parse().unwrap(),
            request: None,
        };
        let ctx = world.app.ctx().clone();
        let edit = move |connection: &mut Connection| -> Result<(), ApiError> {
            for number in 1..=105 {
                let log = EventLog::begin(connection)?;
                let draft = Draft::new(format!("text {number}"), 100)?;
                actions::edit(&ctx, connection, &log, &place, &draft)?;
            }
            Ok(())
        };
        world.app.ctx().db().write(edit).await.unwrap();
        let path = format!("/api/v1/channels/{dm}/messages/{id}");
        let shown = alice.get(&path).await.expect(200);
        assert_eq!(
            (&shown["edits"], &shown["content"]),
            (&json!(105), &json!("text 105"))
        );
        let page = alice.get(&format!("{path}/history?limit=100")).await;
        let kept = contents(&page.expect(200));
        assert_eq!(kept.len(), 100);
        assert_eq!(kept[0], (105, "text 104".to_owned()));
        assert_eq!(kept[98], (7, "text 6".to_owned()));
        assert_eq!(kept[99], (1, "text 0".to_owned()));
        world.stop().await;
    });
}

#[test]
fn history_is_for_those_who_may_read_back() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let said = owner.say(&village.square, "one").await;
        let path = format!(
            "/api/v1/channels/{}/messages/{}",
            village.square,
            said["id"].as_str().unwrap()
        );
        owner
            .patch(&path, &json!({"content": "two"}))
            .await
            .expect(200);
        let history = format!("{path}/history");
        let page = ann.get(&history).await.expect(200);
        assert_eq!(contents(&page), revisions(&[(1, "one")]));
        let everyone = village.everyone(owner).await;
        let body = json!({"permissions": ["view_channel", "send_messages"]});
        let role = village.path(&format!("/roles/{everyone}"));
        owner.patch(&role, &body).await.expect(200);
        ann.get(&history)
            .await
            .expect_problem(403, "missing_permission");
        world.stop().await;
    });
}

#[test]
fn edits_of_other_servers_keep_what_was_there() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (mut at_bob, _) = bob.socket(None).await;
        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        let sent = alice.say(&channel, "one").await;
        at_bob.next_op("message.created").await;
        let path = format!(
            "/api/v1/channels/{channel}/messages/{}",
            sent["id"].as_str().unwrap()
        );
        alice
            .patch(&path, &json!({"content": "two"}))
            .await
            .expect(200);
        let changed = at_bob.next_op("message.updated").await["d"].clone();
        assert_eq!(changed["edits"], 1, "{changed:#}");
        let history = format!(
            "/api/v1/channels/{}/messages/{}/history",
            changed["channel_id"].as_str().unwrap(),
            changed["id"].as_str().unwrap()
        );
        let page = bob.get(&history).await.expect(200);
        assert_eq!(contents(&page), revisions(&[(1, "one")]));
        a.stop().await;
        b.stop().await;
    });
}
