//! Signing up, in and out, and what must not pass for it.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::testing::{ManualClock, on_each_backend};
use folkmoot::auth::invites;
use folkmoot::auth::model::OpaqueToken;
use folkmoot::config::RegistrationMode;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use crate::app::{PASSWORD, Reply, TestApp};

async fn refresh(app: &TestApp, token: &str) -> Reply {
    app.post("/api/v1/auth/refresh", &json!({"refresh_token": token}))
        .await
}

async fn me(app: &TestApp, access: &str) -> Reply {
    app.get("/api/v1/users/@me", access).await
}

#[test]
fn signs_up_in_and_out() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        app.signup("alice").await;
        let body = json!({"username": "@Alice", "password": PASSWORD});
        let login = app.post("/api/v1/auth/login", &body).await;
        assert_eq!(login.status, StatusCode::OK);
        assert_eq!(login.json["token_type"], "Bearer");
        assert_eq!(login.json["expires_in"], 900);
        assert_eq!(login.headers["cache-control"], "no-store");
        let member = login.member();
        assert_eq!(me(&app, &member.access).await.status, StatusCode::OK);
        let sent = json!({"refresh_token": member.refresh});
        let out = app.post("/api/v1/auth/logout", &sent).await;
        assert_eq!(out.status, StatusCode::NO_CONTENT);
        // At once, although the access token has minutes to go.
        me(&app, &member.access)
            .await
            .assert_problem(401, "session_ended");
        refresh(&app, &member.refresh)
            .await
            .assert_problem(401, "invalid_refresh_token");
        let again = app
            .post("/api/v1/auth/logout", &json!({"refresh_token": "unknown"}))
            .await;
        assert_eq!(again.status, StatusCode::NO_CONTENT);
        app.stop().await;
    });
}

#[test]
fn wrong_password_and_unknown_name_look_the_same() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        app.signup("alice").await;
        let mut answers = Vec::new();
        for (name, password) in [
            ("alice", "not the password"),
            ("nobody", PASSWORD),
            ("a/b", ""),
        ] {
            let body = json!({"username": name, "password": password});
            let reply = app.post("/api/v1/auth/login", &body).await;
            reply.assert_problem(401, "wrong_credentials");
            answers.push(reply.text("/detail"));
        }
        answers.dedup();
        assert_eq!(answers.len(), 1);
        app.stop().await;
    });
}

#[test]
fn attack_sql_in_any_text_is_text() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let alice = app.signup("alice").await;
        let always = "alice' OR '1'='1";
        let body = json!({"username": always, "password": always});
        let login = app.post("/api/v1/auth/login", &body).await;
        login.assert_problem(401, "wrong_credentials");
        for query in ["%27%20OR%20%271%27%3D%271", "%25", "_lice", "a%27%3B--"] {
            let found = app
                .get(&format!("/api/v1/users?q={query}"), &alice.access)
                .await;
            assert_eq!(found.json["items"], json!([]), "{query}: {:#}", found.json);
        }
        let words = "'); DROP TABLE users; --";
        let bio = app
            .call(Method::PATCH, "/api/v1/users/@me")
            .bearer(&alice.access);
        bio.json(&json!({"bio": words})).send().await;
        assert_eq!(me(&app, &alice.access).await.json["bio"], words);
        app.stop().await;
    });
}

#[test]
fn refuses_names_and_passwords_that_break_the_rules() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        for (name, password, code) in [
            ("", PASSWORD, "invalid_username"),
            ("../x", PASSWORD, "invalid_username"),
            ("alice", "short", "invalid_password"),
            ("alice", &"x".repeat(1025), "invalid_password"),
        ] {
            let body = json!({"username": name, "password": password});
            app.post("/api/v1/auth/signup", &body)
                .await
                .assert_problem(422, code);
        }
        let body = json!({"username": "alice", "password": PASSWORD, "email": "nowhere"});
        app.post("/api/v1/auth/signup", &body)
            .await
            .assert_problem(422, "invalid_email");
        app.stop().await;
    });
}

