//! Notifications: who is told of what, what they chose, and what they may see of it later.

use std::time::Duration;

use federation_core::store::sql::{self, Connection, DatabaseError};
use federation_core::testing::on_each_backend;
use folkmoot::accounts;
use folkmoot::base::ids::{
    ChannelId, CommunityId, CommunityRoleId, MessageId, NotificationId, UserId,
};
use folkmoot::channels;
use folkmoot::messages;
use folkmoot::notifications::model::{Call, Notification, NotificationKind};
use folkmoot::notifications::{self, MessageFacts};
use folkmoot::platform::ctx::Ctx;
use folkmoot::platform::events::EventLog;
use serde_json::{Value, json};

use crate::chat::world::{Member, World};
use crate::communities::village::{Village, people};
use crate::federation::pair::pair;

const LIST: &str = "/api/v1/notifications";

async fn listed(member: &Member<'_>, query: &str) -> Vec<Value> {
    let list = member.get(&format!("{LIST}{query}")).await.expect(200);
    list["items"].as_array().unwrap().clone()
}

async fn count(member: &Member<'_>) -> Value {
    let count = member.get(&format!("{LIST}/count")).await.expect(200);
    count["count"].clone()
}

async fn reply(member: &Member<'_>, channel: &str, to: &Value, content: &str) -> Value {
    let path = format!("/api/v1/channels/{channel}/messages");
    let body = json!({"content": content, "reply_to": to["id"]});
    member.post(&path, &body).await.expect(201)
}

#[test]
fn answers_direct_messages_follows_and_time_outs_are_told() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "bob"]).await;
        let [owner, bob] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, bob).await;
        let (mut phone, _) = bob.socket(None).await;
        let (mut laptop, _) = bob.socket(None).await;
        let said = bob.say(&village.square, "who is there?").await;
        let answer = reply(owner, &village.square, &said, "I am").await;
        for device in [&mut phone, &mut laptop] {
            let told = device.notified().await;
            assert_eq!(told["kind"], "reply");
            assert_eq!(told["message_id"], answer["id"]);
            assert!(told["excerpt"].is_null());
        }
        let dm = owner.dm(&["bob"]).await;
        owner.say(&dm, "between us").await;
        owner.say(&dm, "and again").await;
        let follow = json!({"handle": "bob"});
        for _ in 0..2 {
            let path = "/api/v1/federation/follow";
            owner.post(path, &follow).await.expect(200);
        }
        let member = village.path(&format!("/members/{}", bob.id));
        let quiet = json!({"time_out_seconds": 60});
        owner.patch(&member, &quiet).await.expect(200);
        let all = listed(bob, "").await;
        let kinds: Vec<&str> = all
            .iter()
            .map(|one| one["kind"].as_str().unwrap())
            .collect();
        // One direct message that waits stands for those after it.
        assert_eq!(kinds, ["time_out", "follow", "direct_message", "reply"]);
        assert!(all[0]["actor"].is_null() && all[0]["ends_at"].is_string());
        assert_eq!(all[1]["actor"]["id"], owner.id.as_str());
        assert_eq!(all[2]["excerpt"], "between us");
        assert_eq!(all[3]["excerpt"], "I am");
        assert_eq!(count(bob).await, 4);
        assert!(listed(owner, "").await.is_empty());
        assert_eq!(listed(bob, "?kind=follow").await, [all[1].clone()]);
        let page = bob.get(&format!("{LIST}?limit=3")).await.expect(200);
        let next = page["next"].as_str().unwrap();
        assert_eq!(
            listed(bob, &format!("?before={next}")).await,
            [all[3].clone()]
        );
        // Reading the channel reads what was told of it.
        let path = format!("/api/v1/channels/{}/read", village.square);
        let body = json!({"message_id": answer["id"]});
        bob.put(&path, &body).await.expect(200);
        assert_eq!(count(bob).await, 3);
        assert_eq!(listed(bob, "?unread=true").await.len(), 3);
        // What is deleted is told of no more.
        let id = answer["id"].as_str().unwrap();
        let path = format!("/api/v1/channels/{}/messages/{id}", village.square);
        owner.delete(&path).await.expect(204);
        assert_eq!(listed(bob, "").await.len(), 3);
    });
}

