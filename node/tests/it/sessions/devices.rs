//! Sign-ins as their member sees them: names, last use, and ending them all.

use std::sync::Arc;
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::testing::{ManualClock, on_each_backend};
use folkmoot::auth::workers::write_uses;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{Member, Reply, TestApp};

async fn list(app: &TestApp, member: &Member) -> Vec<Value> {
    let list = app.get("/api/v1/auth/sessions", &member.access).await;
    list.json["items"].as_array().unwrap().clone()
}

async fn rename(app: &TestApp, member: &Member, id: &str, name: &Value) -> Reply {
    app.call(Method::PATCH, &format!("/api/v1/auth/sessions/{id}"))
        .bearer(&member.access)
        .json(&json!({"name": name}))
        .send()
        .await
}

#[test]
fn members_name_their_own_devices_alone() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let alice = app.signup("alice").await;
        let bob = app.signup("bob").await;
        let id = list(&app, &alice).await[0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let named = rename(&app, &alice, &id, &json!("  Kitchen tablet ")).await;
        assert_eq!(named.status, StatusCode::OK, "{:?}", named.json);
        assert_eq!(named.json["name"], "Kitchen tablet");
        assert_eq!(named.json["current"], true);
        for wrong in ["", "   ", "a\nb", &"x".repeat(65)] {
            rename(&app, &alice, &id, &json!(wrong))
                .await
                .assert_problem(422, "invalid_device_name");
        }
        rename(&app, &bob, &id, &json!("mine"))
            .await
            .assert_problem(404, "not_found");
        assert_eq!(list(&app, &alice).await[0]["name"], "Kitchen tablet");
        rename(&app, &alice, &id, &Value::Null).await;
        assert_eq!(list(&app, &alice).await[0]["name"], Value::Null);
        app.stop().await;
    });
}

#[test]
fn the_last_use_is_noted_once_a_minute_without_the_address() {
    on_each_backend(async |database| {
        let start = Timestamp::from_millis(1_795_190_734_032);
        let clock = Arc::new(ManualClock::new(start));
        let time = Arc::clone(&clock);
        let app = TestApp::start_with(database, clock, |_| {}).await;
        let member = app.signup("alice").await;
        let noted = async || {
            let (ctx, auth) = (app.app().ctx(), &app.app().parts().auth);
            write_uses(ctx, auth).await.unwrap();
            let session = list(&app, &member).await.remove(0);
            let at = session["last_used_at"].as_str().unwrap().to_owned();
            (at, session["network"].clone())
        };
        assert_eq!(list(&app, &member).await[0]["network"], Value::Null);
        let (first, network) = noted().await;
        assert_eq!(network, "127.0.0.0/24");
        time.advance(Duration::from_secs(59));
        app.get("/api/v1/users/@me", &member.access).await;
        assert_eq!(noted().await.0, first);
        time.advance(Duration::from_secs(2));
        app.get("/api/v1/users/@me", &member.access).await;
        assert_ne!(noted().await.0, first);
        app.stop().await;
    });
}

#[test]
fn signing_out_everywhere_ends_this_session_too() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let bob = app.signup("bob").await;
        let first = app.signup("alice").await;
        let second = app.login("alice").await;
        let authenticator = Arc::clone(app.app().ctx().authenticator());
        let me = authenticator.authenticate(&first.access).await.unwrap();
        let end = authenticator.ended(&me);
        let out = app
            .call(Method::POST, "/api/v1/auth/logout-everywhere")
            .bearer(&second.access)
            .send()
            .await;
        assert_eq!(out.status, StatusCode::NO_CONTENT);
        assert!(end.has_ended(), "open connections end with it");
        for member in [&first, &second] {
            app.get("/api/v1/users/@me", &member.access)
                .await
                .assert_problem(401, "session_ended");
            let sent = json!({"refresh_token": member.refresh});
            app.post("/api/v1/auth/refresh", &sent)
                .await
                .assert_problem(401, "invalid_refresh_token");
        }
        let me = app.get("/api/v1/users/@me", &bob.access).await;
        assert_eq!(me.status, StatusCode::OK);
        app.stop().await;
    });
}
