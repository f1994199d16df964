//! Keys that are exchanged while messages pass: in every stage they are verified on both sides.

use std::time::Duration;

use diesel::prelude::*;
use diesel::sql_types::Text;
use federation_core::SystemClock;
use federation_core::clock::Clock as _;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::{TestDatabase, on_each_backend};
use federation_core::vocab::Actor;
use serde_json::{Value, json};
use url::Url;

use super::pair::{actor, contents, conversation, fetch, handle, open, pair, until};
use crate::chat::world::{Member, World};

const DAY: Duration = Duration::from_hours(24);

async fn say(member: &Member<'_>, channel: &str, text: &str) {
    let path = format!("/api/v1/channels/{channel}/messages");
    member
        .post(&path, &json!({"content": text}))
        .await
        .expect(201);
}

async fn arrives(member: &Member<'_>, channel: &str, text: &str) {
    until(text, async || {
        let seen = contents(member, channel).await;
        seen.iter().any(|content| content == text).then_some(())
    })
    .await;
}

/// The document of an actor: the id in `publicKey`, and how many keys are in `assertionMethod`.
async fn listed(world: &World, path: &str) -> (String, usize) {
    let document = fetch(world, path, None).await.expect(200);
    assert!(document["publicKey"].is_object(), "{document}");
    let id = document["publicKey"]["id"].as_str().unwrap();
    let others = document["assertionMethod"].as_array().unwrap();
    (id.to_owned(), others.len())
}

/// Moves the keys of two actors on, as of `at`; how many steps were taken.
async fn advance(world: &World, at: Duration) -> usize {
    let keys = world.app.parts().edge.keys();
    let now = SystemClock.now().minus(at);
    keys.advance(now).await.unwrap().total()
}

#[test]
fn messages_pass_in_every_stage_of_a_rotation() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let whom = json!({"recipients": [handle(&b, "bob")]});
        let made = alice.post("/api/v1/dms", &whom).await.expect(201);
        let hers = made["id"].as_str().unwrap().to_owned();
        say(&alice, &hers, "before").await;
        let his = conversation(&bob).await;
        arrives(&bob, &his, "before").await;
        let (first, _) = listed(&a, "/users/alice").await;
        let id = actor(&a, "alice");
        let node: Url = a.url("/actor").parse().unwrap();

        // Published: the old keys sign.
        let begun = SystemClock.now().minus(DAY * 9);
        for actor in [&id, &node] {
            let keys = a.app.parts().edge.keys();
            assert!(keys.rotate(actor, begun).await.unwrap());
        }
        assert_eq!(listed(&a, "/users/alice").await, (first.clone(), 3));
        assert_eq!(listed(&a, "/actor").await.1, 3);
        say(&alice, &hers, "published").await;
        arrives(&bob, &his, "published").await;

        // Switched: the new keys sign, and the other server is told.
        assert_eq!(advance(&a, DAY * 8).await, 2);
        let (second, others) = listed(&a, "/users/alice").await;
        assert_ne!(second, first);
        assert_eq!(others, 3);
        say(&alice, &hers, "switched").await;
        arrives(&bob, &his, "switched").await;
        until("the new key at the other server", async || {
            let known = b.app.parts().edge.directory().actor(&id).await.unwrap();
            shows(&known, &second).then_some(())
        })
        .await;
        say(&bob, &his, "back").await;
        arrives(&alice, &hers, "back").await;

        // The server starts again in the middle, and takes up where it was: the overlap is over,
        // so the old keys go.
        let (token, member) = (alice.token.clone(), alice.id.clone());
        let (port, data) = a.stop().await;
        let a = World::start_at(&database, data, port, open).await;
        let alice = a.returning(token, member);
        until("the old keys to go", async || {
            (listed(&a, "/users/alice").await == (second.clone(), 1)).then_some(())
        })
        .await;
        say(&alice, &hers, "retired").await;
        arrives(&bob, &his, "retired").await;
        let _stopped = (a.stop().await, b.stop().await);
    });
}

fn shows(actor: &Actor, key_id: &str) -> bool {
    let first = actor.public_keys.first();
    first.is_some_and(|key| key.id.as_str() == key_id)
}

/// Everything that was ever queued.
pub(super) fn bodies(connection: &mut Connection) -> Result<Vec<String>, DatabaseError> {
    let query = diesel::sql_query("SELECT body FROM outgoing_activities");
    let rows: Vec<Body> = query.load(connection)?;
    Ok(rows.into_iter().map(|row| row.body).collect())
}

#[derive(QueryableByName)]
struct Body {
    #[diesel(sql_type = Text)]
    body: String,
}

#[test]
fn a_change_of_keys_is_told_with_a_proof() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let whom = json!({"handle": handle(&b, "bob")});
        alice
            .post("/api/v1/federation/follow", &whom)
            .await
            .expect(200);
        until("follow", async || {
            let page = bob.get("/api/v1/federation/followers").await.expect(200);
            page["items"][0]["state"].as_str().map(drop)
        })
        .await;
        let keys = a.app.parts().edge.keys();
        let id = actor(&a, "alice");
        let now = SystemClock.now();
        assert!(keys.rotate(&id, now).await.unwrap());
        let document = fetch(&a, "/users/alice", None).await.expect(200);
        let bodies: Vec<String> = a.app.ctx().db().read(bodies).await.unwrap();
        let told = bodies
            .iter()
            .filter_map(|body| serde_json::from_str::<Value>(body).ok())
            .find(|activity| activity["type"] == "Update")
            .unwrap();
        assert_eq!(
            told["object"]["assertionMethod"],
            document["assertionMethod"]
        );
        let map = told.as_object().unwrap();
        let mut policy = federation_core::proof::ProofPolicy::default();
        policy.allow_http = true;
        let claim = federation_core::proof::inspect(map, &policy, now).unwrap();
        let own = keys.of(&id).await.unwrap();
        assert_eq!(claim.verification_method(), own.ed25519().key_id());
        claim.verify(&own.ed25519().key().public_key()).unwrap();
        // What is not public goes without: it could be shown around.
        let mut others = bodies.iter().filter(|body| !body.contains("\"Update\""));
        assert!(others.all(|body| !body.contains("\"proof\"")));
        let _stopped = (a.stop().await, b.stop().await);
    });
}
