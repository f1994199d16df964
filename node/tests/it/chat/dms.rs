//! Opening conversations.

use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use federation_core::testing::on_each_backend;
use reqwest::Method;
use serde_json::json;

use super::world::{Answer, World};
use crate::federation::pair::open;

#[test]
fn one_set_of_people_has_one_conversation() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let (alice, bob) = (world.member("alice").await, world.member("bob").await);
        let made = alice
            .post("/api/v1/dms", &json!({"recipients": ["bob"]}))
            .await
            .expect(201);
        assert_eq!(made["kind"], "dm");
        assert!(made["name"].is_null() && made["community"].is_null());
        let mut people: Vec<&str> = made["participants"]
            .as_array()
            .unwrap()
            .iter()
            .map(|p| p["id"].as_str().unwrap())
            .collect();
        people.sort_unstable();
        let mut expected = [alice.id.as_str(), bob.id.as_str()];
        expected.sort_unstable();
        assert_eq!(people, expected);
        let handle = format!("@alice@{}", world.app.address());
        let actor = world.url("/users/alice");
        for recipients in [
            json!(["alice"]),
            json!(["@Alice", "bob"]),
            json!([handle]),
            json!([actor]),
        ] {
            let again = bob
                .post("/api/v1/dms", &json!({"recipients": recipients}))
                .await
                .expect(200);
            assert_eq!(again["id"], made["id"], "{recipients}");
        }
        for member in [&alice, &bob] {
            for path in ["/api/v1/dms", "/api/v1/channels"] {
                let list = member.get(path).await.expect(200);
                assert_eq!(list["items"][0]["id"], made["id"]);
                assert_eq!(list["items"].as_array().unwrap().len(), 1);
                assert!(list["next"].is_null());
            }
        }
        let path = format!("/api/v1/channels/{}", made["id"].as_str().unwrap());
        assert_eq!(bob.get(&path).await.expect(200)["id"], made["id"]);
        world
            .member("carol")
            .await
            .get(&path)
            .await
            .expect_problem(404, "not_found");
    });
}

#[test]
fn refuses_what_names_nobody() {
    on_each_backend(async |database| {
        let world = World::start_with(&database, |c| c.limits.conversation_people = 3).await;
        let alice = world.member("alice").await;
        let cases = [
            (json!(["nobody"]), "unknown_recipient"),
            (json!([world.url("/users/nobody")]), "unknown_recipient"),
            (json!([""]), "invalid_recipient"),
            (json!(["a b"]), "invalid_recipient"),
            (json!(["bob\u{0}"]), "invalid_recipient"),
            (json!([]), "no_recipients"),
            (json!(["alice"]), "no_recipients"),
            (json!(["a", "b", "c"]), "too_many_recipients"),
        ];
        for (recipients, code) in cases {
            let answer = alice
                .post("/api/v1/dms", &json!({"recipients": recipients}))
                .await;
            answer.expect_problem(422, code);
        }
        let broken = alice
            .request(Method::POST, "/api/v1/dms")
            .header("content-type", "application/json");
        Answer::of(broken.body("{"))
            .await
            .expect_problem(400, "malformed_json");
        alice
            .post("/api/v1/dms", &json!({"recipients": 7}))
            .await
            .expect_problem(422, "invalid_body");
        alice
            .post("/api/v1/dms", &json!({"x": []}))
            .await
            .expect_problem(422, "invalid_body");
    });
}

#[test]
fn an_address_that_leads_back_here_is_the_member() {
    on_each_backend(async |database| {
        let world = World::start_with(&database, open).await;
        let (alice, _bob) = (world.member("alice").await, world.member("bob").await);
        let dm = alice.dm(&["bob"]).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let elsewhere = format!("http://{}/bob", listener.local_addr().unwrap());
        let target = world.url("/users/bob");
        let redirect = move || async move { Redirect::temporary(&target) };
        let router = Router::new().route("/bob", get(redirect));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        assert_eq!(alice.dm(&[&elsewhere]).await, dm);
        serving.abort();
    });
}

#[test]
fn conversations_are_paged_newest_first() {
    on_each_backend(async |database| {
        let world = World::start(&database).await;
        let alice = world.member("alice").await;
        let mut made = Vec::new();
        for index in 0..5 {
            let name = format!("bob{index}");
            world.member(&name).await;
            made.insert(0, alice.dm(&[&name]).await);
        }
        let mut seen = Vec::new();
        let mut path = "/api/v1/dms?limit=2".to_owned();
        loop {
            let page = alice.get(&path).await.expect(200);
            let items = page["items"].as_array().unwrap();
            seen.extend(
                items
                    .iter()
                    .map(|item| item["id"].as_str().unwrap().to_owned()),
            );
            let Some(next) = page["next"].as_str() else {
                break;
            };
            path = format!("/api/v1/dms?limit=2&before={next}");
        }
        assert_eq!(seen, made);
    });
}
