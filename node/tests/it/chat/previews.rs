//! What messages show of the pages that they link to, from a real site on this machine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;
use federation_core::clock::Clock as _;
use federation_core::store::sql::{Backend, Connection, DatabaseError};
use federation_core::testing::{ManualClock, TestDatabase, on_each_backend};
use federation_core::{SystemClock, Timestamp};
use folkmoot::config::Config;
use folkmoot::platform::db::schema::{message_previews, previews};
use serde_json::{Value, json};

use super::site::Site;
use super::world::{Member, World};
use crate::communities::village::{Village, people};
use crate::federation::pair::{conversation, handle, open, until};

/// Lets a server fetch pages from this machine.
fn fetching(config: &mut Config) {
    open(config);
    config.previews.enabled = true;
}

/// The address of a message.
fn place(message: &Value) -> String {
    format!(
        "/api/v1/channels/{}/messages/{}",
        message["channel_id"].as_str().unwrap(),
        message["id"].as_str().unwrap()
    )
}

/// The previews of a message, once there are as many as expected.
async fn shown(by: &Member<'_>, message: &Value, count: usize) -> Value {
    until("previews", async || {
        let shown = by.get(&place(message)).await.expect(200);
        let found = shown["previews"].clone();
        (found.as_array().unwrap().len() == count).then_some(found)
    })
    .await
}

/// What is known of each page, once nothing waits any more.
async fn pages(world: &World) -> BTreeMap<String, (String, Option<String>)> {
    type Row = (String, String, Option<String>, Option<i64>);
    until("pages", async || {
        let read = |connection: &mut Connection| -> Result<Vec<Row>, DatabaseError> {
            let columns = (
                previews::url,
                previews::state,
                previews::title,
                previews::due_at,
            );
            Ok(previews::table.select(columns).load(connection)?)
        };
        let rows = world.app.ctx().db().read(read).await.unwrap();
        let is_settled = rows.iter().all(|(_, _, _, due_at)| due_at.is_none());
        let page = |(url, state, title, _): Row| {
            let path = url.splitn(4, '/').nth(3).unwrap_or_default().to_owned();
            (path, (state, title))
        };
        is_settled.then(|| rows.into_iter().map(page).collect())
    })
    .await
}

/// Rows of messages that show pages or wait for them.
async fn rows(world: &World) -> i64 {
    let count = |connection: &mut Connection| -> Result<i64, DatabaseError> {
        Ok(message_previews::table.count().get_result(connection)?)
    };
    world.app.ctx().db().read(count).await.unwrap()
}

#[test]
fn a_page_is_shown_with_the_messages_that_link_to_it() {
    on_each_backend(async |database| {
        let site = Site::start().await;
        let time = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)));
        let world = World::start_by(&database, time.clone(), fetching).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let (mut socket, _) = bob.socket(None).await;
        let text = format!("see {} and {}", site.url("/page#part"), site.url("/hop"));
        let sent = alice.say(&dm, &text).await;
        assert_eq!(sent["previews"], json!([]));
        let page = shown(&bob, &sent, 2).await;
        assert_eq!(
            page[0],
            json!({
                "url": site.url("/page#part"),
                "title": "Tea & cake",
                "description": "How <b>we</b> drink it",
                "site_name": "The kettle",
            })
        );
        assert_eq!(page[1]["url"], site.url("/hop"));
        assert_eq!(page[1]["title"], "Tea & cake");
        let mut told = socket.next_op("message.previews").await;
        if told["d"]["previews"].as_array().unwrap().len() < 2 {
            told = socket.next_op("message.previews").await;
        }
        assert_eq!(told["d"]["message_id"], sent["id"]);
        assert_eq!(told["d"]["channel_id"], dm.as_str());
        assert_eq!(told["d"]["previews"], page);
        // What is known is shown at once, and its page is not asked again that day.
        let asked = site.asked().len();
        let again = alice.say(&dm, &site.url("/page")).await;
        assert_eq!(again["previews"][0]["title"], "Tea & cake", "{again:#}");
        let told = socket.next_op("message.created").await;
        assert_eq!(told["d"]["previews"], again["previews"]);
        assert_eq!(site.asked().len(), asked);
        time.advance(Duration::from_hours(25));
        let (carol, _dave) = (world.member("carol").await, world.member("dave").await);
        let later = carol.dm(&["dave"]).await;
        let later = carol.say(&later, &site.url("/page")).await;
        assert_eq!(later["previews"], json!([]));
        shown(&carol, &later, 1).await;
        assert_eq!(site.asked().len(), asked + 1);
        world.stop().await;
    });
}

#[test]
fn attack_hostile_pages_cost_little_and_show_nothing() {
    on_each_backend(async |database| {
        let site = Site::start().await;
        let world = World::start_with(&database, fetching).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let expected = [
            ("/endless", "described", Some("Endless")),
            ("/many", "described", Some("Many")),
            ("/script", "described", Some("<script>alert(1)</script>")),
            ("/bare", "bare", None),
            ("/image", "bare", None),
            ("/bomb", "failed", None),
            ("/private", "failed", None),
            ("/file", "failed", None),
            ("/circle", "failed", None),
            ("/missing", "failed", None),
            ("/slow", "failed", None),
        ];
        for (path, _, _) in expected {
            alice.say(&dm, &site.url(path)).await;
        }
        // Addresses that the guard lets nobody reach are asked for like others, and refused there.
        alice
            .say(&dm, "http://10.0.0.1/inside http://127.0.0.1:22/x")
            .await;
        let pages = pages(&world).await;
        for (path, state, title) in expected {
            let (found, said) = &pages[path.trim_start_matches('/')];
            assert_eq!((found.as_str(), said.as_deref()), (state, title), "{path}");
        }
        for path in ["inside", "x"] {
            assert_eq!(pages[path].0, "failed", "{path}");
        }
        assert_eq!(rows(&world).await, 3);
        world.stop().await;
    });
}