#[test]
fn notifications_are_read_and_dismissed_on_every_device() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let carol = world.member("carol").await;
        for name in ["bob", "carol"] {
            let dm = alice.dm(&[name]).await;
            let who = if name == "bob" { &bob } else { &carol };
            who.say(&dm, "hello").await;
        }
        let all = listed(&alice, "").await;
        let [newer, older] = &all[..] else { panic!() };
        let (mut laptop, _) = alice.socket(None).await;
        let read = format!("{LIST}/read");
        let done = alice.post(&read, &json!({"ids": [newer["id"]]})).await;
        done.expect(204);
        let heard = laptop.next().await;
        assert_eq!(heard["op"], "notification.read");
        assert_eq!(heard["d"]["ids"], json!([newer["id"]]));
        assert_eq!(count(&alice).await, 1);
        // Nobody reads for somebody else.
        let done = bob.post(&read, &json!({"ids": [older["id"]]})).await;
        done.expect(204);
        assert_eq!(count(&alice).await, 1);
        let done = alice.post(&read, &json!({"up_to": older["id"]})).await;
        done.expect(204);
        assert_eq!(count(&alice).await, 0);
        alice.post(&read, &json!({"all": true})).await.expect(204);
        for body in [json!({}), json!({"all": true, "ids": []})] {
            let refused = alice.post(&read, &body).await;
            refused.expect_problem(422, "invalid_selection");
        }
        let path = format!("{LIST}/{}", newer["id"].as_str().unwrap());
        bob.delete(&path).await.expect_problem(404, "not_found");
        alice.delete(&path).await.expect(204);
        alice.delete(&path).await.expect_problem(404, "not_found");
        assert_eq!(listed(&alice, "").await.len(), 1);
    });
}

#[test]
fn what_a_member_chose_decides_what_they_are_told() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "bob"]).await;
        let [owner, bob] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, bob).await;
        let said = bob.say(&village.square, "who is there?").await;
        let of_channel = format!("/api/v1/channels/{}/preferences", village.square);
        let of_community = village.path("/preferences");
        let of_account = "/api/v1/users/@me/preferences".to_owned();
        let none = json!({"level": "none"});
        let back = json!({"level": "default"});
        for place in [&of_channel, &of_community, &of_account] {
            let chosen = bob.put(place, &none).await.expect(200);
            assert_eq!(chosen["effective"]["level"], "none");
            reply(owner, &village.square, &said, "nobody").await;
            assert!(listed(bob, "").await.is_empty(), "{place}");
            let unread = bob.get("/api/v1/users/@me/unread").await.expect(200);
            assert_eq!(unread["items"][0]["mentions"], 0, "{place}");
            let again = bob.put(place, &back).await.expect(200);
            assert_eq!(again["effective"]["level"], "all");
        }
        // The narrower place decides.
        bob.put(&of_account, &none).await.expect(200);
        let mentions = json!({"level": "mentions"});
        let chosen = bob.put(&of_channel, &mentions).await.expect(200);
        assert_eq!(chosen["effective"]["level"], "mentions");
        reply(owner, &village.square, &said, "I am").await;
        assert_eq!(listed(bob, "").await.len(), 1);
        let now = world.app.ctx().now();
        let end = now.plus(Duration::from_hours(1));
        let muted = json!({"level": "all", "muted_until": end});
        let chosen = bob.put(&of_channel, &muted).await.expect(200);
        assert_eq!(chosen["effective"]["muted"], true);
        reply(owner, &village.square, &said, "still here").await;
        assert_eq!(listed(bob, "").await.len(), 1);
        bob.put(&of_account, &mentions).await.expect(200);
        let dm = owner.dm(&["bob"]).await;
        owner.say(&dm, "psst").await;
        assert_eq!(listed(bob, "?kind=direct_message").await.len(), 0);
        let stranger = world.member("stranger").await;
        for place in [&of_channel, &of_community] {
            let refused = stranger.put(place, &none).await;
            refused.expect_problem(404, "not_found");
        }
    });
}

#[test]
fn who_sees_a_channel_no_longer_is_shown_nothing_of_it() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "bob"]).await;
        let [owner, bob] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, bob).await;
        let said = bob.say(&village.square, "who is there?").await;
        reply(owner, &village.square, &said, "a secret").await;
        assert_eq!(listed(bob, "").await[0]["excerpt"], "a secret");
        let path = format!("/api/v1/channels/{}", village.square);
        let hidden = owner.patch(&path, &json!({"is_private": true})).await;
        hidden.expect(200);
        assert!(listed(bob, "").await.is_empty());
        assert_eq!(count(bob).await, 0);
        // Nor is anything told that happens there from now on.
        let answer = reply(owner, &village.square, &said, "another secret").await;
        let shown = owner.patch(&path, &json!({"is_private": false})).await;
        shown.expect(200);
        let all = listed(bob, "").await;
        assert_eq!(all.len(), 1);
        assert_ne!(all[0]["message_id"], answer["id"]);
    });
}

