//! What goes out to other nodes and what comes in, at the seam to the federation core.

use std::sync::Arc;

use federation_core::Timestamp;
use federation_core::outbox::sql as outbox;
use federation_core::outbox::{Delivery, DeliveryFilter, DeliveryState, SettledDelivery};
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::on_each_backend;
use federation_core::vocab::{Activity, Actor, ActorKind, Object, Tag, public_url};
use folkmoot::messages::federate::{self, Ignored, IncomingNote, Received};
use serde_json::{Value, json};
use url::Url;

use super::world::{Member, World};

const BOB: &str = "https://b.example/users/bob";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn actor(id: &str) -> Actor {
    let mut actor = Actor::new(url(id), ActorKind::Person, url(&format!("{id}/inbox")));
    actor.followers = Some(url(&format!("{id}/followers")));
    actor
}

fn note(id: &str, to: &[String], html: &str) -> Object {
    let mut note = Object::note(url(id), url(BOB), html);
    note.to = to.iter().map(|to| url(to)).collect();
    note.tag = note
        .to
        .iter()
        .map(|to| Tag::mention(to.clone(), "@x@y"))
        .collect();
    note.published = Timestamp::parse_rfc3339("2026-01-01T00:00:00Z");
    note
}

fn create(note: Object) -> Activity {
    let id = format!("{}/create", note.id.as_ref().unwrap());
    let actor = note.attributed_to[0].clone();
    Activity::create(url(&id), actor, note)
}

fn update(mut note: Object, at: &str) -> Activity {
    note.updated = Timestamp::parse_rfc3339(at);
    let id = format!("{}/update/{at}", note.id.as_ref().unwrap());
    Activity::update(url(&id), note.attributed_to[0].clone(), note)
}

fn delete(id: &str, actor: &str) -> Activity {
    Activity::delete(
        url(&format!("{id}/delete")),
        url(actor),
        Object::tombstone(url(id)),
    )
}

/// Has the effect of an activity, as the inbox does.
async fn receive(world: &World, activity: &Activity, author: &Actor) -> Received {
    use federation_core::vocab::ActivityKind;
    let ctx = world.app.ctx().clone();
    let kind = activity.kind.clone();
    let (activity, author) = (Arc::new(activity.clone()), Arc::new(author.clone()));
    if kind == ActivityKind::Delete {
        let raw = activity.to_value().to_string();
        let work = move |c: &mut Connection| {
            federate::receive_delete(&ctx, c, &activity, &author, raw.as_bytes())
        };
        return write(world, work).await;
    }
    let note = IncomingNote::read(&activity, &author, ctx.origin(), &ctx.config().limits)?;
    let work = move |c: &mut Connection| match kind {
        ActivityKind::Create => federate::receive_create(&ctx, c, &note, &author),
        _ => federate::receive_update(&ctx, c, &note, &author),
    };
    write(world, work).await
}

async fn write<T: Send + 'static>(
    world: &World,
    work: impl Fn(&mut Connection) -> Result<T, DatabaseError> + Send + 'static,
) -> T {
    world.app.ctx().db().write(work).await.unwrap()
}

/// The messages that a member has in the conversation with bob of the other node.
async fn messages(member: &Member<'_>) -> Vec<Value> {
    let list = member.get("/api/v1/dms").await.expect(200);
    let Some(channel) = list["items"][0]["id"].as_str() else {
        return Vec::new();
    };
    let path = format!("/api/v1/channels/{channel}/messages");
    member.get(&path).await.expect(200)["items"]
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn a_note_becomes_a_message_and_its_changes_follow() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let (mut socket, _) = alice.socket(None).await;
        let to = [world.url("/users/alice")];
        let id = "https://b.example/notes/1";
        let html = "<p>Hi <b>you</b><script>alert(1)</script><img src=x onerror=y></p>";
        let bob = actor(BOB);
        receive(&world, &create(note(id, &to, html)), &bob)
            .await
            .unwrap();
        let channel = socket.next().await;
        assert_eq!(channel["op"], "channel.created");
        assert_eq!(channel["d"]["participants"].as_array().unwrap().len(), 2);
        let created = socket.next().await;
        assert_eq!(created["op"], "message.created");
        assert_eq!(created["d"]["author"]["handle"], "@bob@b.example");
        assert_eq!(created["d"]["html"], "<p>Hi <b>you</b></p>");
        assert_eq!(created["d"]["content"], "Hi **you**");
        assert_eq!(created["d"]["created_at"], "2026-01-01T00:00:00.000Z");
        assert_eq!(messages(&alice).await, [created["d"].clone()]);
        let again = receive(&world, &create(note(id, &to, "<p>other</p>")), &bob).await;
        assert_eq!(again, Err(Ignored::Duplicate));
        let newer = update(note(id, &to, "<p>two</p>"), "2026-01-02T00:00:00Z");
        receive(&world, &newer, &bob).await.unwrap();
        assert_eq!(socket.next().await["d"]["content"], "two");
        let older = update(note(id, &to, "<p>old</p>"), "2026-01-01T12:00:00Z");
        assert_eq!(receive(&world, &older, &bob).await, Err(Ignored::Stale));
        receive(&world, &delete(id, BOB), &bob).await.unwrap();
        assert_eq!(socket.next().await["op"], "message.deleted");
        assert!(messages(&alice).await.is_empty());
        for late in [create(note(id, &to, "<p>x</p>")), newer] {
            assert_eq!(receive(&world, &late, &bob).await, Err(Ignored::Deleted));
        }
    });
}

