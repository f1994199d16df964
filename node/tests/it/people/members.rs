//! What operators do with accounts of others.

use std::sync::Arc;
use std::time::Duration;

use federation_core::testing::on_each_backend;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::staff::{audited, call, make_role, put_roles, stranger};
use crate::app::{PASSWORD, TestApp};

const USERS: &str = "/api/v1/admin/users";

#[test]
fn I9_suspension_ends_everything_at_once_and_lasts_until_it_is_lifted() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let alice = app.signup("alice").await;
        let authenticator = Arc::clone(app.app().ctx().authenticator());
        let session = authenticator.authenticate(&alice.access).await.unwrap();
        let end = authenticator.ended(&session);
        let path = format!("{USERS}/{}", alice.id);
        for reason in ["", " ", &"x".repeat(501)] {
            call(
                &app,
                Method::POST,
                &format!("{path}/suspend"),
                &owner,
                &json!({"reason": reason}),
            )
            .await
            .assert_problem(422, "invalid_reason");
        }
        let body = json!({"reason": "floods"});
        let reply = call(
            &app,
            Method::POST,
            &format!("{path}/suspend"),
            &owner,
            &body,
        )
        .await;
        assert_eq!(reply.text("/state"), "suspended", "{:#}", reply.json);
        assert_eq!(reply.text("/suspension_reason"), "floods");
        assert!(end.has_ended());
        app.get("/api/v1/users/@me", &alice.access)
            .await
            .assert_problem(401, "session_ended");
        let login = json!({"username": "alice", "password": PASSWORD});
        app.post("/api/v1/auth/login", &login)
            .await
            .assert_problem(403, "suspended");
        let found = app
            .get(&format!("{USERS}?state=suspended"), &owner.access)
            .await;
        assert_eq!(found.json["items"].as_array().unwrap().len(), 1);
        let reply = call(
            &app,
            Method::POST,
            &format!("{path}/unsuspend"),
            &owner,
            &Value::Null,
        )
        .await;
        assert_eq!(reply.text("/state"), "active");
        // Old sign-ins stay ended.
        app.get("/api/v1/users/@me", &alice.access)
            .await
            .assert_problem(401, "session_ended");
        let alice = app.login("alice").await;
        let reply = call(
            &app,
            Method::POST,
            &format!("{path}/reset-sessions"),
            &owner,
            &Value::Null,
        )
        .await;
        assert_eq!(reply.json["ended"], 1);
        app.get("/api/v1/users/@me", &alice.access)
            .await
            .assert_problem(401, "session_ended");
        let acts: Vec<String> = audited(&app)
            .await
            .into_iter()
            .map(|(_, act, _)| act)
            .collect();
        for act in ["user.suspend", "user.unsuspend", "user.reset_sessions"] {
            assert!(acts.iter().any(|known| known == act), "{act}: {acts:?}");
        }
        app.stop().await;
    });
}

#[test]
fn accounts_are_opened_found_and_changed_by_those_who_may() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let helper = app.signup("helper").await;
        put_roles(&app, &owner, &helper, "moderator", &[]).await;
        let body = json!({"username": "carol", "email": "carol@example.org"});
        let made = call(&app, Method::POST, USERS, &owner, &body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{:#}", made.json);
        assert_eq!(made.headers["cache-control"], "no-store");
        let login = json!({"username": "carol", "password": made.text("/password")});
        assert_eq!(
            app.post("/api/v1/auth/login", &login).await.status,
            StatusCode::OK
        );
        call(&app, Method::POST, USERS, &owner, &body)
            .await
            .assert_problem(409, "username_taken");
        // Addresses are shown to those alone who may change accounts.
        let path = format!("{USERS}/{}", made.text("/id"));
        assert_eq!(
            app.get(&path, &owner.access).await.text("/email"),
            "carol@example.org"
        );
        assert_eq!(
            app.get(&path, &helper.access).await.json["email"],
            Value::Null
        );
        let change = json!({"bio": "Operator's words", "email": null});
        let reply = call(&app, Method::PATCH, &path, &owner, &change).await;
        assert_eq!(reply.text("/bio"), "Operator's words");
        for number in 0..5 {
            app.signup(&format!("member{number}")).await;
        }
        let first = app
            .get(&format!("{USERS}?q=member&limit=3"), &owner.access)
            .await;
        assert_eq!(first.json["items"].as_array().unwrap().len(), 3);
        let next = first.text("/next");
        let rest = app
            .get(
                &format!("{USERS}?q=member&limit=3&before={next}"),
                &owner.access,
            )
            .await;
        assert_eq!(rest.json["items"].as_array().unwrap().len(), 2);
        let staff = app
            .get(&format!("{USERS}?role=moderator"), &owner.access)
            .await;
        assert_eq!(staff.text("/items/0/username"), "helper");
        let remote = stranger(&app).await;
        let others = app
            .get(&format!("{USERS}?local=false"), &owner.access)
            .await;
        assert_eq!(others.text("/items/0/id"), remote);
        app.stop().await;
    });
}

