//! Messages that are passed on.

use federation_core::testing::{TestDatabase, on_each_backend};
use serde_json::{Value, json};

use super::world::World;
use crate::communities::village::{Village, people};
use crate::federation::pair::{handle, pair};

/// The body that passes a message on.
fn forward(message: &Value) -> Value {
    let source = json!({"channel_id": message["channel_id"], "message_id": message["id"]});
    json!({"forward": source})
}

#[test]
fn a_forward_carries_what_was_said_and_outlives_it() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let _carol = world.member("carol").await;
        let (here, there) = (alice.dm(&["bob"]).await, alice.dm(&["carol"]).await);
        let said = bob.say(&here, "it is **so**").await;
        let path = format!("/api/v1/channels/{there}/messages");
        let bare = alice.post(&path, &forward(&said)).await.expect(201);
        assert_eq!((&bare["content"], &bare["html"]), (&json!(""), &json!("")));
        let carried = json!({
            "uri": said["uri"],
            "author": said["author"]["handle"],
            "content": "it is **so**",
            "html": "<p>it is <strong>so</strong></p>",
            "created_at": said["created_at"],
        });
        assert_eq!(bare["forwarded"], carried);
        let mut body = forward(&said);
        body["content"] = json!("look");
        let beside = alice.post(&path, &body).await.expect(201);
        assert_eq!(beside["html"], "<p>look</p>");
        assert_eq!(beside["forwarded"], carried);
        // What carries something and says nothing is passed over.
        let again = alice.post(&path, &forward(&bare)).await.expect(201);
        assert_eq!(again["forwarded"], carried);
        let own = alice.post(&path, &forward(&beside)).await.expect(201);
        assert_eq!(own["forwarded"]["content"], "look");
        let original = format!(
            "/api/v1/channels/{here}/messages/{}",
            said["id"].as_str().unwrap()
        );
        bob.delete(&original).await.expect(204);
        let gone = alice.post(&path, &forward(&said)).await;
        gone.expect_problem(422, "unknown_forward");
        let shown = format!("{path}/{}", bare["id"].as_str().unwrap());
        assert_eq!(alice.get(&shown).await.expect(200)["forwarded"], carried);
        let page = alice.get(&path).await.expect(200);
        assert_eq!(page["items"][3]["forwarded"], carried, "{page:#}");
        for nothing in [json!({}), json!({"reply_to": bare["id"]})] {
            let refused = alice.post(&path, &nothing).await;
            refused.expect_problem(422, "empty_content");
        }
        world.stop().await;
    });
}

#[test]
fn attack_nobody_forwards_what_they_may_not_read() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann", "eve"]).await;
        let [owner, ann, eve] = &members[..] else {
            panic!()
        };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let secret = owner.say(&village.square, "not for eve").await;
        let dm = eve.dm(&["ann"]).await;
        let path = format!("/api/v1/channels/{dm}/messages");
        let refused = eve.post(&path, &forward(&secret)).await;
        refused.expect_problem(422, "unknown_forward");
        // The message has to be in the channel that is named.
        let mut elsewhere = forward(&secret);
        elsewhere["forward"]["channel_id"] = json!(dm);
        let refused = eve.post(&path, &elsewhere).await;
        refused.expect_problem(422, "unknown_forward");
        ann.post(&path, &forward(&secret)).await.expect(201);
        let everyone = village.everyone(owner).await;
        let body = json!({"permissions": ["view_channel", "send_messages"]});
        let role = village.path(&format!("/roles/{everyone}"));
        owner.patch(&role, &body).await.expect(200);
        let refused = ann.post(&path, &forward(&secret)).await;
        refused.expect_problem(403, "missing_permission");
        world.stop().await;
    });
}

#[test]
fn other_servers_get_a_quotation() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let carol = a.member("carol").await;
        let (mut at_bob, _) = bob.socket(None).await;
        let here = carol.dm(&["alice"]).await;
        let said = carol.say(&here, "it is **so**").await;
        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        let path = format!("/api/v1/channels/{channel}/messages");
        let mut body = forward(&said);
        body["content"] = json!("look");
        alice.post(&path, &body).await.expect(201);
        let got = at_bob.next_op("message.created").await["d"].clone();
        let html = got["html"].as_str().unwrap();
        assert!(html.starts_with("<p>look</p><blockquote>"), "{html}");
        for part in [
            said["uri"].as_str().unwrap(),
            said["author"]["handle"].as_str().unwrap(),
            "<p>it is <strong>so</strong></p></blockquote>",
        ] {
            assert!(html.contains(part), "{part} in {html}");
        }
        a.stop().await;
        b.stop().await;
    });
}
