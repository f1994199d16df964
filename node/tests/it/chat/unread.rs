//! Read markers and unread counts, on every device of a member.

use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::on_each_backend;
use folkmoot::base::ids::{ChannelId, MessageId, UserId};
use folkmoot::channels;
use folkmoot::messages;
use folkmoot::messages::model::Message;
use serde_json::{Value, json};

use super::world::{Member, World};
use crate::communities::village::{Village, people};

const UNREAD: &str = "/api/v1/users/@me/unread";

async fn unread(member: &Member<'_>) -> Vec<Value> {
    let list = member.get(UNREAD).await.expect(200);
    list["items"].as_array().unwrap().clone()
}

async fn read(member: &Member<'_>, channel: &str, message: &Value) -> Value {
    let path = format!("/api/v1/channels/{channel}/read");
    let body = json!({"message_id": message["id"]});
    member.put(&path, &body).await.expect(200)
}

#[test]
fn a_marker_moves_on_alone_and_every_device_hears_of_it() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let carol = world.member("carol").await;
        let dm = alice.dm(&["bob"]).await;
        let mut said = Vec::new();
        for text in ["one", "two", "three"] {
            said.push(bob.say(&dm, text).await);
        }
        // Who writes has read.
        assert!(unread(&bob).await.is_empty());
        let waiting = unread(&alice).await;
        assert_eq!(waiting.len(), 1);
        assert_eq!(waiting[0]["channel_id"], dm.as_str());
        assert_eq!(waiting[0]["unread"], 3);
        assert_eq!(waiting[0]["mentions"], 3);
        assert_eq!(waiting[0]["more"], false);
        assert!(waiting[0]["message_id"].is_null());
        let (mut phone, _) = alice.socket(None).await;
        let (mut laptop, _) = alice.socket(None).await;
        let (mut bobs, _) = bob.socket(None).await;
        let now = read(&alice, &dm, &said[1]).await;
        assert_eq!(now["unread"], 1);
        assert_eq!(now["message_id"], said[1]["id"]);
        for device in [&mut phone, &mut laptop] {
            let heard = device.next().await;
            assert_eq!(heard["op"], "read.updated");
            assert_eq!(heard["d"], now);
        }
        // Neither back nor twice, and nobody hears of it.
        assert_eq!(read(&alice, &dm, &said[0]).await, now);
        assert_eq!(read(&alice, &dm, &said[1]).await, now);
        let done = read(&alice, &dm, &said[2]).await;
        assert_eq!(done["unread"], 0);
        assert_eq!(phone.next().await["d"], done);
        bobs.silent().await;
        assert!(unread(&alice).await.is_empty());
        let path = format!("/api/v1/channels/{dm}/read");
        let body = json!({"message_id": said[2]["id"]});
        let refused = carol.put(&path, &body).await;
        refused.expect_problem(404, "not_found");
        let body = json!({"message_id": dm});
        let refused = alice.put(&path, &body).await;
        refused.expect_problem(404, "not_found");
    });
}

#[test]
fn deleted_messages_are_not_unread() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let gone = bob.say(&dm, "one").await;
        bob.say(&dm, "two").await;
        let id = gone["id"].as_str().unwrap();
        let path = format!("/api/v1/channels/{dm}/messages/{id}");
        bob.delete(&path).await.expect(204);
        assert_eq!(unread(&alice).await[0]["unread"], 1);
    });
}

#[test]
fn what_was_said_before_somebody_came_is_not_unread_and_a_community_is_read_at_once() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "bob"]).await;
        let [owner, bob] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        let mill = village.channel(owner, &json!({"name": "mill"})).await;
        owner.say(&village.square, "before").await;
        village.let_in(owner, bob).await;
        assert!(unread(bob).await.is_empty());
        owner.say(&village.square, "after").await;
        owner.say(&mill, "after too").await;
        owner.say(&mill, "and again").await;
        let waiting = unread(bob).await;
        let counts: Vec<_> = waiting.iter().map(|one| one["unread"].clone()).collect();
        // The newest channel comes first.
        assert_eq!(counts, [2, 1]);
        assert_eq!(waiting[0]["community_id"], village.id.as_str());
        assert_eq!(waiting[0]["mentions"], 0);
        let page = bob.get(&format!("{UNREAD}?limit=1")).await.expect(200);
        assert_eq!(page["items"], json!([waiting[0]]));
        let next = page["next"].as_str().unwrap();
        let rest = bob.get(&format!("{UNREAD}?limit=1&before={next}")).await;
        assert_eq!(rest.expect(200)["items"], json!([waiting[1]]));
        let (mut socket, _) = bob.socket(None).await;
        let path = village.path("/read");
        bob.post(&path, &json!({})).await.expect(204);
        assert_eq!(socket.next().await["op"], "community.read");
        assert!(unread(bob).await.is_empty());
        let stranger = world.member("stranger").await;
        let refused = stranger.post(&path, &json!({})).await;
        refused.expect_problem(404, "not_found");
    });
}

#[test]
fn a_channel_that_is_hidden_leaves_the_list_and_comes_back() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "bob"]).await;
        let [owner, bob] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, bob).await;
        owner.say(&village.square, "hear, hear").await;
        assert_eq!(unread(bob).await.len(), 1);
        let path = format!("/api/v1/channels/{}", village.square);
        let hidden = owner.patch(&path, &json!({"is_private": true})).await;
        hidden.expect(200);
        assert!(unread(bob).await.is_empty());
        let shown = owner.patch(&path, &json!({"is_private": false})).await;
        shown.expect(200);
        assert_eq!(unread(bob).await.len(), 1);
    });
}

/// Puts many messages into a channel.
async fn fill(world: &World, channel: &str, author: &str, count: usize) {
    let ctx = world.app.ctx().clone();
    let channel: ChannelId = channel.parse().unwrap();
    let author: UserId = author.parse().unwrap();
    let work = move |connection: &mut Connection| {
        for _ in 0..count {
            let id = MessageId::new(ctx.now());
            let message = Message {
                id,
                channel_id: channel,
                seq: channels::store::take_seq(connection, channel)?,
                author_id: author,
                uri: format!("https://here.example/messages/{id}"),
                content: "again".to_owned(),
                html: "<p>again</p>".to_owned(),
                reply_to: None,
                created_at: ctx.now().as_millis(),
                edited_at: None,
                deleted_at: None,
                origin_updated_at: None,
            };
            messages::store::insert(connection, &message)?;
        }
        Ok::<_, DatabaseError>(())
    };
    world.app.ctx().db().write(work).await.unwrap();
}

#[test]
fn counts_are_bounded_whatever_the_size_of_the_channel() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        fill(&world, &dm, &bob.id, 999).await;
        let first = unread(&alice).await;
        assert_eq!(
            (&first[0]["unread"], &first[0]["more"]),
            (&json!(999), &json!(false))
        );
        fill(&world, &dm, &bob.id, 100).await;
        let more = unread(&alice).await;
        assert_eq!(
            (&more[0]["unread"], &more[0]["more"]),
            (&json!(1000), &json!(true))
        );
        let path = format!("/api/v1/channels/{dm}/messages?limit=1");
        let newest = alice.get(&path).await.expect(200);
        let done = read(&alice, &dm, &newest["items"][0]).await;
        assert_eq!((&done["unread"], &done["more"]), (&json!(0), &json!(false)));
        assert!(unread(&alice).await.is_empty());
    });
}