#[test]
fn a_peer_whose_clock_runs_ahead_still_edits() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let (to, bob) = ([world.url("/users/alice")], actor(BOB));
        let mut first = note("https://b.example/notes/1", &to, "<p>one</p>");
        first.published = Timestamp::parse_rfc3339("2999-01-01T00:00:00Z");
        receive(&world, &create(first.clone()), &bob).await.unwrap();
        first.content = Some("<p>two</p>".to_owned());
        let edit = update(first.clone(), "2999-01-01T00:00:02Z");
        receive(&world, &edit, &bob).await.unwrap();
        let seen = messages(&alice).await.remove(0);
        assert_eq!(seen["content"], "two");
        assert!(seen["edited_at"].as_str().unwrap() < "2999", "{seen:#}");
        first.content = Some("<p>old</p>".to_owned());
        let older = update(first, "2999-01-01T00:00:01Z");
        assert_eq!(receive(&world, &older, &bob).await, Err(Ignored::Stale));
    });
}

#[test]
fn members_who_could_not_be_reached_join_later() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let carol = actor("https://c.example/users/carol");
        let to = [world.url("/users/alice"), carol.id.to_string()];
        let bob = Arc::new(actor(BOB));
        let mut sizes = Vec::new();
        for (number, met) in [(1, None), (2, Some(&carol)), (3, None)] {
            let id = format!("https://b.example/notes/{number}");
            let (ctx, author) = (world.app.ctx().clone(), Arc::clone(&bob));
            let (activity, limits) = (create(note(&id, &to, "<p>x</p>")), &ctx.config().limits);
            let mut note = IncomingNote::read(&activity, &bob, ctx.origin(), limits).unwrap();
            note.introduce(met);
            let ctx = ctx.clone();
            let work = move |c: &mut Connection| federate::receive_create(&ctx, c, &note, &author);
            write(&world, work).await.unwrap();
            let list = alice.get("/api/v1/dms").await.expect(200);
            assert_eq!(list["items"].as_array().unwrap().len(), 1);
            sizes.push(list["items"][0]["participants"].as_array().unwrap().len());
        }
        assert_eq!(sizes, [2, 3, 3]);
    });
}

#[test]
fn i4_only_the_stored_author_changes_or_deletes() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, _carol) = (world.member("alice").await, world.member("carol").await);
        let to = [world.url("/users/alice")];
        let (bob, eve) = (actor(BOB), actor("https://b.example/users/eve"));
        let id = "https://b.example/notes/1";
        receive(&world, &create(note(id, &to, "<p>one</p>")), &bob)
            .await
            .unwrap();
        let mut forged = note(id, &to, "<p>forged</p>");
        assert_eq!(
            receive(
                &world,
                &update(forged.clone(), "2026-02-01T00:00:00Z"),
                &eve
            )
            .await,
            Err(Ignored::NotTheOwner)
        );
        forged.attributed_to = vec![eve.id.clone()];
        assert_eq!(
            receive(&world, &update(forged, "2026-02-01T00:00:00Z"), &eve).await,
            Err(Ignored::NotTheOwner)
        );
        let forged = delete(id, eve.id.as_str());
        assert_eq!(
            receive(&world, &forged, &eve).await,
            Err(Ignored::NotTheOwner)
        );
        // A message of this node, claimed from outside.
        let channel = alice.dm(&["carol"]).await;
        let own = alice.say(&channel, "mine").await;
        let uri = own["uri"].as_str().unwrap();
        let claim = delete(uri, BOB);
        assert_eq!(
            receive(&world, &claim, &bob).await,
            Err(Ignored::NotTheOwner)
        );
        let mut claim = note("https://b.example/notes/2", &to, "<p>x</p>");
        claim.id = Some(url(uri));
        assert_eq!(
            receive(&world, &create(claim), &bob).await,
            Err(Ignored::LocalId)
        );
        assert_eq!(messages_of(&alice, &channel).await[0]["content"], "mine");
    });
}

