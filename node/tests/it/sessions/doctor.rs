//! `folkmoot doctor` and the Redis of the node: real servers, logins and refusals.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::redis::Redis;

/// What `folkmoot doctor` says of Redis at this address, and whether the command succeeded.
fn examine(home: &Path, url: Option<&str>) -> (Value, bool) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_folkmoot"));
    command
        .current_dir(home)
        .env_clear()
        .args(["doctor", "--json", "--bind", "127.0.0.1:0"])
        .stdin(Stdio::null());
    if let Some(url) = url {
        command.env("FOLKMOOT_CACHE__URL", url);
    }
    let output = command.output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| {
        let message = String::from_utf8_lossy(&output.stderr);
        panic!("{message}")
    });
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("secret"), "{text}");
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == "cache");
    (check.unwrap().clone(), output.status.success())
}

#[track_caller]
fn assert_failed((check, succeeded): &(Value, bool), detail: &str, advice: &str) {
    assert_eq!(check["verdict"], "failed", "{check:#}");
    assert!(!succeeded);
    for (name, part) in [("detail", detail), ("advice", advice)] {
        let text = check[name].as_str().unwrap();
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn doctor_tells_what_redis_does_not_do() {
    let home = tempfile::tempdir().unwrap();
    let (check, succeeded) = examine(home.path(), None);
    assert_eq!(check["verdict"], "skipped", "{check:#}");
    assert!(succeeded);

    let mut redis = Redis::start();
    let (check, succeeded) = examine(home.path(), Some(&redis.url()));
    assert_eq!(check["verdict"], "good", "{check:#}");
    assert!(check["detail"].as_str().unwrap().contains("a notice takes"));
    assert!(succeeded);

    let client = ::redis::Client::open(redis.url()).unwrap();
    let mut operator = client.get_multiplexed_async_connection().await.unwrap();
    let mut set_user = async |name: &str, rules: &[&str]| {
        let mut command = ::redis::cmd("ACL");
        command.arg("SETUSER").arg(name).arg(rules);
        command.exec_async(&mut operator).await.unwrap();
    };
    set_user("deaf", &["on", ">secret", "+@all", "resetchannels"]).await;
    let exactly = ["on", ">secret", "+@pubsub", "+@connection", "resetchannels"];
    set_user("node", &exactly).await;
    set_user("node", &["&folkmoot/notices/*"]).await;
    let login = |user: &str, password: &str| {
        let server = redis.url();
        server.replacen("redis://", &format!("redis://{user}:{password}@"), 1)
    };
    let (check, _) = examine(home.path(), Some(&login("node", "secret")));
    assert_eq!(check["verdict"], "good", "{check:#}");
    let refused = examine(home.path(), Some(&login("node", "secret-of-another")));
    assert_failed(&refused, "refuses the login", "password");
    let deaf = examine(home.path(), Some(&login("deaf", "secret")));
    assert_failed(&deaf, "may not use the channels", "ACL SETUSER");

    let url = redis.url();
    redis.kill();
    let away = examine(home.path(), Some(&url));
    assert_failed(&away, "cannot be reached", "start Redis");
}
