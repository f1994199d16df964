//! Profiles, here and as other nodes see them.

use std::sync::Arc;
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::testing::{ManualClock, TestDatabase, on_each_backend};
use reqwest::Method;
use serde_json::{Value, json};

use super::staff::call;
use crate::app::TestApp;
use crate::federation::pair::{actor, conversation, fetch, handle, pair, until};

#[test]
fn a_profile_has_pictures_colours_fields_and_a_status_that_ends() {
    on_each_backend(async |database| {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)));
        let time: Arc<ManualClock> = Arc::clone(&clock);
        let app = TestApp::start_with(database, clock, |_| {}).await;
        let alice = app.signup("alice").await;
        let patch =
            async |body: Value| call(&app, Method::PATCH, "/api/v1/users/@me", &alice, &body).await;
        let end = app.app().ctx().now().plus(Duration::from_mins(5));
        let reply = patch(json!({
            "avatar": {"kind": "identicon", "seed": "7"},
            "banner": {"kind": "solid", "color": "#FF8800"},
            "accent_color": "#0a0B0c",
            "fields": [{"name": "Pronouns", "value": "she"}],
            "status": {"text": "at lunch", "emoji": "🍜", "expires_at": end},
        }))
        .await;
        assert_eq!(reply.status, 200, "{:#}", reply.json);
        assert_eq!(reply.text("/accent_color"), "#0a0b0c");
        assert_eq!(reply.text("/banner/color"), "#ff8800");
        assert_eq!(reply.text("/status/text"), "at lunch");
        for (body, code) in [
            (
                json!({"avatar": {"kind": "image", "url": "http://a.example/x"}}),
                "invalid_profile",
            ),
            (
                json!({"avatar": {"kind": "solid", "color": "#000000"}}),
                "invalid_profile",
            ),
            (json!({"accent_color": "red"}), "invalid_body"),
            (
                json!({"fields": vec![json!({"name": "x", "value": "y"}); 9]}),
                "invalid_profile",
            ),
            (
                json!({"fields": [{"name": " ", "value": "y"}]}),
                "invalid_profile",
            ),
            (
                json!({"fields": [{"name": "x", "value": "a\0b"}]}),
                "invalid_text",
            ),
            (json!({"status": {"text": ""}}), "invalid_profile"),
            (
                json!({"status": {"text": "x", "expires_at": "2001-01-01T00:00:00Z"}}),
                "invalid_profile",
            ),
        ] {
            patch(body.clone()).await.assert_problem(422, code);
        }
        let reply = patch(json!({"avatar": null, "bio": "Hi"})).await;
        assert_eq!(reply.json["avatar"], Value::Null);
        assert_eq!(reply.text("/fields/0/value"), "she");
        time.advance(Duration::from_mins(6));
        until("the end of the status", async || {
            let access = app.login("alice").await.access;
            let me = app.get("/api/v1/users/@me", &access).await;
            me.json["status"].is_null().then_some(())
        })
        .await;
        app.stop().await;
    });
}

#[test]
fn other_nodes_see_a_changed_profile_and_quick_edits_become_one() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, bob) = (a.member("alice").await, b.member("bob").await);
        let channel = alice.dm(&[&handle(&b, "bob")]).await;
        alice.say(&channel, "hi").await;
        conversation(&bob).await;
        let first = json!({
            "display_name": "Alice A.",
            "bio": "Reads <b>books</b>",
            "avatar": {"kind": "image", "url": "https://pictures.example/a.png"},
            "banner": {"kind": "image", "url": "https://pictures.example/b.png"},
            "fields": [{"name": "Site", "value": "https://alice.example/?a=1&b=\"2\""}],
            "status": {"text": "only here"},
        });
        alice.patch("/api/v1/users/@me", &first).await.expect(200);
        let document = fetch(&a, "/users/alice", None).await.expect(200);
        assert_eq!(document["icon"]["url"], "https://pictures.example/a.png");
        assert_eq!(document["image"]["url"], "https://pictures.example/b.png");
        assert_eq!(document["attachment"][0]["type"], "PropertyValue");
        let seen = until("the profile", async || {
            let page = bob.get("/api/v1/dms").await.expect(200);
            let people = page["items"][0]["participants"].as_array().unwrap().clone();
            people
                .into_iter()
                .find(|user| user["display_name"] == "Alice A.")
        })
        .await;
        assert_eq!(seen["bio"], "Reads <b>books</b>");
        assert_eq!(seen["avatar"]["url"], "https://pictures.example/a.png");
        assert_eq!(seen["banner"]["url"], "https://pictures.example/b.png");
        let site = "https://alice.example/?a=1&b=\"2\"";
        assert_eq!(seen["fields"], json!([{"name": "Site", "value": site}]));
        assert_eq!(seen["status"], Value::Null);
        assert_eq!(seen["actor"], actor(&a, "alice").as_str());

        // What follows within half a minute waits and goes out as one.
        for number in 0..5 {
            let name = json!({"display_name": format!("Alice {number}")});
            alice.patch("/api/v1/users/@me", &name).await.expect(200);
        }
        let sent = async || {
            let owner = "/api/v1/federation/deliveries?limit=100";
            let page = alice.get(owner).await.expect(200);
            let items = page["items"].as_array().unwrap().clone();
            let about = |item: &&Value| item["activity"].as_str().unwrap().contains("#updates/");
            items.iter().filter(about).count()
        };
        assert_eq!(sent().await, 1);
        a.stop().await;
        b.stop().await;
    });
}
