//! Runs the program and sends it an activity with proof, the same one again, and two without.
#![cfg(test)]

use std::io::BufRead as _;
use std::io::BufReader;
use std::net::TcpListener;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use federation_core::Clock as _;
use federation_core::SystemClock;
use federation_core::signature::Algorithm;
use federation_core::signature::PrivateKey;
use federation_core::signature::Scheme;
use federation_core::signature::SigningKey;
use federation_core::signature::sign_request;
use http::Method;
use serde_json::json;
use url::Url;

struct Program(Child);

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Serves alice's actor document; gives her id and key.
async fn alice() -> (Url, SigningKey) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let id: Url = format!("http://{}/alice", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    let key = PrivateKey::generate(Algorithm::RsaSha256).unwrap();
    let key_id = format!("{id}#main-key");
    let document = json!({
        "@context": ["https://www.w3.org/ns/activitystreams", "https://w3id.org/security/v1"],
        "id": id, "type": "Person", "preferredUsername": "alice",
        "inbox": format!("{id}/inbox"), "outbox": format!("{id}/outbox"),
        "publicKey": {
            "id": key_id, "owner": id, "publicKeyPem": key.public_key().to_pem().unwrap(),
        },
    });
    let serve = get(move || async {
        (
            [(CONTENT_TYPE, "application/activity+json")],
            Json(document).0.to_string(),
        )
    });
    tokio::spawn(async move { axum::serve(listener, Router::new().route("/alice", serve)).await });
    (id, SigningKey::new(key_id.parse().unwrap(), key))
}

/// Starts the program; gives the URL of its inbox.
async fn start() -> (Program, Url) {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_minimal-inbox"));
    command
        .args([free.to_string(), format!("http://{free}")])
        .stdout(Stdio::piped());
    let program = Program(command.spawn().unwrap());
    while tokio::net::TcpStream::connect(free).await.is_err() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    (program, format!("http://{free}/inbox").parse().unwrap())
}

#[tokio::test]
async fn takes_what_is_proved_and_takes_it_once() {
    let (id, key) = alice().await;
    let (mut program, inbox) = start().await;
    let body = json!({
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": format!("{id}/likes/1"), "type": "Like", "actor": id, "object": "https://example.org/1",
    })
    .to_string();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let post = |sent: String, signed: bool| {
        let mut request = http
            .post(inbox.clone())
            .header("content-type", "application/activity+json");
        if signed {
            let now = SystemClock.now();
            let bytes = Some(body.as_bytes());
            let headers =
                sign_request(Scheme::Cavage, &key, &Method::POST, &inbox, bytes, now).unwrap();
            request = request.headers(headers);
        }
        async move { request.body(sent).send().await.unwrap().status().as_u16() }
    };
    assert_eq!(post(body.clone(), false).await, 401);
    assert_eq!(post(body.replace("Like", "Dislike"), true).await, 401);
    assert_eq!(post(body.clone(), true).await, 202);
    assert_eq!(post(body.clone(), true).await, 202);

    program.0.kill().unwrap();
    let printed = BufReader::new(program.0.stdout.take().unwrap()).lines();
    let taken: Vec<String> = printed
        .map(Result::unwrap)
        .filter(|line| !line.starts_with("refused"))
        .collect();
    assert_eq!(taken, [format!("Like from {id}")]);
}
