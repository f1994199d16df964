//! Groups over several nodes, and notes that would be where they do not belong.

use std::sync::Arc;

use federation_core::Timestamp;
use federation_core::store::sql::{Backend, Connection};
use federation_core::testing::{TestDatabase, on_each_backend};
use federation_core::vocab::{Activity, ActivityKind, Actor, ActorKind, Object};
use folkmoot::channels::conversations::federate::{Membership, receive};
use folkmoot::messages::federate::{Ignored, IncomingNote, Received, receive_create};
use serde_json::{Value, json};
use url::Url;

use super::world::{Member, World};
use crate::federation::pair::{contents, conversation, handle, open, pair, until};

const CONTEXT: &str = "https://b.example/contexts/1";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn actor(name: &str) -> Actor {
    let id = format!("https://b.example/users/{name}");
    let mut actor = Actor::new(url(&id), ActorKind::Person, url(&format!("{id}/inbox")));
    actor.preferred_username = Some(name.to_owned());
    actor
}

/// A note of somebody of another node in the conversation of this id.
struct Note<'a> {
    id: u32,
    from: &'a Actor,
    context: Option<&'a str>,
    to: Vec<String>,
    written: &'a str,
}

impl Note<'_> {
    /// Has its effect, as the inbox does when it could look up everybody.
    async fn arrive(&self, world: &World, everybody: &[&Actor]) -> Received {
        let id = url(&format!("https://b.example/notes/{}", self.id));
        let mut note = Object::note(
            id.clone(),
            self.from.id.clone(),
            format!("<p>{}</p>", self.id),
        );
        note.to = self.to.iter().map(|to| url(to)).collect();
        note.context = self.context.map(url);
        note.published = Timestamp::parse_rfc3339(self.written);
        let create = Activity::create(url(&format!("{id}/create")), self.from.id.clone(), note);
        let ctx = world.app.ctx().clone();
        let limits = &ctx.config().limits;
        let mut read = IncomingNote::read(&create, self.from, ctx.origin(), limits)?;
        read.introduce(everybody.iter().copied());
        let (held, author) = (ctx.clone(), Arc::new(self.from.clone()));
        let work = move |c: &mut Connection| receive_create(&held, c, &read, &author);
        ctx.db().write(work).await.unwrap()
    }
}

/// An `Add`, `Remove` or `Leave` arrives; whether it had an effect.
async fn told(world: &World, activity: Activity, by: &Actor, who: Option<&Actor>) -> bool {
    let mut read = Membership::read(&activity).unwrap();
    if let Some(who) = who {
        read.introduce(who);
    }
    let (ctx, by) = (world.app.ctx().clone(), Arc::new(by.clone()));
    let held = ctx.clone();
    let work = move |c: &mut Connection| receive(&held, c, &read, &by);
    ctx.db().write(work).await.unwrap()
}

fn change(by: &Actor, what: impl FnOnce(Url, Url, Url) -> Activity) -> Activity {
    let id = url("https://b.example/changes/1");
    what(id, by.id.clone(), url(CONTEXT))
}

/// The conversations of a member, the newest first, each with its people and what was said.
async fn all(member: &Member<'_>) -> Vec<(usize, Vec<String>)> {
    let list = member.get("/api/v1/dms").await.expect(200);
    let mut found = Vec::new();
    for item in list["items"].as_array().unwrap() {
        let said = contents(member, item["id"].as_str().unwrap()).await;
        found.push((item["participants"].as_array().unwrap().len(), said));
    }
    found
}

#[test]
fn a_note_goes_where_all_of_its_people_are() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, dave) = (world.member("alice").await, world.member("dave").await);
        let (bob, carol) = (actor("bob"), actor("carol"));
        let (to_alice, to_dave) = (world.url("/users/alice"), world.url("/users/dave"));
        let (to_bob, to_carol) = (bob.id.to_string(), carol.id.to_string());
        let send = async |id: u32, from: &Actor, to: &[&String]| {
            let note = Note {
                id,
                from,
                context: Some(CONTEXT),
                to: to.iter().map(|to| (*to).clone()).collect(),
                written: "2020-01-01T00:00:00Z",
            };
            note.arrive(&world, &[&bob, &carol]).await.unwrap();
        };
        send(1, &bob, &[&to_alice, &to_carol]).await;
        send(2, &carol, &[&to_alice, &to_bob]).await;
        assert_eq!(all(&alice).await, [(3, said(&["2", "1"]))]);
        // An aside goes to the two alone, although it names the group.
        send(3, &bob, &[&to_alice]).await;
        // Who is addressed for the first time comes in, and sees nothing from before.
        send(4, &bob, &[&to_alice, &to_carol, &to_dave]).await;
        assert_eq!(all(&dave).await, [(4, said(&["4"]))]);
        // Nobody here reads what was not addressed to them, and nobody is out for that.
        send(5, &carol, &[&to_alice, &to_bob]).await;
        send(6, &bob, &[&to_alice, &to_carol]).await;
        send(7, &carol, &[&to_alice, &to_bob, &to_dave]).await;
        assert_eq!(all(&dave).await, [(4, said(&["7", "4"]))]);
        let expected = [
            (3, said(&["6", "5"])),
            (2, said(&["3"])),
            (4, said(&["7", "4", "2", "1"])),
        ];
        assert_eq!(all(&alice).await, expected);
    });
}

