//! `folkmoot setup`, `doctor` and `audit tail` as their users meet them.

use std::io::{BufRead as _, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use diesel::RunQueryDsl as _;
use federation_core::store::sql::{Backend, Connection, Database, DatabaseError};
use federation_core::testing::TestDatabase;
use folkmoot::platform::db;
use serde_json::Value;

use crate::port;

fn folkmoot(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_folkmoot"));
    command
        .current_dir(directory)
        .env_clear()
        .args(arguments)
        .stdin(Stdio::null());
    command
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    folkmoot(directory, arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}{}", text(&output.stdout), text(&output.stderr)))
}

#[track_caller]
fn verdict<'a>(report: &'a Value, name: &str) -> &'a str {
    let checks = report["checks"].as_array().unwrap();
    let check = checks.iter().find(|check| check["name"] == name);
    check.unwrap_or_else(|| panic!("no check {name}: {report:#}"))["verdict"]
        .as_str()
        .unwrap()
}

#[test]
fn setup_leaves_a_node_that_serves_its_owner() {
    let home = tempfile::tempdir().unwrap();
    let bind = format!("127.0.0.1:{}", port::free());
    let setup = [
        "setup", "--yes", "--json", "--bind", &bind, "--owner", "alice",
    ];
    let done = run(home.path(), &setup);
    assert!(done.status.success(), "{}", text(&done.stderr));
    let done = json(&done);
    assert_eq!(done["owner"]["role"], "owner");
    let password = done["owner"]["password"].as_str().unwrap();
    assert_eq!(verdict(&done["report"], "database"), "good");
    assert_eq!(verdict(&done["report"], "name"), "skipped");
    let file = std::fs::read_to_string(home.path().join("folkmoot.toml")).unwrap();
    assert!(file.contains(&bind) && !file.contains(password), "{file}");
    // Once more: nothing is overwritten, and nobody is made twice.
    let again = run(home.path(), &setup);
    assert!(!again.status.success());
    assert!(
        text(&again.stderr).contains("--force"),
        "{}",
        text(&again.stderr)
    );
    let forced = run(home.path(), &[&setup[..], &["--force"]].concat());
    assert!(json(&forced)["owner"].is_null());
    let mut server = folkmoot(home.path(), &["serve"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut greeting = String::new();
    let mut out = BufReader::new(server.stdout.take().unwrap());
    out.read_line(&mut greeting).unwrap();
    assert!(greeting.contains(&bind), "{greeting}");
    let examined = run(home.path(), &["doctor"]);
    let seen = text(&examined.stdout);
    assert!(examined.status.success(), "{seen}");
    assert!(seen.contains("a server listens"), "{seen}");
    server.kill().unwrap();
    server.wait().unwrap();
}

#[test]
fn setup_of_a_public_node_waits_for_its_server_and_doctor_does_not() {
    let home = tempfile::tempdir().unwrap();
    let bind = format!("127.0.0.1:{}", port::free());
    let url = format!("http://{bind}");
    let public = ["--json", "--bind", &bind, "--public-url", &url];
    let setup = [&["setup", "--yes"][..], &public].concat();
    let done = run(home.path(), &setup);
    assert!(done.status.success(), "{}", text(&done.stdout));
    let shown = json(&done);
    let report = &shown["report"];
    assert_eq!(report["healthy"], true);
    for (name, expected) in [
        ("port", "good"),
        ("name", "good"),
        ("webfinger", "skipped"),
        ("nodeinfo", "skipped"),
    ] {
        assert_eq!(verdict(report, name), expected, "{report:#}");
    }
    let told = text(&done.stdout);
    assert!(told.contains("no server runs yet"), "{told}");
    let strict = run(home.path(), &["doctor", "--json"]);
    assert!(!strict.status.success());
    for name in ["webfinger", "nodeinfo"] {
        assert_eq!(verdict(&json(&strict), name), "failed");
    }
    // What listens there is looked at, and is no node.
    let _other = TcpListener::bind(&bind).unwrap();
    let taken = run(home.path(), &[&setup[..], &["--force"]].concat());
    assert!(!taken.status.success());
    for name in ["webfinger", "nodeinfo"] {
        assert_eq!(verdict(&json(&taken)["report"], name), "failed");
    }
}

#[test]
fn setup_refuses_what_cannot_be_and_writes_nothing() {
    let home = tempfile::tempdir().unwrap();
    for (flag, value, named) in [
        ("--public-url", "chat.example", "server.public_url"),
        ("--registration", "everybody", "registration.mode"),
        ("--database", "mysql://x/y", "database.url"),
    ] {
        let refused = run(home.path(), &["setup", "--yes", flag, value]);
        let message = text(&refused.stderr);
        assert!(!refused.status.success(), "{flag} {value}");
        assert!(message.contains(named), "{message}");
        assert!(!home.path().join("folkmoot.toml").exists());
    }
}

#[test]
fn doctor_says_what_is_wrong_and_what_to_do() {
    let home = tempfile::tempdir().unwrap();
    // A file where the directory should be, a name that leads nowhere, and a foreign keyring.
    let data = home.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::fs::write(data.join("keyring"), "not a key ring").unwrap();
    let url = "https://folkmoot.invalid";
    let sick = run(home.path(), &["doctor", "--json", "--public-url", url]);
    assert!(!sick.status.success());
    let report = json(&sick);
    assert_eq!(report["healthy"], false);
    for name in ["keyring", "name", "webfinger", "nodeinfo"] {
        assert_eq!(verdict(&report, name), "failed", "{name}");
    }
    for check in report["checks"].as_array().unwrap() {
        let is_bad = check["verdict"] == "failed" || check["verdict"] == "warning";
        assert_eq!(is_bad, check["advice"].is_string(), "{check:#}");
    }
    let database = ["doctor", "--json", "--data-dir", "elsewhere"];
    let unreachable = folkmoot(home.path(), &database)
        .env(
            "FOLKMOOT_DATABASE__URL",
            "postgres://nobody@127.0.0.1:1/none",
        )
        .output()
        .unwrap();
    assert_eq!(verdict(&json(&unreachable), "database"), "failed");
}

#[test]
fn doctor_finds_this_node_by_its_name() {
    let home = tempfile::tempdir().unwrap();
    let port = port::free();
    let (bind, url) = (
        format!("127.0.0.1:{port}"),
        format!("http://127.0.0.1:{port}"),
    );
    let settings = format!(
        "[server]\nbind = \"{bind}\"\npublic_url = \"{url}\"\n\
         [federation]\nallow_http = true\nallowed_private_ranges = [\"127.0.0.0/8\"]\n"
    );
    std::fs::write(home.path().join("folkmoot.toml"), settings).unwrap();
    let mut server = folkmoot(home.path(), &["serve"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut greeting = String::new();
    let mut out = BufReader::new(server.stdout.take().unwrap());
    out.read_line(&mut greeting).unwrap();
    let report = json(&run(home.path(), &["doctor", "--json"]));
    for name in [
        "name",
        "webfinger",
        "nodeinfo",
        "port",
        "database",
        "clock",
        "disk",
    ] {
        assert_eq!(verdict(&report, name), "good", "{report:#}");
    }
    server.kill().unwrap();
    server.wait().unwrap();
}

/// Runs these statements.
async fn execute(database: &Database, statements: Vec<String>) {
    let write = move |connection: &mut Connection| -> Result<(), DatabaseError> {
        for statement in &statements {
            diesel::sql_query(statement).execute(connection)?;
        }
        Ok(())
    };
    database.write(write).await.unwrap();
}

#[tokio::test]
async fn doctor_compares_its_clock_with_that_of_the_database() {
    let home = tempfile::tempdir().unwrap();
    let test = TestDatabase::create(Backend::Postgres);
    let database = test.open(db::migrations()).await;
    let clock = || {
        let output = folkmoot(home.path(), &["doctor", "--json", "--bind", "127.0.0.1:0"])
            .env("FOLKMOOT_DATABASE__URL", test.url_text())
            .output()
            .unwrap();
        let report = json(&output);
        assert_eq!(report["healthy"], output.status.success());
        let checks = report["checks"].as_array().unwrap();
        let clock = checks.iter().find(|check| check["name"] == "clock");
        clock.unwrap_or_else(|| panic!("{report:#}")).clone()
    };
    let agreeing = clock();
    assert_eq!(agreeing["verdict"], "good", "{agreeing:#}");
    let detail = agreeing["detail"].as_str().unwrap();
    assert!(detail.contains("by the database"), "{detail}");
    // Nobody sets the clock of the server: this database has a function before the server's own.
    let first = "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = \
                 public, pg_catalog', current_database()); END $$";
    for offset in ["40 seconds", "-40 seconds"] {
        let own = format!(
            "CREATE OR REPLACE FUNCTION public.clock_timestamp() RETURNS timestamptz LANGUAGE sql \
             AS $$ SELECT pg_catalog.clock_timestamp() + interval '{offset}' $$"
        );
        execute(&database, vec![own, first.to_owned()]).await;
        let apart = clock();
        assert_eq!(apart["verdict"], "failed", "{apart:#}");
        let detail = apart["detail"].as_str().unwrap();
        assert!(detail.contains("by the database"), "{detail}");
        assert!(apart["advice"].as_str().unwrap().contains("NTP"));
    }
    database.close().await;
}

#[test]
fn accounts_that_commands_open_and_promote_are_in_the_audit_log() {
    let home = tempfile::tempdir().unwrap();
    let done = |arguments: &[&str]| {
        let output = run(home.path(), &[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        output
    };
    let alice = json(&done(&["user", "create", "alice", "--role", "user"]));
    let bob = json(&done(&["user", "create", "bob", "--role", "moderator"]));
    done(&["user", "promote", "bob", "admin"]);
    // What changes nothing is not recorded, nor what is refused.
    done(&["user", "promote", "bob", "admin"]);
    for refused in [
        ["user", "promote", "alice", "user"],
        ["user", "create", "bob", "--json"],
    ] {
        assert!(!run(home.path(), &refused).status.success());
    }
    let entries: Vec<Value> = text(&done(&["audit", "tail"]).stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(entries.len(), 3, "{entries:#?}");
    for (entry, (action, target, before, after)) in entries.iter().zip([
        (
            "user.create",
            &alice["id"],
            Value::Null,
            serde_json::json!({"username": "alice", "role": "owner"}),
        ),
        (
            "user.create",
            &bob["id"],
            Value::Null,
            serde_json::json!({"username": "bob", "role": "moderator"}),
        ),
        (
            "user.roles",
            &bob["id"],
            serde_json::json!({"role": "moderator"}),
            serde_json::json!({"role": "admin"}),
        ),
    ]) {
        assert_eq!(entry["actor_kind"], "command", "{entry:#}");
        assert_eq!(entry["action"], action);
        assert_eq!(&entry["target_id"], target);
        assert_eq!(entry["before"], before);
        assert_eq!(entry["after"], after);
    }
}

#[test]
fn invitations_that_commands_make_are_in_the_audit_log() {
    let home = tempfile::tempdir().unwrap();
    let invited = run(home.path(), &["user", "invite", "--json"]);
    assert!(invited.status.success(), "{}", text(&invited.stderr));
    let invited = json(&invited);
    let tail = text(&run(home.path(), &["audit", "tail", "--json"]).stdout);
    assert!(!tail.contains(invited["code"].as_str().unwrap()), "{tail}");
    // One line, hence one entry.
    let entry: Value = serde_json::from_str(&tail).unwrap();
    assert_eq!(entry["actor_kind"], "command", "{entry:#}");
    assert_eq!(entry["action"], "invite.create");
    assert_eq!(entry["target_kind"], "invite");
    assert!(entry["target_id"].is_string());
    assert_eq!(entry["before"], Value::Null);
    let after = serde_json::json!({"uses": 1, "expires_in": invited["expires_in"]});
    assert_eq!(entry["after"], after);
}

#[test]
fn commands_end_sign_ins_and_say_so() {
    let home = tempfile::tempdir().unwrap();
    let made = run(home.path(), &["user", "create", "owner"]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    run(home.path(), &["user", "create", "bob"]);
    let json_of = |arguments: &[&str]| {
        let output = run(home.path(), &[arguments, &["--json"]].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        json(&output)
    };
    let suspended = json_of(&["user", "suspend", "bob", "--reason", "spam"]);
    assert_eq!(suspended["suspended"], true);
    let back = json_of(&["user", "unsuspend", "bob"]);
    assert_eq!(back["suspended"], false);
    let reset = json_of(&["user", "reset-password", "bob"]);
    assert_eq!(reset["code"].as_str().unwrap().len(), 43);
    assert_eq!(json_of(&["token", "revoke", "bob"])["ended"], 0);
    // The last owner stays, unknown names are named, and a reason is asked for.
    for refused in [
        &["user", "suspend", "owner", "--reason", "x"][..],
        &["user", "suspend", "nobody", "--reason", "x"],
        &["user", "suspend", "bob", "--reason", " "],
        &[
            "token",
            "revoke",
            "bob",
            "--session",
            "0197a3c2-7b1e-7c55-8f00-6b7d2f6f1a11",
        ],
    ] {
        let output = run(home.path(), refused);
        assert!(!output.status.success(), "{refused:?}");
        assert_eq!(text(&output.stderr).trim_end().lines().count(), 1);
    }
    let tail = run(home.path(), &["audit", "tail", "--json"]);
    let entries: Vec<Value> = text(&tail.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let acts: Vec<&str> = entries
        .iter()
        .map(|entry| entry["action"].as_str().unwrap())
        .collect();
    let last = acts.len() - 4;
    assert_eq!(
        acts[last..],
        [
            "user.suspend",
            "user.unsuspend",
            "user.reset_password",
            "user.reset_sessions"
        ]
    );
    assert_eq!(entries[last]["after"]["reason"], "spam");
    assert_eq!(entries[last]["actor_kind"], "command");
}
