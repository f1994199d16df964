//! What a proven actor may do to what is stored; numbers are those of the attack checklist.

mod objects;
mod polls;
mod relations;

use serde_json::{Value, json};
use url::Url;

use crate::clock::Timestamp;
use crate::inbox::Verified;
use crate::testing;

const HERE: &str = "https://here.example";
const ALICE: &str = "https://here.example/users/alice";
const BOB: &str = "https://there.example/users/bob";
const CAROL: &str = "https://there.example/users/carol";
const MALLORY: &str = "https://evil.example/users/mallory";
const NOTE: &str = "https://there.example/notes/1";

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis((1_795_190_734 + seconds) * 1000)
}

/// The activity of an actor as the inbox gives it to handlers, with more properties.
fn sent(kind: &str, actor: &str, object: impl Into<Value>, more: Value) -> Verified {
    let mut activity = json!({
        "id": format!("{actor}/activities/1"), "type": kind, "actor": actor,
        "object": object.into(),
    });
    let (Value::Object(activity_map), Value::Object(more)) = (&mut activity, more) else {
        panic!("two objects");
    };
    activity_map.extend(more);
    testing::verified(&url(HERE), &activity, at(0)).unwrap()
}

fn plain(kind: &str, actor: &str, object: impl Into<Value>) -> Verified {
    sent(kind, actor, object, json!({}))
}

fn note(author: &str, more: Value) -> Value {
    let mut note = json!({"id": NOTE, "type": "Note", "attributedTo": author, "content": "hi"});
    let (Value::Object(map), Value::Object(more)) = (&mut note, more) else {
        panic!("two objects");
    };
    map.extend(more);
    note
}
