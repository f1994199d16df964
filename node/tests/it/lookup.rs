//! `folkmoot federation lookup` and `verify` against a running server.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use federation_core::signature::{Scheme, sign_request};
use federation_core::testing::on_each_backend;
use federation_core::{Clock as _, SystemClock};
use http::Method;
use serde_json::{Value, json};
use url::Url;

use crate::app::TestApp;

/// Runs the program beside the server, with a test network allowed.
async fn federation(arguments: &[&str]) -> Output {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_folkmoot"))
            .args(["--json", "federation"])
            .args(arguments)
            .env_clear()
            .env("FOLKMOOT_FEDERATION__ALLOW_HTTP", "true")
            .env(
                "FOLKMOOT_FEDERATION__ALLOWED_PRIVATE_RANGES",
                r#"["127.0.0.0/8"]"#,
            )
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

fn printed(output: &Output) -> Value {
    let complaint = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{complaint}"))
}

#[test]
fn lookup_shows_actor_keys_inbox_and_server() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        app.signup("alice").await;
        let origin = app.origin();
        let host = origin.trim_start_matches("http://");
        let actor = format!("{origin}/users/alice");
        for subject in [&format!("@alice@{host}"), &actor] {
            let output = federation(&["lookup", subject]).await;
            let found = printed(&output);
            assert!(output.status.success());
            assert_eq!(found["actor"], actor);
            assert_eq!(found["inbox"], format!("{actor}/inbox"));
            assert_eq!(found["nodeinfo"]["software"]["name"], "folkmoot");
            let keys = found["keys"].as_array().unwrap();
            assert_eq!(keys.len(), 2);
            assert!(keys.iter().all(|key| key["fault"].is_null()));
        }
        let nobody = federation(&["lookup", &format!("@nobody@{host}")]).await;
        assert!(!nobody.status.success());
        assert!(String::from_utf8_lossy(&nobody.stderr).contains("@nobody@"));
        app.stop().await;
    });
}

/// A request by `signer`, with an activity by `actor` in it, as a file.
async fn recorded(app: &TestApp, folder: &Path, signer: &Url, actor: &Url) -> String {
    let keys = app.app().parts().edge.keys().of(signer).await.unwrap();
    let body = json!({
        "id": format!("{actor}#like"), "type": "Like", "actor": actor.as_str(),
        "object": "https://here.example/messages/1",
    });
    let body = body.to_string();
    let inbox = Url::parse("https://here.example/inbox").unwrap();
    let (method, now) = (Method::POST, SystemClock.now());
    let bytes = Some(body.as_bytes());
    let headers = sign_request(Scheme::Cavage, keys.rsa(), &method, &inbox, bytes, now).unwrap();
    let line = |(name, value): (_, &http::HeaderValue)| {
        let name: &http::HeaderName = name;
        format!("{name}: {}\r\n", value.to_str().unwrap())
    };
    let headers = headers.iter().map(line).collect::<Vec<_>>().concat();
    let text = format!("POST /inbox HTTP/1.1\r\n{headers}\r\n{body}");
    let path = folder.join("request.http");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn verify_fetches_the_key_and_holds_its_owner_against_the_activity() {
    on_each_backend(async |database| {
        let app = TestApp::start(database).await;
        app.signup("alice").await;
        let actor = |name: &str| Url::parse(&format!("{}/users/{name}", app.origin())).unwrap();
        let folder = tempfile::tempdir().unwrap();

        let own = recorded(&app, folder.path(), &actor("alice"), &actor("alice")).await;
        let output = federation(&["verify", &own]).await;
        let report = printed(&output);
        assert_eq!(report["valid"], true, "{report:#}");
        assert!(output.status.success());

        let forged = recorded(&app, folder.path(), &actor("alice"), &actor("bob")).await;
        let output = federation(&["verify", &forged]).await;
        let report = printed(&output);
        assert_eq!(report["valid"], false);
        assert!(!output.status.success());
        let checks = report["checks"].as_array().unwrap();
        let failed = checks.iter().filter(|check| check["verdict"] == "failed");
        let names: Vec<&str> = failed
            .map(|check| check["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["owner"]);
        app.stop().await;
    });
}