async fn messages_of(member: &Member<'_>, channel: &str) -> Vec<Value> {
    let path = format!("/api/v1/channels/{channel}/messages");
    member.get(&path).await.expect(200)["items"]
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn only_private_notes_to_people_here_are_taken() {
    on_each_backend(async |database| {
        let world = World::start_with(&database, |c| c.limits.conversation_people = 4).await;
        let alice = world.member("alice").await;
        let here = world.url("/users/alice");
        let bob = actor(BOB);
        let many: Vec<String> = (0..9).map(|i| format!("https://c.example/{i}")).collect();
        let cases = [
            (
                vec![here.clone(), public_url().to_string()],
                Ignored::NotPrivate,
            ),
            (
                vec![
                    here.clone(),
                    "https://b.example/users/bob/followers".to_owned(),
                ],
                Ignored::NotPrivate,
            ),
            (
                vec!["https://c.example/users/carol".to_owned()],
                Ignored::NobodyHere,
            ),
            (vec![world.url("/users/nobody")], Ignored::NobodyHere),
            ([vec![here.clone()], many].concat(), Ignored::TooManyPeople),
        ];
        for (to, why) in cases {
            let activity = create(note("https://b.example/notes/1", &to, "<p>x</p>"));
            assert_eq!(receive(&world, &activity, &bob).await, Err(why), "{to:?}");
        }
        // A deletion that came first is remembered, but only the actor's own.
        let (early, other) = ("https://b.example/notes/2", "https://b.example/notes/3");
        let gone = receive(&world, &delete(early, BOB), &bob).await;
        assert_eq!(gone, Err(Ignored::Unknown));
        let eve = actor("https://b.example/users/eve");
        let gone = receive(&world, &delete(other, eve.id.as_str()), &eve).await;
        assert_eq!(gone, Err(Ignored::Unknown));
        let to = [here];
        let late = create(note(early, &to, "<p>x</p>"));
        assert_eq!(receive(&world, &late, &bob).await, Err(Ignored::Deleted));
        assert!(messages(&alice).await.is_empty());
        receive(&world, &create(note(other, &to, "<p>y</p>")), &bob)
            .await
            .unwrap();
        assert_eq!(messages(&alice).await.len(), 1);
    });
}

#[test]
fn a_message_leaves_as_a_private_note_and_shows_how_far_it_came() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let to = [world.url("/users/alice")];
        let bob = actor(BOB);
        know(&world, &bob).await;
        let first = create(note("https://b.example/notes/1", &to, "<p>Hi</p>"));
        receive(&world, &first, &bob).await.unwrap();
        let seen = messages(&alice).await.remove(0);
        let channel = seen["channel_id"].as_str().unwrap().to_owned();
        let (mut socket, _) = alice.socket(None).await;
        let path = format!("/api/v1/channels/{channel}/messages");
        let body = json!({"content": "*Hello*", "reply_to": seen["id"]});
        let sent = alice.post(&path, &body).await.expect(201);
        assert_eq!(sent["delivery"][0]["recipient"], "@bob@b.example");
        assert_eq!(sent["delivery"][0]["state"], "queued");
        let created = socket.next().await["d"].clone();
        assert_eq!(created["id"], sent["id"]);
        assert_eq!(
            created["delivery"],
            json!([]),
            "how far it came is the author's"
        );
        let queued = deliveries(&world).await;
        assert_eq!(queued.len(), 1);
        assert_eq!(
            queued[0].inbox.as_str(),
            "https://b.example/users/bob/inbox"
        );
        let body = outgoing(&world, queued[0].activity_id.as_str()).await;
        assert_eq!(body["type"], "Create");
        assert_eq!(body["actor"], to[0]);
        let object = &body["object"];
        assert_eq!(object["id"], sent["uri"]);
        assert_eq!(object["to"], json!([BOB]));
        assert_eq!(body["to"], json!([BOB]));
        assert!(object.get("cc").is_none_or(|cc| *cc == json!([])));
        assert_eq!(object["content"], "<p><em>Hello</em></p>");
        assert_eq!(object["inReplyTo"], "https://b.example/notes/1");
        assert_eq!(object["tag"][0]["href"], BOB);
        assert!(object["context"].as_str().unwrap().ends_with(&channel));
        settle(&world, &queued[0], DeliveryState::Delivered).await;
        let told = socket.next().await;
        assert_eq!(told["op"], "delivery.updated");
        assert_eq!(told["d"]["message_id"], sent["id"]);
        assert_eq!(told["d"]["state"], "delivered");
        let one = format!("{path}/{}", sent["id"].as_str().unwrap());
        assert_eq!(
            alice.get(&one).await.expect(200)["delivery"][0]["state"],
            "delivered"
        );
        // An edit is on its way again; the end of the old delivery says nothing about it.
        let edited = alice
            .patch(&one, &json!({"content": "x"}))
            .await
            .expect(200);
        assert_eq!(edited["delivery"][0]["state"], "queued");
        settle(&world, &queued[0], DeliveryState::Delivered).await;
        assert_eq!(
            alice.get(&one).await.expect(200)["delivery"][0]["state"],
            "queued"
        );
        alice.delete(&one).await.expect(204);
        let kinds: Vec<Value> = {
            let mut kinds = Vec::new();
            for delivery in deliveries(&world).await {
                kinds.push(outgoing(&world, delivery.activity_id.as_str()).await["type"].clone());
            }
            kinds
        };
        // What is just being sent cannot be withdrawn; newest first.
        assert_eq!(kinds[0], "Delete");
        assert!(!kinds.contains(&json!("Update")), "{kinds:?}");
    });
}