#[test]
fn refuses_forged_and_foreign_tokens() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let member = app.signup("alice").await;
        let parts: Vec<&str> = member.access.split('.').collect();
        let [header, claims, signature] = parts[..] else {
            panic!("not a JWT")
        };
        let none = BASE64URL.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
        let mut hmac: Value = serde_json::from_slice(&BASE64URL.decode(header).unwrap()).unwrap();
        hmac["alg"] = json!("HS256");
        let hmac = BASE64URL.encode(hmac.to_string());
        let mut changed: Value =
            serde_json::from_slice(&BASE64URL.decode(claims).unwrap()).unwrap();
        changed["exp"] = json!(i64::MAX);
        let changed = BASE64URL.encode(changed.to_string());
        let mut flipped = BASE64URL.decode(signature).unwrap();
        flipped[5] ^= 1;
        let flipped = BASE64URL.encode(flipped);
        let zero = BASE64URL.encode([0_u8; 64]);
        for forged in [
            format!("{none}.{claims}."),
            format!("{none}.{claims}.{signature}"),
            format!("{hmac}.{claims}.{signature}"),
            format!("{header}.{changed}.{signature}"),
            format!("{header}.{claims}.{flipped}"),
            format!("{header}.{claims}.{zero}"),
            format!("{header}.{claims}."),
            "x".to_owned(),
            "..".to_owned(),
        ] {
            me(&app, &forged).await.assert_problem(401, "invalid_token");
        }
        me(&app, &"x".repeat(5000))
            .await
            .assert_problem(401, "unauthenticated");
        app.stop().await;
    });
}

#[test]
fn refuses_tokens_of_another_origin_even_with_the_same_keys() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let member = app.signup("alice").await;
        assert_eq!(me(&app, &member.access).await.status, StatusCode::OK);
        let (database, data_dir) = app.stop().await;
        let clock = Arc::new(federation_core::SystemClock);
        let app = TestApp::start_in(database, data_dir, clock, |config| {
            config.server.public_url = Some("https://other.example".to_owned());
        })
        .await;
        me(&app, &member.access)
            .await
            .assert_problem(401, "invalid_token");
        app.stop().await;
    });
}

#[test]
fn ended_sessions_leave_the_table_after_a_week() {
    on_each_backend(async |database| {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)));
        let time: Arc<ManualClock> = Arc::clone(&clock);
        let app = TestApp::start_with(database, clock, |_| {}).await;
        let member = app.signup("alice").await;
        app.login("alice").await;
        let sent = json!({"refresh_token": member.refresh});
        app.post("/api/v1/auth/logout", &sent).await;
        let prune = async || folkmoot::auth::workers::prune(app.app().ctx(), 10).await;
        assert_eq!(prune().await.unwrap(), 0);
        let kept = async || {
            let read = |connection: &mut Connection| {
                use diesel::prelude::*;
                use folkmoot::platform::db::schema::sessions;
                Ok::<_, DatabaseError>(sessions::table.count().get_result::<i64>(connection)?)
            };
            app.app().ctx().db().read(read).await.unwrap()
        };
        assert_eq!(kept().await, 2);
        time.advance(Duration::from_hours(7 * 24 + 1));
        prune().await.unwrap();
        assert_eq!(kept().await, 1);
        app.stop().await;
    });
}

#[test]
fn access_tokens_end_after_a_quarter_of_an_hour() {
    on_each_backend(async |database| {
        let clock = Arc::new(ManualClock::new(Timestamp::from_millis(1_795_190_734_032)));
        let time: Arc<ManualClock> = Arc::clone(&clock);
        let app = TestApp::start_with(database, clock, |_| {}).await;
        let member = app.signup("alice").await;
        time.advance(Duration::from_mins(14));
        assert_eq!(me(&app, &member.access).await.status, StatusCode::OK);
        time.advance(Duration::from_secs(61));
        me(&app, &member.access)
            .await
            .assert_problem(401, "token_expired");
        let next = refresh(&app, &member.refresh).await.member();
        assert_eq!(me(&app, &next.access).await.status, StatusCode::OK);
        time.advance(Duration::from_hours(31 * 24));
        refresh(&app, &next.refresh)
            .await
            .assert_problem(401, "invalid_refresh_token");
        app.stop().await;
    });
}