#[test]
fn attack_who_knows_the_id_of_a_group_does_not_write_into_it() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let (bob, carol, eve) = (actor("bob"), actor("carol"), actor("eve"));
        let to_alice = world.url("/users/alice");
        let send = async |id: u32, from: &Actor, to: &[&Actor], context: &str| {
            let mut to: Vec<String> = to.iter().map(|to| to.id.to_string()).collect();
            to.push(to_alice.clone());
            let note = Note {
                id,
                from,
                context: Some(context),
                to,
                written: "2020-01-01T00:00:00Z",
            };
            note.arrive(&world, &[&bob, &carol, &eve]).await
        };
        send(1, &bob, &[&carol], CONTEXT).await.unwrap();
        // With the same people and more, or with some of them: never there.
        send(2, &eve, &[&bob, &carol], CONTEXT).await.unwrap();
        send(3, &eve, &[&bob], CONTEXT).await.unwrap();
        send(4, &bob, &[&carol], CONTEXT).await.unwrap();
        let expected = [(3, said(&["3"])), (4, said(&["2"])), (3, said(&["4", "1"]))];
        assert_eq!(all(&alice).await, expected);
        // Nor into a conversation of this node, by the id that its notes carry.
        world.member("dave").await;
        let own = alice.dm(&["dave"]).await;
        let own = world.url(&format!("/conversations/{own}"));
        send(5, &eve, &[], &own).await.unwrap();
        let found = all(&alice).await;
        assert!(found.contains(&(2, said(&["5"]))), "{found:?}");
        // What cannot be an id is none.
        let long = format!("https://b.example/{}", "x".repeat(2000));
        send(6, &eve, &[], &long).await.unwrap();
        assert!(all(&alice).await.contains(&(2, said(&["6", "5"]))));
    });
}

#[test]
fn who_left_is_not_brought_back_by_a_note() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let (bob, carol) = (actor("bob"), actor("carol"));
        let to_alice = world.url("/users/alice");
        let note = |id: u32| Note {
            id,
            from: &bob,
            context: Some(CONTEXT),
            to: vec![to_alice.clone(), carol.id.to_string()],
            written: "2020-01-01T00:00:00Z",
        };
        note(1).arrive(&world, &[&carol]).await.unwrap();
        let group = conversation(&alice).await;
        let seat = format!("/api/v1/channels/{group}/members/@me");
        alice.delete(&seat).await.expect(204);
        let again = note(2).arrive(&world, &[&carol]).await;
        assert_eq!(again, Err(Ignored::NotWanted));
        assert!(all(&alice).await.is_empty());
        // Somebody who is in it may bring them back.
        let add = change(&bob, |id, by, group| {
            Activity::add(id, by, url(&to_alice), group)
        });
        assert!(told(&world, add, &bob, None).await);
        note(3).arrive(&world, &[&carol]).await.unwrap();
        assert_eq!(all(&alice).await, [(3, said(&["3"]))]);
    });
}