/// Has a message call somebody, as its sending does.
async fn call(world: &World, message: &Value, calls: Vec<Call>) {
    let ctx = world.app.ctx().clone();
    let id: MessageId = message["id"].as_str().unwrap().parse().unwrap();
    let work = move |connection: &mut Connection| {
        let log = EventLog::begin(connection)?;
        let message = messages::store::anywhere(connection, id)?.unwrap();
        let channel = channels::store::by_id(connection, message.channel_id)?.unwrap();
        let author = accounts::store::by_id(connection, message.author_id)?.unwrap();
        let facts = MessageFacts {
            message: id,
            channel: channel.id,
            community: channel.community_id,
            seq: message.seq,
            author: &author,
            told: &[],
            calls: &calls,
        };
        notifications::of_message(&ctx, connection, &log, &facts)
    };
    world.app.ctx().db().write(work).await.unwrap();
}

/// How many rows of notifications there are.
async fn rows(world: &World) -> i64 {
    use diesel::prelude::*;
    use folkmoot::platform::db::schema::notifications::dsl::notifications;
    let count = |connection: &mut sql::Connection| {
        Ok::<i64, DatabaseError>(notifications.count().get_result(connection)?)
    };
    world.app.ctx().db().read(count).await.unwrap()
}

#[test]
fn a_call_to_everybody_is_one_row_and_reaches_those_who_see_the_channel() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "bob", "carl"]).await;
        let [owner, ann, bob, carl] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        village.let_in(owner, bob).await;
        let role = village.role(owner, "millers", &[]).await;
        village.give(owner, &role, ann).await;
        let millers: CommunityRoleId = role.parse().unwrap();
        let first = owner.say(&village.square, "hear, hear").await;
        call(&world, &first, vec![Call::Everyone]).await;
        let second = owner.say(&village.square, "to the mill").await;
        call(&world, &second, vec![Call::Role(millers)]).await;
        assert_eq!(rows(&world).await, 0);
        // Who comes later was not called, and who calls is not told.
        village.let_in(owner, carl).await;
        for member in [owner, carl] {
            assert!(listed(member, "").await.is_empty());
        }
        let kinds = |all: Vec<Value>| {
            let kind = |one: Value| one["kind"].as_str().unwrap().to_owned();
            all.into_iter().map(kind).collect::<Vec<_>>()
        };
        assert_eq!(kinds(listed(ann, "").await), ["role", "everyone"]);
        assert_eq!(kinds(listed(bob, "").await), ["everyone"]);
        assert_eq!(kinds(listed(ann, "?kind=role").await), ["role"]);
        assert_eq!(listed(bob, "").await[0]["excerpt"], "hear, hear");
        assert_eq!((count(ann).await, count(bob).await), (json!(2), json!(1)));
        let unread = ann.get("/api/v1/users/@me/unread").await.expect(200);
        assert_eq!(unread["items"][0]["mentions"], 2);
        // What one of them reads or dismisses becomes a row of theirs.
        let id = first["id"].clone();
        let done = ann
            .post(&format!("{LIST}/read"), &json!({"ids": [id]}))
            .await;
        done.expect(204);
        assert_eq!((count(ann).await, count(bob).await), (json!(1), json!(1)));
        assert_eq!(listed(ann, "").await.len(), 2);
        let path = format!("{LIST}/{}", id.as_str().unwrap());
        bob.delete(&path).await.expect(204);
        assert!(listed(bob, "").await.is_empty());
        bob.delete(&path).await.expect_problem(404, "not_found");
        carl.delete(&path).await.expect_problem(404, "not_found");
        assert_eq!(rows(&world).await, 2);
        let done = ann
            .post(&format!("{LIST}/read"), &json!({"all": true}))
            .await;
        done.expect(204);
        assert_eq!(count(ann).await, 0);
        // Whoever does not want to be called is not.
        let quiet = json!({"level": "default", "suppress_everyone": true});
        bob.put(&village.path("/preferences"), &quiet)
            .await
            .expect(200);
        let third = owner.say(&village.square, "once more").await;
        call(&world, &third, vec![Call::Everyone]).await;
        assert_eq!((count(ann).await, count(bob).await), (json!(1), json!(0)));
        let hidden = json!({"is_private": true});
        let path = format!("/api/v1/channels/{}", village.square);
        owner.patch(&path, &hidden).await.expect(200);
        assert!(listed(ann, "").await.is_empty());
    });
}

