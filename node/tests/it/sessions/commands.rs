//! `folkmoot token` and `folkmoot user` beside a server that runs: what they end is over there too.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use federation_core::testing::on_each_backend;
use reqwest::StatusCode;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::app::{Member, PASSWORD, Reply, TestApp};

/// How soon the server knows.
const SOON: Duration = Duration::from_secs(1);

/// Runs a command on the database and keys of a server.
fn folkmoot(app: &TestApp, arguments: &[&str]) -> Value {
    let config = app.app().ctx().config();
    let database = config.database.url.as_ref().unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_folkmoot"))
        .env_clear()
        .env("FOLKMOOT_DATABASE__URL", database.expose())
        .current_dir(&config.data_dir)
        .args(arguments)
        .arg("--json")
        .arg("--data-dir")
        .arg(&config.data_dir)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{message}");
    serde_json::from_slice(&output.stdout).unwrap()
}

async fn login(app: &TestApp, password: &str) -> Reply {
    let body = json!({"username": "alice", "password": password});
    app.post("/api/v1/auth/login", &body).await
}

/// Runs a command that ends the sign-in of a member, whose connections end with it.
async fn ends(app: &TestApp, member: &Member, arguments: &[&str]) -> Value {
    let authenticator = Arc::clone(app.app().ctx().authenticator());
    let me = authenticator.authenticate(&member.access).await.unwrap();
    let end = authenticator.ended(&me);
    let done = folkmoot(app, arguments);
    assert_eq!(done["ended"], 1, "{done:#}");
    timeout(SOON, end.wait()).await.expect("it ends in time");
    app.get("/api/v1/users/@me", &member.access)
        .await
        .assert_problem(401, "session_ended");
    let sent = json!({"refresh_token": member.refresh});
    app.post("/api/v1/auth/refresh", &sent)
        .await
        .assert_problem(401, "invalid_refresh_token");
    done
}

#[test]
fn I9_commands_end_the_sign_ins_of_a_server_that_runs() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let owner = app.signup("owner").await;
        let first = app.signup("alice").await;
        let second = app.login("alice").await;
        let list = app.get("/api/v1/auth/sessions", &first.access).await;
        let items = list.json["items"].as_array().unwrap();
        let own = items.iter().find(|it| it["current"] == true).unwrap();
        let id = own["id"].as_str().unwrap();
        let one = ["token", "revoke", "alice", "--session", id];
        ends(&app, &first, &one).await;
        ends(&app, &second, &["token", "revoke", "alice"]).await;

        let third = app.login("alice").await;
        let suspend = ["user", "suspend", "alice", "--reason", "spam"];
        ends(&app, &third, &suspend).await;
        login(&app, PASSWORD).await.assert_problem(403, "suspended");
        folkmoot(&app, &["user", "unsuspend", "alice"]);

        let fourth = app.login("alice").await;
        let reset = ends(&app, &fourth, &["user", "reset-password", "alice"]).await;
        login(&app, PASSWORD)
            .await
            .assert_problem(401, "wrong_credentials");
        let new = json!({"token": reset["code"], "new_password": "another long password"});
        let set = app.post("/api/v1/auth/password/reset/confirm", &new).await;
        assert_eq!(set.status, StatusCode::NO_CONTENT, "{:#}", set.json);
        let back = login(&app, "another long password").await;
        assert_eq!(back.status, StatusCode::OK, "{:#}", back.json);
        // Nobody else noticed.
        let me = app.get("/api/v1/users/@me", &owner.access).await;
        assert_eq!(me.status, StatusCode::OK);
        app.stop().await;
    });
}