#[test]
fn attack_only_those_in_a_group_bring_in_and_only_its_maker_takes_out() {
    on_each_backend(async |database| {
        let world = World::start_with(&database, |c| c.limits.conversation_people = 5).await;
        let (alice, dave) = (world.member("alice").await, world.member("dave").await);
        let (bob, carol, eve) = (actor("bob"), actor("carol"), actor("eve"));
        let erin = actor("erin");
        let to_alice = world.url("/users/alice");
        let note = |id: u32, written: &'static str| Note {
            id,
            from: &carol,
            context: Some(CONTEXT),
            to: vec![to_alice.clone(), bob.id.to_string()],
            written,
        };
        let first = Note {
            from: &bob,
            to: vec![to_alice.clone(), carol.id.to_string()],
            ..note(1, "2020-01-01T00:00:00Z")
        };
        first.arrive(&world, &[&carol]).await.unwrap();
        // Eve was met in another conversation.
        let met = Note {
            id: 9,
            from: &eve,
            context: None,
            to: vec![to_alice.clone()],
            written: "2020-01-01T00:00:00Z",
        };
        met.arrive(&world, &[]).await.unwrap();
        let here = url(&world.url("/users/dave"));
        let add =
            |by: &Actor, who: Url| change(by, |id, by, group| Activity::add(id, by, who, group));
        let take =
            |by: &Actor, who: Url| change(by, |id, by, group| Activity::remove(id, by, who, group));
        assert!(!told(&world, add(&eve, eve.id.clone()), &eve, None).await);
        assert!(!told(&world, add(&eve, here.clone()), &eve, None).await);
        assert!(!told(&world, take(&eve, bob.id.clone()), &eve, None).await);
        assert!(!told(&world, take(&carol, bob.id.clone()), &carol, None).await);
        assert!(told(&world, add(&carol, erin.id.clone()), &carol, Some(&erin)).await);
        // A note that was on its way meanwhile goes into the group; a later one without erin does not.
        note(2, "2020-01-01T00:00:00Z")
            .arrive(&world, &[&bob])
            .await
            .unwrap();
        note(3, "2999-01-01T00:00:00Z")
            .arrive(&world, &[&bob])
            .await
            .unwrap();
        let found = all(&alice).await;
        assert!(found.contains(&(4, said(&["2", "1"]))), "{found:?}");
        assert!(found.contains(&(3, said(&["3"]))), "{found:?}");
        assert!(told(&world, add(&bob, here.clone()), &bob, None).await);
        assert!(all(&dave).await == [(5, said(&[]))]);
        assert!(
            !told(&world, add(&bob, eve.id.clone()), &bob, None).await,
            "it is full"
        );
        assert!(!told(&world, take(&carol, here.clone()), &carol, None).await);
        assert!(told(&world, take(&bob, here), &bob, None).await);
        assert!(all(&dave).await.is_empty());
        let leave = change(&carol, |id, by, group| {
            Activity::new(id, ActivityKind::Leave, by).with_object(group)
        });
        assert!(told(&world, leave, &carol, None).await);
        let found = all(&alice).await;
        assert!(found.contains(&(3, said(&["2", "1"]))), "{found:?}");
    });
}

#[test]
fn people_of_other_nodes_write_to_those_who_let_them() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, dave) = (world.member("alice").await, world.member("dave").await);
        let bob = actor("bob");
        let note = |id: u32, to: &[&str]| Note {
            id,
            from: &bob,
            context: None,
            to: to.iter().map(|path| world.url(path)).collect(),
            written: "2020-01-01T00:00:00Z",
        };
        note(1, &["/users/alice"])
            .arrive(&world, &[])
            .await
            .unwrap();
        for member in [&alice, &dave] {
            let choice = json!({"direct_messages": "followed"});
            member.patch("/api/v1/users/@me", &choice).await.expect(200);
        }
        let refused = note(2, &["/users/dave"]).arrive(&world, &[]).await;
        assert_eq!(refused, Err(Ignored::NotWanted));
        let both = ["/users/alice", "/users/dave"];
        let refused = note(3, &both).arrive(&world, &[]).await;
        assert_eq!(refused, Err(Ignored::NotWanted));
        note(4, &["/users/alice"])
            .arrive(&world, &[])
            .await
            .unwrap();
        assert_eq!(
            all(&alice).await,
            [(2, said(&["4", "1"]))],
            "what is open goes on"
        );
        assert!(all(&dave).await.is_empty());
    });
}

