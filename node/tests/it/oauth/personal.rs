//! Personal access tokens: what bots use.

use std::sync::Arc;
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::testing::{ManualClock, on_each_backend};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Reply, TestApp};
use crate::federation::pair::until;

async fn make(app: &TestApp, access: &str, body: Value) -> Reply {
    let call = app.call(Method::POST, "/api/v1/auth/tokens").bearer(access);
    call.json(&body).send().await
}

fn bot(scopes: &[&str]) -> Value {
    json!({"name": "bot", "scopes": scopes, "expires_in_days": 30})
}

#[test]
fn bot_uses_a_token_until_it_is_deleted_or_ends() {
    on_each_backend(async |database| {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)));
        let time = Arc::clone(&clock);
        let app = TestApp::start_with(database, clock, |_| {}).await;
        let alice = app.signup("alice").await;
        let made = make(&app, &alice.access, bot(&["read"])).await;
        assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.json);
        assert_eq!(made.headers["cache-control"], "no-store");
        let token = made.text("/token");
        assert!(token.starts_with("fmpat_") && token.len() == 49, "{token}");
        let me = async |token: &str| app.get("/api/v1/users/@me", token).await;
        time.advance(Duration::from_mins(10));
        assert_eq!(me(&token).await.json["username"], "alice");
        let alice = app.login("alice").await;
        // When it was used is written down a little later.
        let list = until("note of the use", async || {
            time.advance(Duration::from_secs(1));
            let list = app.get("/api/v1/auth/tokens", &alice.access).await.json;
            list["items"][0]["last_used_at"].is_string().then_some(list)
        })
        .await;
        assert_eq!(list["items"][0]["name"], "bot");
        assert_eq!(list["items"][0]["scopes"], json!(["read"]));
        assert!(!list.to_string().contains(&token), "it is shown once");
        // What it was not given, and what no token is given.
        let patch = app.call(Method::PATCH, "/api/v1/users/@me").bearer(&token);
        patch
            .json(&json!({"bio": "x"}))
            .send()
            .await
            .assert_problem(403, "insufficient_scope");
        make(&app, &token, bot(&["read"]))
            .await
            .assert_problem(403, "first_party_only");
        let second = make(&app, &alice.access, bot(&["read"])).await;
        let delete = format!("/api/v1/auth/tokens/{}", made.text("/id"));
        let deleted = app.call(Method::DELETE, &delete).bearer(&alice.access);
        assert_eq!(deleted.send().await.status, StatusCode::NO_CONTENT);
        me(&token).await.assert_problem(401, "session_ended");
        let second = second.text("/token");
        assert_eq!(me(&second).await.status, StatusCode::OK);
        time.advance(Duration::from_hours(30 * 24));
        assert_eq!(me(&second).await.status, StatusCode::UNAUTHORIZED);
        app.stop().await;
    });
}

#[test]
fn attack_tokens_are_guessed_widened_or_taken_from_others() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let alice = app.signup("alice").await;
        let bob = app.signup("bob").await;
        for guess in ["fmpat_", "fmpat_x", &format!("fmpat_{}", "A".repeat(43))] {
            app.get("/api/v1/users/@me", guess)
                .await
                .assert_problem(401, "invalid_token");
        }
        // Bob has no powers to give away; Alice, the owner, has.
        make(&app, &bob.access, bot(&["admin"]))
            .await
            .assert_problem(403, "forbidden");
        let made = make(&app, &alice.access, bot(&["read", "admin"])).await;
        assert_eq!(made.status, StatusCode::CREATED, "{:?}", made.json);
        let path = format!("/api/v1/auth/tokens/{}", made.text("/id"));
        let stolen = app.call(Method::DELETE, &path).bearer(&bob.access);
        stolen.send().await.assert_problem(404, "not_found");
        for (body, code) in [
            (
                json!({"name": "", "scopes": ["read"], "expires_in_days": 1}),
                "invalid_name",
            ),
            (
                json!({"name": "x", "scopes": [], "expires_in_days": 1}),
                "invalid_scope",
            ),
            (
                json!({"name": "x", "scopes": ["read"], "expires_in_days": 0}),
                "invalid_expiry",
            ),
            (
                json!({"name": "x", "scopes": ["read"], "expires_in_days": 366}),
                "invalid_expiry",
            ),
            (
                json!({"name": "x", "scopes": ["root"], "expires_in_days": 1}),
                "invalid_body",
            ),
        ] {
            make(&app, &alice.access, body)
                .await
                .assert_problem(422, code);
        }
        app.stop().await;
    });
}

#[test]
fn tokens_do_not_push_sign_ins_out() {
    on_each_backend(async |database| {
        let clock = Arc::new(federation_core::SystemClock);
        let app = TestApp::start_with(database, clock, |config| {
            config.limits.sessions_per_user = 2;
        })
        .await;
        let alice = app.signup("alice").await;
        for _ in 0..3 {
            let made = make(&app, &alice.access, bot(&["read"])).await;
            assert_eq!(made.status, StatusCode::CREATED);
        }
        app.login("alice").await;
        let me = app.get("/api/v1/users/@me", &alice.access).await;
        assert_eq!(me.status, StatusCode::OK);
        app.stop().await;
    });
}

/// With the widest scopes of an owner, nothing of what leads into an account.
#[test]
fn attack_a_token_takes_no_account_over() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let alice = app.signup("alice").await;
        let all = bot(&["read", "write", "admin"]);
        let token = make(&app, &owner.access, all).await.text("/token");
        let list = app.get("/api/v1/admin/users", &token).await;
        assert_eq!(list.status, StatusCode::OK, "{:#}", list.json);
        for id in [&owner.id, &alice.id] {
            let path = format!("/api/v1/admin/users/{id}");
            let email = json!({"email": "evil@example.org"});
            for (method, path, body) in [
                (Method::POST, format!("{path}/reset-password"), json!({})),
                (Method::PATCH, path, email.clone()),
                (Method::PATCH, "/api/v1/users/@me".to_owned(), email),
            ] {
                let call = app.call(method, &path).bearer(&token).json(&body);
                call.send().await.assert_problem(403, "first_party_only");
            }
        }
        let itself = format!("/api/v1/admin/users/{}", owner.id);
        let gone = app.call(Method::DELETE, &itself).bearer(&token);
        gone.send().await.assert_problem(403, "role_too_high");
        assert_eq!(app.login("owner").await.id, owner.id);
        app.stop().await;
    });
}
