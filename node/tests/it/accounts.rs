//! People: profiles and search.

use federation_core::store::sql::Connection;
use federation_core::testing::on_each_backend;
use folkmoot::accounts::model::RemotePerson;
use folkmoot::accounts::profile::Profile;
use folkmoot::accounts::store;
use folkmoot::platform::http::error::ApiError;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Member, TestApp};

async fn patch_me(app: &TestApp, member: &Member, body: &Value) -> crate::app::Reply {
    let call = app.call(Method::PATCH, "/api/v1/users/@me");
    call.bearer(&member.access).json(body).send().await
}

#[test]
fn first_account_owns_the_node_and_names_are_unique() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let alice = app.signup("Alice").await;
        let bob = app.signup("bob").await;
        let me = app.get("/api/v1/users/@me", &alice.access).await;
        assert_eq!(me.json["username"], "alice");
        assert_eq!(me.json["role"], "owner");
        assert_eq!(me.json["actor"], format!("{}/users/alice", app.origin()));
        let domain = app.app().ctx().origin().authority().to_owned();
        assert_eq!(me.json["handle"], format!("@alice@{domain}"));
        let other = app
            .get(&format!("/api/v1/users/{}", bob.id), &alice.access)
            .await;
        assert_eq!(other.json["role"], "user");
        assert!(
            other.json.get("email").is_none(),
            "others do not see the address"
        );
        let body = json!({"username": "ALICE", "password": "another long one"});
        app.post("/api/v1/auth/signup", &body)
            .await
            .assert_problem(409, "username_taken");
        app.stop().await;
    });
}

#[test]
fn nobody_new_owns_a_node_without_an_owner() {
    on_each_backend(async |database| {
        use diesel::RunQueryDsl as _;
        let app = TestApp::start(database).await;
        app.signup("alice").await;
        let demote = |connection: &mut Connection| {
            diesel::sql_query("UPDATE users SET role = 'user'").execute(connection)?;
            Ok::<_, ApiError>(())
        };
        app.app().ctx().db().write(demote).await.unwrap();
        let bob = app.signup("bob").await;
        let me = app.get("/api/v1/users/@me", &bob.access).await;
        assert_eq!(me.json["role"], "user");
        app.stop().await;
    });
}

#[test]
fn profile_changes_only_what_is_sent() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let alice = app.signup("alice").await;
        let body = json!({"display_name": " Alice ", "email": "alice@example.org"});
        let reply = patch_me(&app, &alice, &body).await;
        assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json);
        assert_eq!(reply.json["display_name"], "Alice");
        let reply = patch_me(&app, &alice, &json!({"bio": "Reads.\nWrites."})).await;
        assert_eq!(reply.json["display_name"], "Alice");
        assert_eq!(reply.json["email"], "alice@example.org");
        let reply = patch_me(&app, &alice, &json!({"email": null})).await;
        assert_eq!(reply.json["email"], Value::Null);
        assert_eq!(reply.json["bio"], "Reads.\nWrites.");
        let long = json!({"display_name": "x".repeat(81)});
        patch_me(&app, &alice, &long)
            .await
            .assert_problem(422, "invalid_text");
        // Other nodes know her by her name, so it stays.
        for unknown in [json!({"role": "owner"}), json!({"username": "alicia"})] {
            patch_me(&app, &alice, &unknown)
                .await
                .assert_problem(422, "invalid_body");
        }
        app.stop().await;
    });
}

#[test]
fn search_pages_through_local_and_remote_people() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let alice = app.signup("alice").await;
        for name in ["bo", "bob", "bobby"] {
            app.signup(name).await;
        }
        let ctx = app.app().ctx().clone();
        let now = ctx.now();
        let person = RemotePerson {
            actor_uri: "https://there.example/users/Bob".parse().unwrap(),
            username: "Bob".to_owned(),
            domain: "there.example".to_owned(),
            display_name: "Bob".to_owned(),
            bio: String::new(),
            profile: Profile::default(),
        };
        let upsert = move |connection: &mut _| {
            let first = store::upsert_remote(connection, &person, now)?;
            let again = RemotePerson {
                display_name: "B".to_owned(),
                ..person.clone()
            };
            let second = store::upsert_remote(connection, &again, now)?;
            assert_eq!(first, second);
            Ok::<_, ApiError>(())
        };
        ctx.db().write(upsert).await.unwrap();

        let search = async |query: &str| {
            let reply = app
                .get(&format!("/api/v1/users?{query}"), &alice.access)
                .await;
            assert_eq!(reply.status, StatusCode::OK, "{:?}", reply.json);
            reply
        };
        let names = |reply: &crate::app::Reply| -> Vec<String> {
            let items = reply.json["items"].as_array().unwrap();
            let handle = |item: &Value| item["handle"].as_str().unwrap().to_owned();
            items.iter().map(handle).collect()
        };
        let all = search("q=@BOB").await;
        assert_eq!(all.json["items"].as_array().unwrap().len(), 3);
        assert_eq!(all.json["next"], Value::Null);
        assert!(names(&all).contains(&"@Bob@there.example".to_owned()));
        let first = search("q=bo&limit=2").await;
        assert!(
            first.headers["link"]
                .to_str()
                .unwrap()
                .contains("rel=\"next\"")
        );
        let next = first.text("/next");
        let second = search(&format!("q=bo&limit=2&after={next}")).await;
        assert_eq!(second.json["next"], Value::Null);
        let prev = second.text("/prev");
        let back = search(&format!("q=bo&limit=2&before={prev}")).await;
        assert_eq!(names(&back), names(&first));
        assert_eq!(
            [names(&first), names(&second)].concat(),
            names(&search("q=bo").await)
        );
        assert!(names(&search("q=nobody").await).is_empty());
        assert!(names(&search("q=bo%00").await).is_empty());
        let wrong = app.get("/api/v1/users", &alice.access).await;
        wrong.assert_problem(400, "invalid_query");
        app.stop().await;
    });
}

#[test]
fn what_is_not_there_is_not_found() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let alice = app.signup("alice").await;
        for id in ["0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11", "nonsense", "%00"] {
            let reply = app.get(&format!("/api/v1/users/{id}"), &alice.access).await;
            reply.assert_problem(404, "not_found");
        }
        let reply = app.call(Method::GET, "/api/v1/users/@me").send().await;
        reply.assert_problem(401, "unauthenticated");
        assert_eq!(reply.headers["www-authenticate"], "Bearer");
        app.stop().await;
    });
}
