//! From frames to messages, in the one spelling that is sent.

use bytes::Bytes;
use http::HeaderMap;
use serde_json::{Map, Value, json};

use super::ephemeral::{Ephemeral, EphemeralKind};
use super::read::is_header_byte;
use super::{Ack, ActivityFrame, Frame, Hello, MAX_HEAD_BYTES, MAX_HEADERS};
use crate::metrics::{self, Direction};
use crate::stream::Message;

impl Frame {
    /// The message that carries the frame.
    pub fn to_message(&self) -> Message {
        metrics::stream_frame(Direction::Out, self.kind());
        match self {
            Self::Hello(hello) => text(&hello_object(*hello)),
            Self::Ack(ack) => text(&ack_object(ack)),
            Self::Ephemeral(ephemeral) => text(&ephemeral_object(ephemeral)),
            Self::Activity(activity) => Message::Binary(activity.to_binary()),
        }
    }

    /// The word for it in messages and metrics.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Hello(_) => "hello",
            Self::Activity(_) => "activity",
            Self::Ack(_) => "ack",
            Self::Ephemeral(_) => "ephemeral",
        }
    }
}

impl ActivityFrame {
    /// Whether a frame can carry the request: a few headers of plain ASCII, not too long in all.
    pub fn can_carry(target: &str, headers: &HeaderMap) -> bool {
        let plain = headers
            .values()
            .all(|value| value.as_bytes().iter().copied().all(is_header_byte));
        // A quote or backslash takes two bytes; names and brackets some more.
        let bytes: usize = headers
            .iter()
            .map(|(name, value)| name.as_str().len() + value.len() * 2 + 8)
            .sum();
        plain && headers.len() <= MAX_HEADERS && bytes + target.len() + 256 <= MAX_HEAD_BYTES
    }

    fn to_binary(&self) -> Bytes {
        let pairs: Vec<Value> = self
            .headers
            .iter()
            .map(|(name, value)| json!([name.as_str(), String::from_utf8_lossy(value.as_bytes())]))
            .collect();
        let head = json!({
            "op": "activity",
            "seq": self.seq,
            "target": self.target,
            "headers": pairs,
        });
        let mut bytes = head.to_string().into_bytes();
        bytes.reserve_exact(self.body.len().saturating_add(1));
        bytes.push(b'\n');
        bytes.extend_from_slice(&self.body);
        bytes.into()
    }
}

fn text(object: &Value) -> Message {
    Message::Text(object.to_string())
}

fn hello_object(hello: Hello) -> Value {
    let mut object = Map::new();
    object.insert("op".to_owned(), json!("hello"));
    if hello.window > 0 {
        object.insert("window".to_owned(), json!(hello.window));
    }
    if hello.body_bytes > 0 {
        object.insert("body_bytes".to_owned(), json!(hello.body_bytes));
    }
    let kinds: Vec<&str> = hello.ephemeral.iter().map(EphemeralKind::name).collect();
    object.insert("ephemeral".to_owned(), json!(kinds));
    Value::Object(object)
}

fn ack_object(ack: &Ack) -> Value {
    let mut object = Map::new();
    object.insert("op".to_owned(), json!("ack"));
    object.insert("seq".to_owned(), json!(ack.seq));
    object.insert("status".to_owned(), json!(ack.status.as_u16()));
    if !ack.code.is_empty() {
        object.insert("code".to_owned(), json!(ack.code));
    }
    if let Some(seconds) = ack.retry_after {
        object.insert("retry_after".to_owned(), json!(seconds));
    }
    Value::Object(object)
}

fn ephemeral_object(ephemeral: &Ephemeral) -> Value {
    let mut object = json!({
        "op": "ephemeral",
        "kind": ephemeral.kind().name(),
        "actor": ephemeral.actor().as_str(),
    });
    let mut set = |name: &str, value: &str| {
        if let Value::Object(object) = &mut object {
            object.insert(name.to_owned(), json!(value));
        }
    };
    match ephemeral {
        Ephemeral::Typing { context, .. } => set("context", context.as_str()),
        Ephemeral::Presence { state, .. } => set("state", state.name()),
        Ephemeral::Read {
            context, object, ..
        } => {
            set("context", context.as_str());
            set("object", object.as_str());
        }
    }
    object
}
