//! The commands on recorded requests and documents of other servers.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Parser;
use serde_json::Value;

use super::{Command, lookup, parse, verify};
use crate::config::Config;

#[derive(Debug, Parser)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

fn captures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../federation-core/tests/fixtures/captures")
}

fn block_on<F: Future>(work: F) -> F::Output {
    tokio::runtime::Runtime::new().unwrap().block_on(work)
}

fn execute(arguments: &[&str], json: bool) -> Result<(bool, String)> {
    let named = [&["federation"], arguments].concat();
    let config = Config::default();
    let printed = |report: &dyn fmt::Display, value: Result<String, _>| {
        if json {
            value.expect("JSON")
        } else {
            report.to_string()
        }
    };
    match Cli::try_parse_from(named).expect("known arguments").command {
        Command::Lookup(args) => block_on(lookup::run(&args, &config)).map(|finding| {
            let value = serde_json::to_string(&finding);
            (true, printed(&finding, value))
        }),
        Command::Verify(args) => block_on(verify::run(&args, &config)).map(|report| {
            let value = serde_json::to_string(&report);
            (report.valid, printed(&report, value))
        }),
        Command::Parse(args) => parse::run(&args).map(|reading| {
            let value = serde_json::to_string(&reading);
            (true, printed(&reading, value))
        }),
        Command::Policy(_) => panic!("it opens the database of the node"),
    }
}

fn judged(request: &Path, more: &[&str], json: bool) -> (bool, String) {
    let keys = captures().join("keys.json");
    let arguments = [
        &[
            "verify",
            request.to_str().unwrap(),
            "--keys",
            keys.to_str().unwrap(),
        ],
        more,
    ]
    .concat();
    execute(&arguments, json).unwrap()
}

const RECORDED: [&str; 2] = ["--at", "2026-11-20T16:40:00Z"];

fn direct_note() -> PathBuf {
    captures().join("bovine/sent/Create-Note-direct_to-mitra_cavage_202_1.request.http")
}

#[test]
fn every_recorded_request_is_genuine() {
    let mut count = 0;
    for server in ["bovine", "cattle_grid", "fedify", "mitra"] {
        for entry in fs::read_dir(captures().join(server).join("sent")).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            // Fedify signs the fragment of the URL it fetches, which no server sees.
            let fragment = name.starts_with("GET-object_to-bovine_rfc9421");
            if !name.ends_with(".request.http") || name.contains("unsigned") || fragment {
                continue;
            }
            let (valid, report) = judged(&path, &RECORDED, false);
            assert!(valid, "{server}/{name}:\n{report}");
            count += 1;
        }
    }
    assert!(count > 100, "{count}");
}

#[test]
fn says_which_check_failed() {
    let (valid, report) = judged(&direct_note(), &RECORDED, false);
    assert!(valid, "{report}");
    assert!(
        report.contains("passed   verification  the signature is good"),
        "{report}"
    );

    let (valid, report) = judged(&direct_note(), &["--at", "2026-11-22T00:00:00Z"], false);
    assert!(!valid);
    assert!(report.contains("failed   time"), "{report}");
    assert!(report.contains("passed   verification"), "{report}");

    let elsewhere = [&RECORDED[..], &["--origin", "https://other.test"]].concat();
    let (valid, report) = judged(&direct_note(), &elsewhere, false);
    assert!(!valid);
    assert!(report.contains("failed   host"), "{report}");
}

#[test]
fn a_changed_body_fails_the_digest_alone() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(direct_note()).unwrap();
    let changed = folder.path().join("changed.http");
    fs::write(&changed, text.replace("secret from", "public from")).unwrap();
    let (valid, report) = judged(&changed, &RECORDED, true);
    assert!(!valid);
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["valid"], false);
    let failed: Vec<&str> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|check| check["verdict"] == "failed")
        .map(|check| check["name"].as_str().unwrap())
        .collect();
    assert_eq!(failed, ["digest"]);
}