#[test]
fn recipients_without_an_inbox_are_told_as_failed() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let to = [world.url("/users/alice")];
        let first = create(note("https://b.example/notes/1", &to, "<p>Hi</p>"));
        receive(&world, &first, &actor(BOB)).await.unwrap();
        let channel = messages(&alice).await[0]["channel_id"]
            .as_str()
            .unwrap()
            .to_owned();
        let sent = alice.say(&channel, "x").await;
        assert_eq!(sent["delivery"][0]["state"], "failed");
        assert!(deliveries(&world).await.is_empty());
    });
}

/// Stores the document of an actor, as the directory does when it fetches one.
async fn know(world: &World, actor: &Actor) {
    use diesel::prelude::*;
    let (id, document) = (actor.id.to_string(), actor.to_value().to_string());
    write(world, move |connection| {
        let host = diesel::sql_query(format!(
            "INSERT INTO remote_actors (id, host, document, fetched_at) \
             VALUES ('{id}', 'b.example', '{document}', 0)"
        ));
        host.execute(connection)?;
        Ok(())
    })
    .await;
}

async fn deliveries(world: &World) -> Vec<Delivery> {
    write(world, |connection| {
        let filter = DeliveryFilter {
            state: Some(DeliveryState::Queued),
            limit: 50,
            ..DeliveryFilter::default()
        };
        outbox::list(connection, &filter)
    })
    .await
}

async fn outgoing(world: &World, id: &str) -> Value {
    use diesel::prelude::*;
    #[derive(QueryableByName)]
    struct Body {
        #[diesel(sql_type = diesel::sql_types::Text)]
        body: String,
    }
    let query = format!("SELECT body FROM outgoing_activities WHERE id = '{id}'");
    let row: Body = write(world, move |connection| {
        Ok(diesel::sql_query(query.clone()).get_result::<Body>(connection)?)
    })
    .await;
    serde_json::from_str(&row.body).unwrap()
}

async fn settle(world: &World, delivery: &Delivery, state: DeliveryState) {
    let ctx = world.app.ctx().clone();
    let settled = SettledDelivery {
        delivery_id: delivery.id,
        activity_id: delivery.activity_id.clone(),
        inbox: delivery.inbox.clone(),
        recipients: delivery.recipients.clone(),
        state,
        attempts: 1,
        last_status: Some(202),
        last_error: None,
    };
    write(world, move |connection| {
        folkmoot::messages::on_settled(&ctx, connection, &settled)
    })
    .await;
}

#[test]
fn what_somebody_writes_who_was_blocked_is_taken_and_shown_to_nobody() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, carol) = (world.member("alice").await, world.member("carol").await);
        let (to, bob) = ([world.url("/users/alice")], actor(BOB));
        let first = note("https://b.example/notes/1", &to, "<p>one</p>");
        receive(&world, &create(first), &bob).await.unwrap();
        let id = messages(&alice).await[0]["author"]["id"].clone();
        let block = format!("/api/v1/users/@me/blocks/{}", id.as_str().unwrap());
        alice.put(&block, &json!({})).await.expect(200);
        let second = create(note("https://b.example/notes/2", &to, "<p>two</p>"));
        let refused = receive(&world, &second, &bob).await;
        assert_eq!(refused, Err(Ignored::ActorRefused));
        assert_eq!(messages(&alice).await.len(), 1);
        // Others hear from bob as before.
        let others = [world.url("/users/carol")];
        let third = create(note("https://b.example/notes/3", &others, "<p>three</p>"));
        receive(&world, &third, &bob).await.unwrap();
        assert_eq!(messages(&carol).await.len(), 1);
        alice.delete(&block).await.expect(204);
        receive(&world, &second, &bob).await.unwrap();
        assert_eq!(messages(&alice).await.len(), 2);
    });
}
