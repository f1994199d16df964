//! `folkmoot lab`: two nodes of the built program exchange messages, and every hop is told.

use std::process::{Command, Stdio};

use serde_json::Value;

#[test]
fn lab_sends_signed_messages_both_ways_and_tells_every_hop() {
    let folder = tempfile::tempdir().unwrap();
    let ended = Command::new(env!("CARGO_BIN_EXE_folkmoot"))
        .args(["--json", "lab", "--exit"])
        .env("TMPDIR", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let complaint = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{complaint}");
    let lab: Value = serde_json::from_slice(&ended.stdout).unwrap();
    let nodes = lab["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 2);
    assert_ne!(nodes[0]["origin"], nodes[1]["origin"]);

    let messages = lab["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 4);
    for message in messages {
        let forth = message["from"] == nodes[0]["member"];
        let (from, to) = if forth { ("a", "b") } else { ("b", "a") };
        let mut last = 0.0;
        let told: Vec<(&str, &str)> = message["hops"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hop| {
                let ms = hop["ms"].as_f64().unwrap();
                assert!(ms >= last, "{message:#}");
                last = ms;
                (hop["node"].as_str().unwrap(), hop["what"].as_str().unwrap())
            })
            .collect();
        for (node, what) in [
            ("", "sends POST"),
            (from, "accepts POST /api/v1/channels/{id}/messages"),
            ("", "queues the delivery"),
            (from, "answers 201"),
            (from, "has leased the delivery"),
            (from, "has signed it"),
            (to, "accepts POST /users/{name}/inbox"),
            (to, "has verified the signature"),
            (to, "has seen the commit"),
            (to, "has pushed to a socket"),
            ("", "has it on the socket"),
            (from, "gets the answer 202"),
            ("", "is told that it was delivered"),
        ] {
            let found = told.iter().any(|hop| hop.0 == node && hop.1.contains(what));
            assert!(found, "{node}: {what}\n{message:#}");
        }
    }
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 0, "the lab left its data behind");
}