/// Puts notifications into the table, the first of them as old as can be.
fn fill(
    ctx: &Ctx,
    connection: &mut Connection,
    user: UserId,
    count: usize,
) -> Result<(), DatabaseError> {
    for number in 0..count {
        let created_at = if number == 0 {
            0
        } else {
            ctx.now().as_millis()
        };
        let none: (Option<CommunityId>, Option<ChannelId>) = (None, None);
        let one = Notification {
            id: NotificationId::new(ctx.now()),
            user_id: user,
            kind: NotificationKind::Warning,
            actor_id: None,
            community_id: none.0,
            channel_id: none.1,
            message_id: None,
            seq: None,
            ends_at: None,
            created_at,
            read_at: None,
            dismissed_at: None,
        };
        notifications::store::insert(connection, &one)?;
    }
    Ok(())
}

#[test]
fn old_notifications_and_those_beyond_a_thousand_are_forgotten() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        for (member, number) in [(&alice, 1_010), (&bob, 3)] {
            let (ctx, user) = (world.app.ctx().clone(), member.id.parse().unwrap());
            let work = move |c: &mut Connection| fill(&ctx, c, user, number);
            world.app.ctx().db().write(work).await.unwrap();
        }
        let before = alice.get(&format!("{LIST}/count")).await.expect(200);
        assert_eq!(before, json!({"count": 1000, "more": true}));
        let ctx = world.app.ctx();
        notifications::workers::prune(ctx, 4).await.unwrap();
        assert_eq!(rows(&world).await, 1_002);
        assert_eq!(count(&bob).await, 2);
    });
}

#[test]
fn a_ping_reaches_open_sockets_and_has_a_bound() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let (mut socket, _) = bob.socket(None).await;
        let path = format!("/api/v1/users/{}/ping", bob.id);
        // Whoever is not there takes no turn, of the pair or of the sender.
        for number in 0..25 {
            let nobody = format!("/api/v1/users/0197a3c2-7b1e-7c55-8f00-{number:012x}/ping");
            let refused = alice.post(&nobody, &json!({})).await;
            refused.expect_problem(404, "not_found");
        }
        for _ in 0..5 {
            alice.post(&path, &json!({})).await.expect(202);
        }
        let ping = socket.next().await;
        assert_eq!(ping["op"], "ping");
        assert_eq!(ping["d"]["user"]["id"], alice.id.as_str());
        assert!(ping["d"]["expires_at"].is_string());
        let refused = alice.post(&path, &json!({})).await;
        refused.expect_problem(429, "too_many_requests");
        assert!(refused.headers.contains_key("retry-after"));
        let own = format!("/api/v1/users/{}/ping", alice.id);
        let refused = alice.post(&own, &json!({})).await;
        refused.expect_problem(422, "cannot_ping_oneself");
        // Who was muted is not told so, and not heard.
        let mute = format!("/api/v1/users/@me/mutes/{}", bob.id);
        alice.put(&mute, &json!({})).await.expect(200);
        let (mut alices, _) = alice.socket(None).await;
        bob.post(&own, &json!({})).await.expect(202);
        alices.silent().await;
    });
}

#[test]
fn a_ping_of_another_server_measures_a_signed_answer() {
    on_each_backend(async |database| {
        let (a, b, _other) = pair(&database).await;
        let operator = a.member("operator").await;
        let path = format!("/api/v1/federation/peers/{}/ping", b.app.address());
        let answer = operator.post(&path, &json!({})).await.expect(200);
        assert_eq!(answer["is_reachable"], true, "{answer:#}");
        assert!(answer["milliseconds"].is_u64(), "{answer:#}");
        assert_eq!(answer["actor"], b.url("/actor"));
        let gone = b.app.address();
        b.stop().await;
        let path = format!("/api/v1/federation/peers/{gone}/ping");
        let answer = operator.post(&path, &json!({})).await.expect(200);
        assert_eq!(answer["is_reachable"], false, "{answer:#}");
        assert!(answer["error"].is_string() && answer["milliseconds"].is_null());
        let member = a.member("member").await;
        let refused = member.post(&path, &json!({})).await;
        refused.expect_problem(403, "forbidden");
    });
}
