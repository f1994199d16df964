//! Sending, reading, editing and deleting.

use federation_core::testing::on_each_backend;
use reqwest::Method;
use serde_json::{Value, json};

use super::world::{Answer, World};
use crate::communities::village::{Village, people};

#[test]
fn a_message_has_the_documented_shape() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let path = format!("/api/v1/channels/{dm}/messages");
        let sent = alice.say(&dm, "**Hello** <script>").await;
        assert_eq!(sent["channel_id"], dm.as_str());
        assert_eq!(sent["author"]["id"], alice.id.as_str());
        assert_eq!(sent["content"], "**Hello** <script>");
        assert_eq!(sent["html"], "<p><strong>Hello</strong> &lt;script&gt;</p>");
        for empty in ["attachments", "reactions", "delivery"] {
            assert_eq!(sent[empty], json!([]), "{empty}");
        }
        assert!(sent["edited_at"].is_null() && sent["reply_to"].is_null());
        let one = format!("{path}/{}", sent["id"].as_str().unwrap());
        assert_eq!(bob.get(&one).await.expect(200), sent);
        let reply = json!({"content": "Hi", "reply_to": sent["id"], "attachments": []});
        let reply = bob.post(&path, &reply).await.expect(201);
        assert_eq!(reply["reply_to"], sent["id"]);
        let list = alice.get(&path).await.expect(200);
        assert_eq!(list["items"], json!([reply, sent]));
    });
}

#[test]
fn pages_lead_through_all_messages_both_ways() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        for index in 0..7 {
            alice.say(&dm, &format!("m{index}")).await;
        }
        let path = format!("/api/v1/channels/{dm}/messages");
        let texts = |page: &Value| -> Vec<String> {
            let items = page["items"].as_array().unwrap();
            items
                .iter()
                .map(|item| item["content"].as_str().unwrap().to_owned())
                .collect()
        };
        let first = alice.get(&format!("{path}?limit=3")).await;
        let link = first.headers["link"].to_str().unwrap().to_owned();
        let first = first.expect(200);
        assert_eq!(texts(&first), ["m6", "m5", "m4"]);
        let next = first["next"].as_str().unwrap();
        assert!(
            link.contains(&format!("<{path}?limit=3&before={next}>; rel=\"next\"")),
            "{link}"
        );
        let second = alice
            .get(&format!("{path}?limit=3&before={next}"))
            .await
            .expect(200);
        assert_eq!(texts(&second), ["m3", "m2", "m1"]);
        let next = second["next"].as_str().unwrap();
        let third = alice
            .get(&format!("{path}?limit=3&before={next}"))
            .await
            .expect(200);
        assert_eq!(texts(&third), ["m0"]);
        assert!(third["next"].is_null());
        let prev = third["prev"].as_str().unwrap();
        let back = alice
            .get(&format!("{path}?limit=3&after={prev}"))
            .await
            .expect(200);
        assert_eq!(texts(&back), ["m3", "m2", "m1"]);
        let prev = back["prev"].as_str().unwrap();
        let back = alice
            .get(&format!("{path}?limit=3&after={prev}"))
            .await
            .expect(200);
        assert_eq!(texts(&back), ["m6", "m5", "m4"]);
        let unknown = "0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11";
        alice
            .get(&format!("{path}?before={unknown}"))
            .await
            .expect_problem(400, "unknown_cursor");
        alice
            .get(&format!("{path}?before=x"))
            .await
            .expect_problem(400, "invalid_query");
    });
}

#[test]
fn only_the_author_edits_and_deletes() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let sent = alice.say(&dm, "one").await;
        let path = format!(
            "/api/v1/channels/{dm}/messages/{}",
            sent["id"].as_str().unwrap()
        );
        bob.patch(&path, &json!({"content": "two"}))
            .await
            .expect_problem(403, "not_the_author");
        bob.delete(&path)
            .await
            .expect_problem(403, "not_the_author");
        let edited = alice
            .patch(&path, &json!({"content": "*two*"}))
            .await
            .expect(200);
        assert_eq!(edited["html"], "<p><em>two</em></p>");
        assert!(edited["edited_at"].is_string());
        assert_eq!(edited["created_at"], sent["created_at"]);
        assert_eq!(bob.get(&path).await.expect(200), edited);
        alice.delete(&path).await.expect(204);
        for member in [&alice, &bob] {
            member.get(&path).await.expect_problem(404, "not_found");
        }
        alice.delete(&path).await.expect_problem(404, "not_found");
        alice
            .patch(&path, &json!({"content": "x"}))
            .await
            .expect_problem(404, "not_found");
        let list = alice
            .get(&format!("/api/v1/channels/{dm}/messages"))
            .await
            .expect(200);
        assert_eq!(list["items"], json!([]));
    });
}