#[test]
fn lists_and_ends_sessions() {
    on_each_backend(async |database| {
        let app = TestApp::start_with(database, Arc::new(federation_core::SystemClock), |config| {
            config.limits.sessions_per_user = 3;
        })
        .await;
        let bob = app.signup("bob").await;
        let first = app.signup("alice").await;
        let second = app.login("alice").await;
        let third = app.login("alice").await;
        let fourth = app.login("alice").await;
        // The limit ended the oldest.
        me(&app, &first.access)
            .await
            .assert_problem(401, "session_ended");
        let list = app.get("/api/v1/auth/sessions", &fourth.access).await;
        let items = list.json["items"].as_array().unwrap();
        assert_eq!(items.len(), 3);
        assert_eq!(items[0]["current"], true);
        let id = items[1]["id"].as_str().unwrap();
        let end = async |access: &str, id: &str| {
            let path = format!("/api/v1/auth/sessions{id}");
            app.call(Method::DELETE, &path).bearer(access).send().await
        };
        // Nobody ends the sessions of others.
        end(&bob.access, &format!("/{id}"))
            .await
            .assert_problem(404, "not_found");
        let ended = end(&fourth.access, &format!("/{id}")).await;
        assert_eq!(ended.status, StatusCode::NO_CONTENT);
        me(&app, &third.access)
            .await
            .assert_problem(401, "session_ended");
        assert_eq!(me(&app, &second.access).await.status, StatusCode::OK);
        assert_eq!(end(&fourth.access, "").await.status, StatusCode::NO_CONTENT);
        me(&app, &second.access)
            .await
            .assert_problem(401, "session_ended");
        assert_eq!(me(&app, &fourth.access).await.status, StatusCode::OK);
        assert_eq!(me(&app, &bob.access).await.status, StatusCode::OK);
        app.stop().await;
    });
}

#[test]
fn I9_revocation_signals_open_connections_even_from_another_process() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let member = app.signup("alice").await;
        let authenticator = Arc::clone(app.app().ctx().authenticator());
        let session = authenticator.authenticate(&member.access).await.unwrap();
        let end = authenticator.ended(&session);
        assert!(!end.has_ended());
        // Straight into the table, as another process would.
        let (user, now) = (session.id, app.app().ctx().now());
        let revoke = move |connection: &mut _| {
            folkmoot::auth::store::revoke_all_but(connection, user, None, now)
        };
        app.app().ctx().db().write(revoke).await.unwrap();
        tokio::time::timeout(Duration::from_secs(1), end.wait())
            .await
            .unwrap();
        app.stop().await;
    });
}

#[test]
fn registration_follows_its_mode() {
    on_each_backend(async |database| {
        let clock = Arc::new(federation_core::SystemClock);
        let app = TestApp::start_with(database, clock, |config| {
            config.registration.mode = RegistrationMode::Invite;
        })
        .await;
        let code = OpaqueToken::generate().unwrap();
        let (stored, now) = (code.clone(), app.app().ctx().now());
        let once = invites::Terms {
            by: None,
            uses: 1,
            lifetime: Duration::from_hours(1),
        };
        let insert = move |connection: &mut _| invites::insert(connection, &stored, once, now);
        app.app().ctx().db().write(insert).await.unwrap();
        let signup = async |name: &str, invite: Option<&str>| {
            let body = json!({"username": name, "password": PASSWORD, "invite": invite});
            app.post("/api/v1/auth/signup", &body).await
        };
        signup("alice", None)
            .await
            .assert_problem(403, "invalid_invite");
        signup("alice", Some("guessed"))
            .await
            .assert_problem(403, "invalid_invite");
        assert_eq!(
            signup("alice", Some(code.expose())).await.status,
            StatusCode::CREATED
        );
        signup("bob", Some(code.expose()))
            .await
            .assert_problem(403, "invalid_invite");
        let (database, data_dir) = app.stop().await;
        let clock = Arc::new(federation_core::SystemClock);
        let app = TestApp::start_in(database, data_dir, clock, |config| {
            config.registration.mode = RegistrationMode::Closed;
        })
        .await;
        let body = json!({"username": "bob", "password": PASSWORD});
        app.post("/api/v1/auth/signup", &body)
            .await
            .assert_problem(403, "registration_closed");
        app.stop().await;
    });
}
