//! What `cargo xtask interop --record` wrote into `fixtures/recorded/`: each folder there is a recording
//! with a day and keys of its own, and whatever is added is held to the same.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use federation_core::Timestamp;
use federation_core::fetch::BlockedDomains;
use federation_core::inbox::{Inbox, InboxConfig};
use federation_core::testing::ManualClock;
use http::Method;

use crate::activities::RecordedKeys;
use crate::recording::{Captured, keys_in, requests_in};

fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.is_dir());
    found.sort();
    found
}

fn recordings() -> Vec<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/recorded");
    let found = folders_in(&all);
    assert!(!found.is_empty(), "nothing was recorded");
    found
}

fn day(recording: &Path) -> Timestamp {
    let text = fs::read(recording.join("recorded.json")).unwrap();
    let about: HashMap<String, String> = serde_json::from_slice(&text).unwrap();
    Timestamp::parse_rfc3339(&about["at"]).unwrap()
}

/// What each server of a recording sent, with the name of the server.
fn sent(recording: &Path) -> Vec<(String, Captured)> {
    let mut found = Vec::new();
    for server in folders_in(recording) {
        let name = server.file_name().unwrap().to_string_lossy().into_owned();
        let sent = server.join("sent");
        if sent.is_dir() {
            let requests = requests_in(&sent).into_iter();
            found.extend(requests.map(|request| (name.clone(), request)));
        }
    }
    found
}

/// Whether Fedify asks for something by a URL that may have had a fragment, which it signs and does
/// not send (`fixtures/captures/README.md`).
fn is_odd(server: &str, captured: &Captured) -> bool {
    let is_new_scheme = captured.headers.contains_key("signature-input");
    server == "fedify" && captured.method == Method::GET && is_new_scheme
}

#[test]
fn every_signature_verifies_and_with_another_body_none_does() {
    for recording in recordings() {
        let (keys, day) = (keys_in(&recording), day(&recording));
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for (server, captured) in sent(&recording) {
            let verified = captured.verify_at(&keys, day);
            if verified.is_err() && is_odd(&server, &captured) {
                continue;
            }
            assert!(verified.is_ok(), "{}: {verified:?}", captured.file);
            let mut changed = captured.clone();
            if changed.body.pop().is_some() {
                let verified = changed.verify_at(&keys, day);
                assert!(verified.is_err(), "{}: {verified:?}", captured.file);
            }
            *counts.entry(server).or_default() += 1;
        }
        println!("{}: {counts:?}", recording.display());
        assert!(counts.len() > 1, "{}: {counts:?}", recording.display());
    }
}

#[tokio::test]
async fn every_activity_is_accepted() {
    for recording in recordings() {
        let directory = Arc::new(RecordedKeys(keys_in(&recording).0));
        let mut accepted = 0;
        for (_, captured) in sent(&recording) {
            if captured.method != Method::POST {
                continue;
            }
            let inbox = Inbox::new(
                InboxConfig::new(captured.origin.clone()),
                directory.clone(),
                Arc::new(BlockedDomains::default()),
                Arc::new(ManualClock::new(day(&recording))),
            );
            let verified = inbox.authenticate(captured.request()).await;
            assert!(verified.is_ok(), "{}: {verified:?}", captured.file);
            accepted += 1;
        }
        println!("{}: {accepted} activities", recording.display());
        assert!(accepted > 0, "{}", recording.display());
    }
}