/// What a person of another node says of themselves is that node's to change: by no route here.
#[test]
fn attack_remote_accounts_are_changed_by_no_route() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let remote = stranger(&app).await;
        let before = app
            .get(&format!("{USERS}/{remote}"), &owner.access)
            .await
            .json;
        for (method, end, body) in [
            (Method::PATCH, "", json!({"display_name": "Mallory"})),
            (Method::DELETE, "", Value::Null),
            (Method::PUT, "/roles", json!({"role": "admin"})),
            (Method::POST, "/reset-sessions", Value::Null),
            (Method::POST, "/reset-password", Value::Null),
        ] {
            let path = format!("{USERS}/{remote}{end}");
            let reply = call(&app, method.clone(), &path, &owner, &body).await;
            reply.assert_problem(403, "remote_account");
        }
        let after = app
            .get(&format!("{USERS}/{remote}"), &owner.access)
            .await
            .json;
        assert_eq!(before, after);
        // Whether they may act here is this node's to say.
        let path = format!("{USERS}/{remote}/suspend");
        let reply = call(
            &app,
            Method::POST,
            &path,
            &owner,
            &json!({"reason": "spam"}),
        )
        .await;
        assert_eq!(reply.text("/state"), "suspended", "{:#}", reply.json);
        tokio::time::timeout(Duration::from_secs(5), app.stop())
            .await
            .unwrap();
    });
}

#[test]
fn attack_an_old_password_is_worth_nothing_after_an_operator_reset_it() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let alice = app.signup("alice").await;
        let path = format!("{USERS}/{}/reset-password", alice.id);
        let reset = call(&app, Method::POST, &path, &owner, &Value::Null).await;
        assert_eq!(reset.status, StatusCode::OK, "{:#}", reset.json);
        let login = json!({"username": "alice", "password": PASSWORD});
        app.post("/api/v1/auth/login", &login)
            .await
            .assert_problem(401, "wrong_credentials");
        let new = json!({"token": reset.text("/token"), "new_password": "a new password"});
        let confirmed = app.post("/api/v1/auth/password/reset/confirm", &new).await;
        assert!(confirmed.status.is_success(), "{:#}", confirmed.json);
        let login = json!({"username": "alice", "password": "a new password"});
        let again = app.post("/api/v1/auth/login", &login).await;
        assert_eq!(again.status, StatusCode::OK, "{:#}", again.json);
        app.stop().await;
    });
}

/// Whoever may reset sign-ins gets no hold of privileges that they lack.
#[test]
fn attack_a_reset_leads_to_nobody_who_holds_more() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let helpdesk = make_role(
            &app,
            &owner,
            "helpdesk",
            &["reset_user_tokens", "edit_users"],
        )
        .await;
        let strong = make_role(&app, &owner, "strong", &["manage_server_settings"]).await;
        let (helper, alice) = (app.signup("helper").await, app.signup("alice").await);
        put_roles(&app, &owner, &helper, "moderator", &[&helpdesk]).await;
        put_roles(&app, &owner, &alice, "user", &[&strong]).await;
        let path = format!("{USERS}/{}", alice.id);
        let reset = format!("{path}/reset-password");
        let email = json!({"email": "helper@example.org"});
        for (method, path, body) in [
            (Method::POST, &reset, Value::Null),
            (Method::PATCH, &path, email),
        ] {
            let refused = call(&app, method, path, &helper, &body).await;
            assert_eq!(refused.status, StatusCode::FORBIDDEN, "{:#}", refused.json);
        }
        put_roles(&app, &owner, &alice, "user", &[]).await;
        let reply = call(&app, Method::POST, &reset, &helper, &Value::Null).await;
        assert_eq!(reply.status, StatusCode::OK, "{:#}", reply.json);
        app.stop().await;
    });
}
