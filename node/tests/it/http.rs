//! What holds for every request: problems, bounds, and effects that happen once.

use std::time::Duration;

use federation_core::testing::on_each_backend;
use reqwest::{Method, StatusCode};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::app::{PASSWORD, Reply, TestApp};

const SIGNUP: &str = "/api/v1/auth/signup";

async fn send(app: &TestApp, media_type: &str, body: impl Into<reqwest::Body>) -> Reply {
    let call = app.call(Method::POST, SIGNUP);
    call.header("content-type", media_type)
        .body(body)
        .send()
        .await
}

#[test]
fn bad_bodies_get_problems() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let json = "application/json";
        send(&app, json, "{")
            .await
            .assert_problem(400, "malformed_json");
        send(&app, json, "")
            .await
            .assert_problem(400, "malformed_json");
        send(&app, json, vec![0xff; 10])
            .await
            .assert_problem(400, "malformed_json");
        let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let reply = send(&app, json, deep).await;
        assert!(reply.status.is_client_error());
        let unknown = json!({"username": "alice", "password": PASSWORD, "role": "owner"});
        let reply = send(&app, json, unknown.to_string()).await;
        reply.assert_problem(422, "invalid_body");
        assert!(
            reply.text("/detail").contains("role"),
            "{}",
            reply.text("/detail")
        );
        let twice = r#"{"username":"alice","username":"bob","password":"correct horse"}"#;
        send(&app, json, twice)
            .await
            .assert_problem(422, "invalid_body");
        // In the order of the fields, which JSON does not have.
        send(&app, json, r#"["alice","correct horse",null,null,null]"#)
            .await
            .assert_problem(422, "invalid_body");
        send(&app, "text/plain", "{}")
            .await
            .assert_problem(415, "unsupported_media_type");
        send(&app, json, vec![b' '; 2_000_000])
            .await
            .assert_problem(413, "body_too_large");
        app.stop().await;
    });
}

#[test]
fn unknown_paths_and_methods_get_problems() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        app.call(Method::GET, "/nothing")
            .send()
            .await
            .assert_problem(404, "not_found");
        let reply = app.call(Method::PUT, SIGNUP).send().await;
        reply.assert_problem(405, "method_not_allowed");
        assert_eq!(reply.headers["allow"], "POST");
        app.stop().await;
    });
}

#[test]
fn I2_a_repeated_creation_has_one_effect_and_one_answer() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let body = json!({"username": "alice", "password": PASSWORD});
        let signup = async |key: &str, body: &serde_json::Value| {
            let call = app
                .call(Method::POST, SIGNUP)
                .header("idempotency-key", key);
            call.json(body).send().await
        };
        let calls = (0..8).map(|_| signup("first", &body));
        let replies = futures_util::future::join_all(calls).await;
        let replayed = |reply: &&Reply| reply.headers.contains_key("idempotency-replayed");
        assert_eq!(replies.iter().filter(replayed).count(), 7);
        for reply in &replies {
            assert_eq!(reply.status, StatusCode::CREATED, "{:?}", reply.json);
            assert_eq!(reply.json, replies[0].json);
        }
        let other = json!({"username": "bob", "password": PASSWORD});
        signup("first", &other)
            .await
            .assert_problem(422, "idempotency_key_reused");
        signup("second", &body)
            .await
            .assert_problem(409, "username_taken");
        // A failure is not kept: the same key may try again.
        assert_eq!(signup("second", &other).await.status, StatusCode::CREATED);
        signup(&"x".repeat(256), &other)
            .await
            .assert_problem(400, "invalid_idempotency_key");
        let login = async || {
            let call = app.call(Method::POST, "/api/v1/auth/login");
            call.header("idempotency-key", "first")
                .json(&body)
                .send()
                .await
        };
        let (one, two) = (login().await, login().await);
        assert_eq!(one.status, StatusCode::OK);
        assert_eq!(one.json, two.json);
        app.stop().await;
    });
}

#[test]
fn requests_under_way_finish_when_the_server_stops() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        let mut idle = TcpStream::connect(app.app().address()).await.unwrap();
        let mut busy = TcpStream::connect(app.app().address()).await.unwrap();
        let body = json!({"username": "alice", "password": PASSWORD}).to_string();
        let head = format!(
            "POST {SIGNUP} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        busy.write_all(head.as_bytes()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        let stopping = app.stop();
        let finishing = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            busy.write_all(body.as_bytes()).await.unwrap();
            let mut answer = String::new();
            busy.read_to_string(&mut answer).await.unwrap();
            answer
        };
        let (_left, answer) = tokio::join!(stopping, finishing);
        assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
        let mut nothing = Vec::new();
        assert_eq!(idle.read_to_end(&mut nothing).await.unwrap(), 0);
    });
}