#[test]
fn a_group_over_two_nodes_is_one_on_both() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, carol) = (a.member("alice").await, a.member("carol").await);
        let (bob, dave) = (b.member("bob").await, b.member("dave").await);
        let whom = json!({"recipients": [handle(&b, "bob"), "carol"]});
        let made = alice.post("/api/v1/dms", &whom).await.expect(201);
        let group = made["id"].as_str().unwrap().to_owned();
        let first = alice.say(&group, "1").await;
        assert_eq!(first["delivery"].as_array().unwrap().len(), 1);
        let at_b = conversation(&bob).await;
        bob.say(&at_b, "2").await;
        for member in [&alice, &carol] {
            arrived(member, &group, &["2", "1"]).await;
        }

        let resolve = format!("/api/v1/federation/resolve?handle={}", handle(&b, "dave"));
        let found = alice.get(&resolve).await.expect(200);
        let dave_at_a = found["id"].as_str().unwrap();
        let seat = |channel: &str, who: &str| format!("/api/v1/channels/{channel}/members/{who}");
        carol
            .put(&seat(&group, dave_at_a), &json!({}))
            .await
            .expect(204);
        let at_dave = conversation(&dave).await;
        assert_eq!(at_dave, at_b, "both are in one conversation of their node");
        bob.say(&at_b, "3").await;
        arrived(&alice, &group, &["3", "2", "1"]).await;
        assert_eq!(contents(&dave, &at_dave).await, ["3"]);

        // Each message has its own recipients, and shows their states to its author alone.
        let last = alice.say(&group, "4").await;
        assert_eq!(last["delivery"].as_array().unwrap().len(), 2);
        arrived(&dave, &at_dave, &["4", "3"]).await;
        let path = |message: &Value| {
            let id = message["id"].as_str().unwrap();
            format!("/api/v1/channels/{group}/messages/{id}")
        };
        until("both deliveries", async || {
            let shown = alice.get(&path(&last)).await.expect(200);
            let states = shown["delivery"].as_array().unwrap().iter();
            let count = states.filter(|one| one["state"] == "delivered").count();
            (count == 2).then_some(())
        })
        .await;
        let shown = alice.get(&path(&first)).await.expect(200);
        assert_eq!(shown["delivery"].as_array().unwrap().len(), 1);
        let shown = carol.get(&path(&last)).await.expect(200);
        assert_eq!(shown["delivery"], json!([]));
        // An edit goes to those alone who have the message.
        let edit = json!({"content": "one"});
        let edited = alice.patch(&path(&first), &edit).await.expect(200);
        assert_eq!(edited["delivery"].as_array().unwrap().len(), 1);
        arrived(&bob, &at_b, &["4", "3", "2", "one"]).await;
        assert_eq!(contents(&dave, &at_dave).await, ["4", "3"]);

        // The one who made it takes out, whichever node asks.
        let refused = bob.delete(&seat(&at_b, &dave.id)).await;
        refused.expect_problem(403, "not_the_maker");
        alice.delete(&seat(&group, dave_at_a)).await.expect(204);
        until("dave out", async || {
            all(&dave).await.is_empty().then_some(())
        })
        .await;
        carol.delete(&seat(&group, "@me")).await.expect(204);
        until("carol gone", async || {
            let dms = bob.get("/api/v1/dms").await.expect(200);
            let people = dms["items"][0]["participants"].as_array().unwrap().len();
            (people == 2).then_some(())
        })
        .await;
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn a_group_over_three_nodes_outlives_the_outage_of_one() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let third = TestDatabase::create(Backend::Sqlite);
        let c = World::start_with(&third, open).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (dave, erin) = (b.member("dave").await, c.member("erin").await);
        let erins = handle(&c, "erin");
        let whom = json!({"recipients": [handle(&b, "bob"), erins]});
        let made = alice.post("/api/v1/dms", &whom).await.expect(201);
        let group = made["id"].as_str().unwrap().to_owned();
        alice.say(&group, "1").await;
        let (at_b, at_c) = (conversation(&bob).await, conversation(&erin).await);
        let (token, id) = (erin.token.clone(), erin.id.clone());
        drop(erin);
        let (port, data) = c.stop().await;

        alice.say(&group, "2").await;
        arrived(&bob, &at_b, &["2", "1"]).await;
        let resolve = format!("/api/v1/federation/resolve?handle={}", handle(&b, "dave"));
        let found = alice.get(&resolve).await.expect(200);
        let seat = format!(
            "/api/v1/channels/{group}/members/{}",
            found["id"].as_str().unwrap()
        );
        alice.put(&seat, &json!({})).await.expect(204);
        alice.say(&group, "3").await;
        arrived(&bob, &at_b, &["3", "2", "1"]).await;

        let c = World::start_at(&third, data, port, open).await;
        let erin = c.returning(token, id);
        arrived(&erin, &at_c, &["3", "2", "1"]).await;
        erin.say(&at_c, "4").await;
        for (member, channel) in [(&alice, &group), (&bob, &at_b)] {
            arrived(member, channel, &["4", "3", "2", "1"]).await;
        }
        assert_eq!(contents(&dave, &at_b).await, ["4", "3"]);
        drop((erin, dave));
        a.stop().await;
        b.stop().await;
        c.stop().await;
    });
}

fn said(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// Waits until a conversation holds these, the newest first.
async fn arrived(member: &Member<'_>, channel: &str, texts: &[&str]) {
    until("all messages", async || {
        (contents(member, channel).await == texts).then_some(())
    })
    .await;
}
