//! The newest messages, kept in memory: they are at every moment what the rows say.

use federation_core::testing::on_each_backend;
use serde_json::{Value, json};

use super::emoji::{new, png};
use super::world::{Member, World};
use crate::communities::village::{Village, people};

/// The newest messages as the server gives them out first, which must be those that a larger page,
/// which is never kept, begins with.
async fn newest(reader: &Member<'_>, channel: &str) -> Vec<Value> {
    let path = |limit| format!("/api/v1/channels/{channel}/messages?limit={limit}");
    let short = reader.get(&path(50)).await.expect(200);
    let long = reader.get(&path(100)).await.expect(200);
    let items = |page: &Value| page["items"].as_array().unwrap().clone();
    let (short_items, mut long_items) = (items(&short), items(&long));
    let more = long_items.len() > 50;
    long_items.truncate(50);
    assert_eq!(short_items, long_items);
    assert_eq!(short["prev"], long["prev"]);
    let last = short_items.last().map_or(Value::Null, |m| m["id"].clone());
    assert_eq!(short["next"], if more { last } else { Value::Null });
    short_items
}

#[test]
fn the_first_page_is_never_behind_what_was_answered() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        assert!(newest(&bob, &dm).await.is_empty());
        for index in 0..60 {
            let said = alice.say(&dm, &index.to_string()).await;
            let path = format!("/api/v1/channels/{dm}/messages?limit=2");
            let page = bob.get(&path).await.expect(200);
            assert_eq!(page["items"][0], said, "{index}");
        }
        let found = newest(&bob, &dm).await;
        assert_eq!(found.len(), 50);
        assert_eq!(newest(&alice, &dm).await, found, "the same for everybody");

        let path = |message: &Value| {
            let id = message["id"].as_str().unwrap();
            format!("/api/v1/channels/{dm}/messages/{id}")
        };
        let body = json!({"content": "changed"});
        alice.patch(&path(&found[3]), &body).await.expect(200);
        assert_eq!(newest(&bob, &dm).await[3]["content"], "changed");
        alice.delete(&path(&found[0])).await.expect(204);
        assert_eq!(newest(&bob, &dm).await[0], found[1]);

        // Nothing in the log tells of a new name, and it shows at once.
        let name = json!({"display_name": "Alice the Second"});
        alice.patch("/api/v1/users/@me", &name).await.expect(200);
        let renamed = newest(&bob, &dm).await;
        assert_eq!(renamed[0]["author"]["display_name"], "Alice the Second");
    });
}

#[test]
fn an_emoji_that_is_renamed_or_deleted_shows_at_once() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let path = village.path("/emoji");
        let made = owner.post(&path, &new("parrot", &png(32, 32))).await;
        let made = made.expect(201);
        let emoji = format!("{path}/{}", made["id"].as_str().unwrap());
        let said = ann.say(&village.square, "look").await;
        let put = format!(
            "/api/v1/channels/{}/messages/{}/reactions/:parrot:",
            village.square,
            said["id"].as_str().unwrap()
        );
        owner.put(&put, &json!({})).await.expect(204);
        let shown = async || {
            let found = newest(ann, &village.square).await;
            found[0]["reactions"][0].clone()
        };
        assert_eq!(shown().await["emoji"], ":parrot:");
        let renamed = owner.patch(&emoji, &json!({"shortcode": "party"})).await;
        renamed.expect(200);
        assert_eq!(shown().await["emoji"], ":party:");
        owner.delete(&emoji).await.expect(204);
        assert!(shown().await["custom"].is_null());
    });
}

#[test]
fn pages_from_memory_go_on_where_others_do() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        for index in 0..7 {
            alice.say(&dm, &index.to_string()).await;
        }
        for limit in 1..10 {
            let mut texts = Vec::new();
            let mut before = String::new();
            loop {
                let path = format!("/api/v1/channels/{dm}/messages?limit={limit}{before}");
                let page = alice.get(&path).await.expect(200);
                let items = page["items"].as_array().unwrap();
                let content = |item: &Value| item["content"].as_str().unwrap().to_owned();
                texts.extend(items.iter().map(content));
                let Some(next) = page["next"].as_str() else {
                    break;
                };
                before = format!("&before={next}");
            }
            assert_eq!(texts, ["6", "5", "4", "3", "2", "1", "0"], "{limit}");
        }
    });
}

#[test]
fn attack_who_is_let_out_reads_nothing_from_memory() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let carol = world.member("carol").await;
        let dm = alice.dm(&["bob"]).await;
        alice.say(&dm, "private").await;
        newest(&alice, &dm).await;
        let path = format!("/api/v1/channels/{dm}/messages");
        let refused = carol.get(&path).await;
        refused.expect_problem(404, "not_found");
    });
}

#[test]
fn readers_and_writers_at_once_agree_in_the_end_and_on_the_way() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let path = format!("/api/v1/channels/{dm}/messages?limit=1");
        let writing = async {
            for index in 0..100 {
                alice.say(&dm, &index.to_string()).await;
            }
        };
        let reading = async {
            let mut last = -1;
            while last < 99 {
                let page = bob.get(&path).await.expect(200);
                let newest = page["items"][0]["content"].as_str();
                let newest = newest.map_or(-1, |text| text.parse().unwrap());
                assert!(newest >= last, "{newest} after {last}");
                last = newest;
            }
        };
        tokio::join!(writing, reading);
        newest(&bob, &dm).await;
    });
}
