//! Direct messages between servers.

use federation_core::testing::{TestDatabase, on_each_backend};
use serde_json::json;

use super::pair::{handle, pair};

#[test]
fn messages_edits_and_deletions_cross_to_open_sockets() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let (mut at_alice, _) = alice.socket(None).await;
        let (mut at_bob, _) = bob.socket(None).await;

        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        let sent = alice.say(&channel, "hello **bob**").await;
        assert_eq!(sent["delivery"][0]["state"], "queued", "{sent:#}");
        let got = at_bob.next_op("message.created").await["d"].clone();
        assert_eq!(got["html"], "<p>hello <strong>bob</strong></p>");
        assert_eq!(got["author"]["handle"], handle(&a, "alice"));
        let settled = at_alice.next_op("delivery.updated").await;
        assert_eq!(settled["d"]["message_id"], sent["id"]);
        let text = settled["d"].to_string();
        assert!(text.contains("delivered"), "{text}");

        let back = got["channel_id"].as_str().unwrap();
        bob.say(back, "hello alice").await;
        let answer = at_alice.next_op("message.created").await;
        assert_eq!(
            channel_of(&answer, "hello alice"),
            channel,
            "one set of people has one conversation on both servers"
        );

        let path = format!(
            "/api/v1/channels/{channel}/messages/{}",
            sent["id"].as_str().unwrap()
        );
        let edit = json!({"content": "hello again"});
        alice.patch(&path, &edit).await.expect(200);
        let changed = at_bob.next_op("message.updated").await;
        assert_eq!(changed["d"]["id"], got["id"]);
        assert_eq!(changed["d"]["content"], "hello again");
        alice.delete(&path).await.expect(204);
        let gone = at_bob.next_op("message.deleted").await;
        assert_eq!(gone["d"]["id"], got["id"]);
        a.stop().await;
        b.stop().await;
    });
}

/// The channel of a message, which must have this content.
fn channel_of(frame: &serde_json::Value, content: &str) -> String {
    assert_eq!(frame["d"]["content"], content, "{frame:#}");
    frame["d"]["channel_id"].as_str().unwrap().to_owned()
}

#[test]
fn people_who_cannot_be_found_are_named_clearly() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let alice = a.member("alice").await;
        let nobody = handle(&b, "nobody");
        let path = format!("/api/v1/federation/resolve?handle={nobody}");
        let answer = alice.get(&path).await;
        answer.expect_problem(422, "unknown_person");
        let body = json!({"recipients": [nobody]});
        let answer = alice.post("/api/v1/dms", &body).await;
        answer.expect_problem(422, "unknown_person");
        let answer = alice
            .get("/api/v1/federation/resolve?handle=http://10.0.0.1/users/bob")
            .await;
        answer.expect_problem(422, "address_refused");
        let answer = alice.get("/api/v1/federation/resolve?handle=a@b@c").await;
        answer.expect_problem(422, "invalid_handle");
        let (port, _data) = b.stop().await;
        let path = format!("/api/v1/federation/resolve?handle=@bob@127.0.0.1:{port}");
        let answer = alice.get(&path).await;
        answer.expect_problem(502, "peer_unreachable");
        a.stop().await;
    });
}

#[test]
fn attack_47_private_addresses_are_refused_unless_allowed() {
    on_each_backend(async |database: TestDatabase| {
        let guarded = crate::chat::world::World::start(&database).await;
        let alice = guarded.member("alice").await;
        for target in [
            "@bob@127.0.0.1:9000",
            "https://127.0.0.1:9000/users/bob",
            "https://[::1]:9000/users/bob",
            "https://169.254.169.254/latest",
            "http://203.0.113.9/users/bob",
        ] {
            let path = format!("/api/v1/federation/resolve?handle={target}");
            let answer = alice.get(&path).await;
            answer.expect_problem(422, "address_refused");
        }
        guarded.stop().await;
    });
}