#[test]
fn strangers_find_nothing() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, carol) = (world.member("alice").await, world.member("carol").await);
        world.member("bob").await;
        let dm = alice.dm(&["bob"]).await;
        let sent = alice.say(&dm, "secret").await;
        let list = format!("/api/v1/channels/{dm}/messages");
        let one = format!("{list}/{}", sent["id"].as_str().unwrap());
        let text = json!({"content": "x"});
        carol.get(&list).await.expect_problem(404, "not_found");
        carol
            .post(&list, &text)
            .await
            .expect_problem(404, "not_found");
        carol.get(&one).await.expect_problem(404, "not_found");
        carol
            .patch(&one, &text)
            .await
            .expect_problem(404, "not_found");
        carol.delete(&one).await.expect_problem(404, "not_found");
        carol
            .get("/api/v1/channels/x/messages")
            .await
            .expect_problem(404, "not_found");
        // The message is looked for in the channel of the path alone.
        world.member("dave").await;
        let other = carol.dm(&["dave"]).await;
        let elsewhere = format!(
            "/api/v1/channels/{other}/messages/{}",
            sent["id"].as_str().unwrap()
        );
        carol.get(&elsewhere).await.expect_problem(404, "not_found");
        let reply = json!({"content": "x", "reply_to": sent["id"]});
        carol
            .post(&format!("/api/v1/channels/{other}/messages"), &reply)
            .await
            .expect_problem(422, "unknown_reply_to");
        let anonymous = Answer::of(world.http.get(world.url(&list))).await;
        assert_eq!(anonymous.status, 401);
    });
}

#[test]
fn i2_a_request_with_a_key_has_its_effect_once() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let path = format!("/api/v1/channels/{dm}/messages");
        let send = |key: &str, content: &str| {
            let request = alice
                .request(Method::POST, &path)
                .header("idempotency-key", key);
            Answer::of(request.json(&json!({"content": content})))
        };
        let answers = futures_util::future::join_all((0..20).map(|_| send("k1", "once"))).await;
        let first = answers
            .into_iter()
            .map(|answer| answer.expect(201)["id"].clone());
        let mut ids: Vec<String> = first.map(|id| id.to_string()).collect();
        ids.dedup();
        assert_eq!(ids.len(), 1);
        send("k1", "other")
            .await
            .expect_problem(422, "idempotency_key_reused");
        send("k2", "once").await.expect(201);
        let list = alice.get(&path).await.expect(200);
        assert_eq!(list["items"].as_array().unwrap().len(), 2);
    });
}

#[test]
fn i2_a_repeat_does_not_bring_back_what_was_deleted() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (operator, members) = people(&world, &["owner", "ann"]).await;
        let [owner, ann] = &members[..] else { panic!() };
        let village = Village::found(&operator, owner, "village").await;
        village.let_in(owner, ann).await;
        let path = format!("/api/v1/channels/{}/messages", village.square);
        let send = |key: &str| {
            let request = ann.request(Method::POST, &path);
            let request = request.header("idempotency-key", key);
            Answer::of(request.json(&json!({"content": "a slip of the tongue"})))
        };
        let first = send("k1").await.expect(201);
        assert_eq!(send("k1").await.expect(201), first);
        let one = format!("{path}/{}", first["id"].as_str().unwrap());
        ann.delete(&one).await.expect(204);
        send("k1").await.expect_problem(404, "answer_gone");
        let list = owner.get(&path).await.expect(200);
        assert_eq!(list["items"], json!([]), "nothing is said again");
        // What a rule takes away at once is not told again either.
        let rule = json!({
            "name": "slips", "kind": "word", "pattern": "slip", "action": "delete",
            "reason": "No slips here.",
        });
        let made = owner.post(&village.path("/rules"), &rule).await;
        let made = made.expect(201);
        send("k2").await.expect(201);
        send("k2").await.expect_problem(404, "answer_gone");
        let rule = village.path(&format!("/rules/{}", made["id"].as_str().unwrap()));
        owner.delete(&rule).await.expect(204);
        // Nor is anything to whoever sees the channel no longer.
        send("k3").await.expect(201);
        let hidden = json!({"is_private": true});
        let channel = format!("/api/v1/channels/{}", village.square);
        owner.patch(&channel, &hidden).await.expect(200);
        send("k3").await.expect_problem(404, "not_found");
        world.stop().await;
    });
}

#[test]
fn refuses_bad_bodies() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let path = format!("/api/v1/channels/{dm}/messages");
        let raw = |body: String| {
            let request = alice.request(Method::POST, &path);
            Answer::of(
                request
                    .header("content-type", "application/json")
                    .body(body),
            )
        };
        raw("{".to_owned())
            .await
            .expect_problem(400, "malformed_json");
        raw("[]".to_owned())
            .await
            .expect_problem(422, "invalid_body");
        raw(format!("\"{}\"", "x".repeat(2_000_000)))
            .await
            .expect_problem(413, "body_too_large");
        let cases = [
            (json!({}), "empty_content"),
            (json!({"content": 7}), "invalid_body"),
            (json!({"content": "x", "reply_to": "y"}), "invalid_body"),
            (
                json!({"content": "x", "attachments": ["y"]}),
                "attachments_unsupported",
            ),
            (json!({"content": " "}), "empty_content"),
            (json!({"content": "a\u{0}"}), "invalid_content"),
            (json!({"content": "x".repeat(8001)}), "content_too_long"),
        ];
        for (body, code) in cases {
            alice.post(&path, &body).await.expect_problem(422, code);
        }
        alice
            .post(&path, &json!({"content": "ä".repeat(8000)}))
            .await
            .expect(201);
    });
}
