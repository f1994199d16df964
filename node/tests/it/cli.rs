//! The command line as its users meet it: real processes, their output and exit codes.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn folkmoot(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_folkmoot"));
    command
        .current_dir(directory)
        .env_clear()
        .stdin(Stdio::null());
    command
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Holds a command to fail with one line that has all of `parts`.
#[track_caller]
fn assert_fails(output: &Output, parts: &[&str]) {
    let message = text(&output.stderr);
    assert!(!output.status.success(), "{message}");
    assert_eq!(message.trim_end().lines().count(), 1, "{message}");
    for part in parts {
        assert!(message.contains(part), "{part:?} is not in {message}");
    }
}

#[test]
fn faults_are_one_line_with_the_way_out() {
    let directory = tempfile::tempdir().unwrap();
    let serve = |flags: &[&str], variables: &[(&str, &str)]| {
        let mut command = folkmoot(directory.path());
        command
            .args(flags)
            .envs(variables.iter().copied())
            .output()
            .unwrap()
    };
    let unknown = serve(&[], &[("FOLKMOOT_SERVER__BNID", "127.0.0.1:0")]);
    assert_fails(
        &unknown,
        &[
            "server.bnid",
            "FOLKMOOT_SERVER__BNID",
            "did you mean server.bind?",
        ],
    );
    let url = serve(&["--public-url", "chat.example"], &[]);
    assert_fails(&url, &["server.public_url", "https://chat.example"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert_fails(
        &serve(&["--bind", &address], &[]),
        &[&address, "in use", "--bind"],
    );
    let free = ["--bind", "127.0.0.1:0"];
    std::fs::write(directory.path().join("file"), "").unwrap();
    let data = serve(&[&free[..], &["--data-dir", "file/data"]].concat(), &[]);
    assert_fails(&data, &["file/data", "data_dir"]);
    let nowhere = [(
        "FOLKMOOT_DATABASE__URL",
        "postgres://alice:hunter2@127.0.0.1:1/x",
    )];
    let database = serve(&free, &nowhere);
    assert_fails(&database, &["cannot open database", "127.0.0.1:1", "check"]);
    assert!(!text(&database.stderr).contains("hunter2"));
    let missing = serve(&["--config", "none.toml"], &[]);
    assert_fails(&missing, &["none.toml", "readable"]);
}

#[test]
fn config_check_lists_all_faults_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let check = || {
        folkmoot(directory.path())
            .args(["config", "check"])
            .output()
            .unwrap()
    };
    assert!(check().status.success());
    let file = "nonsense = 1\n[server]\nbind = \"here\"\n[limits]\nconnections = \"many\"\n";
    std::fs::write(directory.path().join("folkmoot.toml"), file).unwrap();
    let output = check();
    assert!(!output.status.success());
    let message = text(&output.stderr);
    for key in [
        "nonsense",
        "server.bind",
        "limits.connections",
        "folkmoot.toml",
    ] {
        assert!(message.contains(key), "{message}");
    }
    assert!(
        !directory.path().join("data").exists(),
        "a check changes nothing"
    );
}

#[test]
fn config_check_prints_the_settings_without_their_secrets() {
    let directory = tempfile::tempdir().unwrap();
    let output = folkmoot(directory.path())
        .args(["config", "check", "--json"])
        .env(
            "FOLKMOOT_DATABASE__URL",
            "postgres://alice:hunter2@127.0.0.1:1/x",
        )
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let printed = text(&output.stdout);
    assert!(!printed.contains("hunter2"), "{printed}");
    let settings: Value = serde_json::from_str(&printed).unwrap();
    assert_eq!(settings["server"]["bind"], "127.0.0.1:8080");
    assert_eq!(settings["database"]["url"], "[redacted]");
}

#[test]
fn tells_its_version() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = folkmoot(directory.path());
    let output = command.arg("--version").output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(
        text(&output.stdout).trim_end(),
        format!("folkmoot {version}")
    );
}

#[test]
fn accounts_are_made_listed_and_promoted() {
    let directory = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| -> Value {
        let mut command = folkmoot(directory.path());
        let output = command.arg("--json").args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    };
    assert!(!run(&["migrate"])["ran"].as_array().unwrap().is_empty());
    assert!(run(&["migrate"])["ran"].as_array().unwrap().is_empty());
    let alice = run(&["user", "create", "alice"]);
    assert_eq!(alice["role"], "owner");
    assert_eq!(alice["handle"], "@alice@127.0.0.1:8080");
    assert!(alice["password"].as_str().unwrap().len() >= 20);
    run(&["user", "create", "bob"]);
    assert_eq!(
        run(&["user", "promote", "bob", "moderator"])["role"],
        "moderator"
    );
    let list = run(&["user", "list"]);
    assert_eq!(list.as_array().unwrap().len(), 2);
    assert_eq!(list[1]["role"], "moderator");
    assert!(list[0].get("password").is_none());
    assert!(run(&["user", "invite"])["code"].as_str().unwrap().len() > 40);
    let mut command = folkmoot(directory.path());
    let twice = command.args(["user", "create", "Alice"]).output().unwrap();
    assert_fails(&twice, &["taken"]);
    let mut command = folkmoot(directory.path());
    let elsewhere = ["--bind", "127.0.0.1:9", "user", "create", "carol"];
    let elsewhere = command.args(elsewhere).output().unwrap();
    assert_fails(&elsewhere, &["127.0.0.1:8080", "--public-url"]);
    let mut command = folkmoot(directory.path());
    let nobody = command
        .args(["user", "promote", "carol", "admin"])
        .output()
        .unwrap();
    assert_fails(&nobody, &["carol", "user list"]);
    let step_back = || {
        let mut command = folkmoot(directory.path());
        let arguments = ["user", "promote", "alice", "user"];
        command.args(arguments).output().unwrap()
    };
    assert_fails(&step_back(), &["only owner"]);
    run(&["user", "promote", "bob", "owner"]);
    assert!(step_back().status.success());
}

#[test]
fn serves_without_anything_and_stops_on_sigterm() {
    let directory = tempfile::tempdir().unwrap();
    let mut command = folkmoot(directory.path());
    command
        .args(["--bind", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut server = command.spawn().unwrap();
    let mut lines = BufReader::new(server.stdout.take().unwrap()).lines();
    let first = lines.next().unwrap().unwrap();
    assert!(first.contains("serves http://127.0.0.1:"), "{first}");
    let hints: Vec<String> = lines.by_ref().take(4).map(Result::unwrap).collect();
    let hints = hints.join("\n");
    assert!(
        hints.contains("folkmoot --bind 127.0.0.1:0 user create alice"),
        "{hints}"
    );
    assert!(hints.contains("/api/v1/auth/signup"), "{hints}");
    // A second server on the same files is refused while the first one runs.
    let second = folkmoot(directory.path())
        .args(["--bind", "127.0.0.1:0"])
        .output()
        .unwrap();
    assert_fails(&second, &["in use by another process"]);
    let pid = server.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-TERM", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert!(server.wait().unwrap().success());
    assert!(directory.path().join("data/keyring").exists());
}