#[test]
fn an_unknown_key_and_a_missing_file_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys.json");
    fs::write(&keys, "{}").unwrap();
    let request = direct_note();
    let arguments = [
        "verify",
        request.to_str().unwrap(),
        "--keys",
        keys.to_str().unwrap(),
    ];
    let (valid, report) = execute(&[&arguments[..], &RECORDED[..]].concat(), false).unwrap();
    assert!(!valid);
    assert!(
        report.contains("failed   key           the key was not found"),
        "{report}"
    );

    fs::write(&keys, r#"{"https://a.test/x": "no PEM"}"#).unwrap();
    let fault = execute(&arguments, false).unwrap_err();
    assert!(format!("{fault:#}").contains("https://a.test/x"));
    let fault = execute(&["parse", "/nonexistent.json"], false).unwrap_err();
    assert!(format!("{fault:#}").contains("/nonexistent.json"));
}

fn parsed(document: &str, json: bool) -> Result<String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("document.json");
    fs::write(&path, document).unwrap();
    execute(&["parse", path.to_str().unwrap()], json).map(|(_, report)| report)
}

fn body_of(request: &Path) -> String {
    let text = fs::read_to_string(request).unwrap();
    text.split_once("\r\n\r\n").unwrap().1.to_owned()
}

#[test]
fn parse_shows_an_activity_and_what_it_did_not_know() {
    let mut document: Value = serde_json::from_str(&body_of(&direct_note())).unwrap();
    document["object"]["mood"] = "good".into();
    document["weather"] = "rain".into();
    let report = parsed(&document.to_string(), false).unwrap();
    assert!(report.starts_with("activity Create\n"), "{report}");
    assert!(
        report.contains("  actor: https://bovine.test/actor\n"),
        "{report}"
    );
    assert!(report.contains("audience: those it names\n"), "{report}");
    assert!(
        report.ends_with("unknown, kept as it came:\n  weather\n  object.mood"),
        "{report}"
    );

    let report = parsed(&document.to_string(), true).unwrap();
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["read_as"], "activity");
    assert_eq!(
        report["unknown"],
        serde_json::json!(["weather", "object.mood"])
    );
    assert_eq!(report["known"]["object"]["mood"], Value::Null);
    assert_eq!(report["known"]["object"]["content"], "secret from bovine");
}

#[test]
fn parse_judges_the_keys_of_an_actor() {
    let served = captures().join("bovine/served/actor-Person_1.response.http");
    let report = parsed(&body_of(&served), false).unwrap();
    assert!(report.starts_with("actor Person\n"), "{report}");
    assert!(report.contains(": usable, RSA with SHA-256"), "{report}");
}

#[test]
fn parse_refuses_what_the_inbox_refuses() {
    let fault = parsed(
        r#"{"id":"https://a.test/1","id":"https://a.test/2"}"#,
        false,
    )
    .unwrap_err();
    assert!(format!("{fault:#}").contains("more than once"), "{fault:#}");
    let fault = parsed("[1]", false).unwrap_err();
    assert!(format!("{fault:#}").contains("not an object"), "{fault:#}");
}

#[test]
fn lookup_says_why_it_will_not_go_somewhere() {
    for (subject, told) in [
        ("@alice@127.0.0.1", "127.0.0.1"),
        (
            "https://127.0.0.1:8443/users/alice",
            "federation.allowed_private_ranges",
        ),
        ("http://a.example/users/alice", "federation.allow_http"),
        ("alice", "not a handle"),
    ] {
        let fault = execute(&["lookup", subject], false).unwrap_err();
        let shown = format!("{fault:#}");
        assert!(shown.contains(subject) && shown.contains(told), "{shown}");
    }
}

#[test]
fn verify_names_the_reason_when_the_key_cannot_be_fetched() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("request.http");
    let text = fs::read_to_string(direct_note()).unwrap();
    fs::write(
        &path,
        text.replace("https://bovine.test/actor#", "https://127.0.0.1/actor#"),
    )
    .unwrap();
    let arguments = [&["verify", path.to_str().unwrap()], &RECORDED[..]].concat();
    let (valid, report) = execute(&arguments, false).unwrap();
    assert!(!valid);
    assert!(report.contains("failed   key"), "{report}");
    assert!(report.contains("is not public"), "{report}");
}
