//! What is not proven has no effect, and is refused with the reason.

use federation_core::signature::{Algorithm, PrivateKey, SigningKey};
use federation_core::testing::{TestDatabase, on_each_backend};
use serde_json::{Value, json};

use super::pair::{actor, contents, conversation, fetch, handle, key, pair, post, post_as, until};
use crate::chat::world::{Answer, World};

fn create(from: &World, to: &World, name: &str, id: &str) -> Value {
    let (author, reader) = (actor(from, name), actor(to, "bob"));
    json!({
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": format!("{author}/{id}/create"), "type": "Create", "actor": author, "to": [reader],
        "object": {
            "id": format!("{author}/{id}"), "type": "Note", "attributedTo": author,
            "content": "<p>hi</p>", "to": [reader],
            "tag": [{"type": "Mention", "href": reader}],
        },
    })
}

#[test]
fn unproven_posts_are_refused_with_the_reason() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let bob = b.member("bob").await;
        a.member("alice").await;
        a.member("mallory").await;
        let note = create(&a, &b, "alice", "1");

        let unsigned = Answer::of(b.http.post(b.url("/inbox")).body(note.to_string())).await;
        unsigned.expect_problem(401, "signature_missing");
        let alice = key(&a, "alice").await;
        let other = note.to_string().replace("hi", "ho");
        let altered = post_as(&b, "/inbox", &alice, &note, &other).await;
        altered.expect_problem(401, "signature_refused");
        let foreign = post(&b, "/inbox", &key(&a, "mallory").await, &note).await;
        foreign.expect_problem(403, "not_confirmed");
        let made_up = PrivateKey::generate(Algorithm::RsaSha256).unwrap();
        let made_up = SigningKey::new(alice.key_id().clone(), made_up);
        let forged = post(&b, "/inbox", &made_up, &note).await;
        forged.expect_problem(401, "signature_refused");
        let broken = post(&b, "/inbox", &alice, &json!({"type": "Create"})).await;
        broken.expect_problem(400, "not_an_activity");
        let huge = json!({"type": "Create", "content": "x".repeat(2 << 20)});
        let huge = post(&b, "/inbox", &alice, &huge).await;
        huge.expect_problem(413, "body_too_large");
        let list = bob.get("/api/v1/dms").await.expect(200);
        assert_eq!(list["items"], json!([]));

        // The same note, proven: once, however often it comes and to whichever inbox.
        for path in ["/inbox", "/users/bob/inbox", "/inbox"] {
            assert_eq!(post(&b, path, &alice, &note).await.status, 202);
        }
        assert_eq!(contents(&bob, &conversation(&bob).await).await, ["hi"]);
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn attack_28_and_31_others_on_the_same_server_change_and_delete_nothing() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let bob = b.member("bob").await;
        a.member("alice").await;
        a.member("mallory").await;
        let note = create(&a, &b, "alice", "1");
        assert_eq!(
            post(&b, "/inbox", &key(&a, "alice").await, &note)
                .await
                .status,
            202
        );

        let (mallory, forged) = (actor(&a, "mallory"), key(&a, "mallory").await);
        let mut object = note["object"].clone();
        object["content"] = json!("<p>changed</p>");
        object["updated"] = json!("2099-01-01T00:00:00Z");
        let mut attempts = vec![
            json!({"type": "Update", "object": object.clone()}),
            json!({"type": "Delete", "object": note["object"]["id"]}),
            json!({"type": "Delete", "object": actor(&a, "alice")}),
        ];
        object["attributedTo"] = json!(mallory);
        attempts.push(json!({"type": "Update", "object": object}));
        for (index, mut attempt) in attempts.into_iter().enumerate() {
            attempt["id"] = json!(format!("{mallory}/{index}"));
            attempt["actor"] = json!(mallory);
            attempt["to"] = json!([actor(&b, "bob")]);
            let answer = post(&b, "/inbox", &forged, &attempt).await;
            assert!(
                matches!(answer.status, 202 | 403),
                "{attempt:#} {answer:#?}"
            );
        }
        assert_eq!(contents(&bob, &conversation(&bob).await).await, ["hi"]);
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn attack_30_others_on_the_same_server_cannot_use_up_an_id() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let bob = b.member("bob").await;
        a.member("alice").await;
        a.member("mallory").await;
        let note = create(&a, &b, "alice", "1");
        let mut squatting = create(&a, &b, "mallory", "1");
        squatting["id"] = note["id"].clone();
        let mut unowned = create(&a, &b, "mallory", "2");
        unowned["object"]["id"] = note["object"]["id"].clone();
        unowned["object"]
            .as_object_mut()
            .unwrap()
            .remove("attributedTo");
        let mallory = key(&a, "mallory").await;
        for attempt in [&squatting, &unowned] {
            assert_eq!(post(&b, "/inbox", &mallory, attempt).await.status, 202);
        }
        let alice = key(&a, "alice").await;
        let mut told = note.clone();
        told["object"]["content"] = json!("<p>from alice</p>");
        for _ in 0..2 {
            assert_eq!(post(&b, "/inbox", &alice, &told).await.status, 202);
        }
        let list = bob.get("/api/v1/dms").await.expect(200);
        let mut said = Vec::new();
        for dm in list["items"].as_array().unwrap() {
            said.extend(contents(&bob, dm["id"].as_str().unwrap()).await);
        }
        said.sort();
        assert_eq!(said, ["from alice", "hi"]);
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn attack_30_nobody_takes_an_id_before_its_author_uses_it() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let bob = b.member("bob").await;
        a.member("alice").await;
        a.member("mallory").await;
        let note = create(&a, &b, "alice", "1");
        // Mallory knows which id alice's next note will have, and owns what stands there first.
        let mut squatting = create(&a, &b, "mallory", "1");
        squatting["object"]["id"] = note["object"]["id"].clone();
        let mallory = key(&a, "mallory").await;
        assert_eq!(post(&b, "/inbox", &mallory, &squatting).await.status, 202);
        let alice = key(&a, "alice").await;
        let mut told = note.clone();
        told["object"]["content"] = json!("<p>from alice</p>");
        assert_eq!(post(&b, "/inbox", &alice, &told).await.status, 202);
        let from_alice = conversation(&bob).await;
        assert_eq!(contents(&bob, &from_alice).await, ["from alice"]);
        // Each changes and deletes their own alone.
        let deleted = json!({
            "id": format!("{}/gone", actor(&a, "mallory")), "type": "Delete",
            "actor": actor(&a, "mallory"), "object": note["object"]["id"],
        });
        assert_eq!(post(&b, "/inbox", &mallory, &deleted).await.status, 202);
        assert_eq!(contents(&bob, &from_alice).await, ["from alice"]);
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn attack_67_private_notes_are_shown_to_their_readers_alone() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let alice = a.member("alice").await;
        b.member("bob").await;
        b.member("carol").await;
        a.member("dave").await;
        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        let sent = alice.say(&channel, "for bob").await;
        let path = format!("/messages/{}", sent["id"].as_str().unwrap());

        fetch(&a, &path, None)
            .await
            .expect_problem(404, "not_found");
        let carol = key(&b, "carol").await;
        let stranger = fetch(&a, &path, Some(&carol)).await;
        stranger.expect_problem(404, "not_found");
        let unproven = PrivateKey::generate(Algorithm::RsaSha256).unwrap();
        let bob = key(&b, "bob").await;
        let unproven = SigningKey::new(bob.key_id().clone(), unproven);
        let answer = fetch(&a, &path, Some(&unproven)).await;
        answer.expect_problem(401, "signature_refused");
        let note = fetch(&a, &path, Some(&bob)).await.expect(200);
        assert_eq!(note["type"], "Note");
        assert_eq!(note["to"], json!([actor(&b, "bob")]), "{note:#}");

        let outbox = fetch(&a, "/users/alice/outbox", Some(&bob))
            .await
            .expect(200);
        assert_eq!(outbox["totalItems"], 0);
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn attack_67_conversations_are_shown_to_their_own_people_alone() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let alice = a.member("alice").await;
        b.member("bob").await;
        b.member("carol").await;
        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        for text in ["one", "two", "three"] {
            alice.say(&channel, text).await;
        }
        let sent = alice.say(&channel, "four").await;
        let (bob, carol) = (key(&b, "bob").await, key(&b, "carol").await);
        let note = format!("/messages/{}", sent["id"].as_str().unwrap());
        let note = fetch(&a, &note, Some(&bob)).await.expect(200);
        let context = note["context"].as_str().unwrap().to_owned();
        let path = context
            .strip_prefix(a.url("").trim_end_matches('/'))
            .unwrap();
        let page = format!("{path}?page=true");
        for hidden in [path, &page] {
            for reader in [None, Some(&carol)] {
                let answer = fetch(&a, hidden, reader).await;
                answer.expect_problem(404, "not_found");
            }
        }
        let whole = fetch(&a, path, Some(&bob)).await.expect(200);
        assert_eq!(whole["id"], context);
        assert_eq!(whole["totalItems"], 4);
        assert_eq!(whole["attributedTo"], a.url("/actor"));
        let shown = fetch(&a, &page, Some(&bob)).await.expect(200);
        assert_eq!(shown["orderedItems"].as_array().unwrap().len(), 4);
        assert_eq!(shown["orderedItems"][0], note["id"]);
        for odd in [
            "before=x",
            "after=x",
            "before=0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11",
        ] {
            let answer = fetch(&a, &format!("{page}&{odd}"), Some(&bob)).await;
            answer.expect_problem(400, "invalid_cursor");
        }
        a.stop().await;
        b.stop().await;
    });
}

#[test]
fn an_actor_that_deletes_itself_is_gone() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let bob = b.member("bob").await;
        a.member("alice").await;
        let (alice, signing) = (actor(&a, "alice"), key(&a, "alice").await);
        let follow = json!({
            "id": format!("{alice}#follow"), "type": "Follow", "actor": alice,
            "object": actor(&b, "bob"),
        });
        assert_eq!(
            post(&b, "/users/bob/inbox", &signing, &follow).await.status,
            202
        );
        let followers = async || {
            let page = bob.get("/api/v1/federation/followers").await.expect(200);
            page["items"].as_array().unwrap().len()
        };
        assert_eq!(followers().await, 1);
        let delete = json!({
            "id": format!("{alice}#delete"), "type": "Delete", "actor": alice, "object": alice,
        });
        assert_eq!(post(&b, "/inbox", &signing, &delete).await.status, 202);
        until("departure", async || (followers().await == 0).then_some(())).await;
        a.stop().await;
        b.stop().await;
    });
}