#[test]
fn only_links_that_everybody_sees_are_followed() {
    on_each_backend(async |database| {
        let site = Site::start().await;
        let world = World::start_with(&database, fetching).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        world.app.ctx().domains().block("localhost").unwrap();
        let held_back = [
            format!("<{}>", site.url("/angle")),
            format!("`{}`", site.url("/code")),
            format!("||{}||", site.url("/spoiler")),
            site.by_name("/blocked"),
            world.url("/about"),
        ];
        for text in held_back {
            alice.say(&dm, &text).await;
        }
        let four = ["/1", "/2", "/3", "/4"].map(|path| site.url(path));
        alice.say(&dm, &four.join(" ")).await;
        pages(&world).await;
        let last = alice.say(&dm, &site.url("/page")).await;
        shown(&alice, &last, 1).await;
        let mut asked = site.asked();
        asked.sort_unstable();
        assert_eq!(asked, ["/1", "/2", "/3", "/page"]);
        world.stop().await;
    });
}

#[test]
fn previews_go_with_edits_deletions_and_by_hand() {
    on_each_backend(async |database| {
        let site = Site::start().await;
        let world = World::start_with(&database, fetching).await;
        let (operator, members) = people(&world, &["owner", "ann", "bea"]).await;
        let [owner, ann, bea] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let link = site.url("/page");
        let said = ann.say(&village.square, &link).await;
        shown(ann, &said, 1).await;
        let path = place(&said);
        let edited = ann.patch(&path, &json!({"content": "no link"})).await;
        assert_eq!(edited.expect(200)["previews"], json!([]));
        assert_eq!(rows(&world).await, 0);
        let edited = ann.patch(&path, &json!({"content": link})).await;
        assert_eq!(edited.expect(200)["previews"][0]["title"], "Tea & cake");

        let by_hand = format!("{path}/previews");
        bea.delete(&by_hand).await.expect_problem(404, "not_found");
        village.let_in(owner, bea).await;
        let refused = bea.delete(&by_hand).await;
        refused.expect_problem(403, "missing_permission");
        let (mut socket, _) = ann.socket(None).await;
        owner.delete(&by_hand).await.expect(204);
        let told = socket.next_op("message.previews").await;
        assert_eq!(told["d"]["message_id"], said["id"]);
        assert_eq!(told["d"]["previews"], json!([]));
        let list = format!("/api/v1/channels/{}/messages", village.square);
        let list = ann.get(&list).await.expect(200);
        assert_eq!(list["items"][0]["previews"], json!([]), "{list:#}");
        let log = owner.get(&village.path("/audit-log")).await.expect(200);
        assert!(log.to_string().contains("message.previews.delete"), "{log}");
        // A second time changes nothing and tells nobody.
        owner.delete(&by_hand).await.expect(204);

        let said = ann.say(&village.square, &link).await;
        assert_eq!(said["previews"][0]["title"], "Tea & cake");
        let by_hand = format!("{}/previews", place(&said));
        ann.delete(&by_hand).await.expect(204);
        assert_eq!(rows(&world).await, 0);
        let said = ann.say(&village.square, &link).await;
        assert_eq!(rows(&world).await, 1);
        ann.delete(&place(&said)).await.expect(204);
        assert_eq!(rows(&world).await, 0);
        world.stop().await;
    });
}

#[test]
fn nothing_is_fetched_where_previews_are_switched_off() {
    on_each_backend(async |database| {
        let site = Site::start().await;
        let world = World::start_with(&database, |config| {
            fetching(config);
            config.previews.enabled = false;
        })
        .await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        alice.say(&dm, &site.url("/page")).await;
        assert_eq!(rows(&world).await, 0);
        assert!(pages(&world).await.is_empty());
        assert!(site.asked().is_empty());
        world.stop().await;
    });
}

#[test]
fn the_pages_of_a_message_from_another_node_are_asked_for_within_a_minute() {
    on_each_backend(async |database| {
        let site = Site::start().await;
        let other = TestDatabase::create(Backend::Sqlite);
        let time = Arc::new(ManualClock::new(SystemClock.now()));
        let a = World::start_with(&other, open).await;
        let b = World::start_by(&database, time.clone(), fetching).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let dm = alice.dm(&[&handle(&b, "bob")]).await;
        let sent = alice.say(&dm, &site.url("/page")).await;
        assert_eq!(sent["previews"], json!([]));
        let there = conversation(&bob).await;
        let came = until("the message", async || {
            let list = format!("/api/v1/channels/{there}/messages");
            let page = bob.get(&list).await.expect(200);
            page["items"].get(0).cloned()
        })
        .await;
        assert_eq!(rows(&b).await, 1);
        assert!(site.asked().is_empty());
        // What is asked for outlasts the process.
        let (token, id) = (bob.token.clone(), bob.id.clone());
        let (port, data) = b.stop().await;
        let b = World::start_on(&database, data, (port, time.clone()), fetching).await;
        let bob = b.returning(token, id);
        time.advance(Duration::from_secs(61));
        let found = shown(&bob, &came, 1).await;
        assert_eq!(found[0]["title"], "Tea & cake");
        assert_eq!(site.asked(), ["/page"]);
        a.stop().await;
        b.stop().await;
    });
}
