//! The JSON of the gateway: `{"op","seq"?,"d"}`. Events are made by `platform::events`.

use axum::extract::ws::Utf8Bytes;
use federation_core::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::welcome::{Wanted, Welcome};
use crate::base::ids::SessionId;
use crate::platform::events::Form;
use crate::presence::wire::OnlineView;

/// What a client may say.
#[derive(Debug)]
pub(super) enum ClientFrame {
    Identify(Identify),
    Heartbeat(Value),
    /// What the member chose; whether it can be chosen is told by an answer.
    Presence(Value),
    /// Where the member is writing.
    Typing(Value),
    /// What else the client wants to be told.
    Subscribe(Value),
}

impl ClientFrame {
    /// As how many frames it counts: what reads the database counts for more than an echo.
    pub(super) const fn weight(&self) -> u32 {
        match self {
            Self::Identify(_) => 20,
            Self::Presence(_) | Self::Subscribe(_) => 10,
            Self::Typing(_) => 2,
            Self::Heartbeat(_) => 1,
        }
    }
}

/// Who the client is, and the number of the last event it has seen.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Identify {
    /// May be left out when the socket has shown a token already.
    pub(super) token: Option<String>,
    pub(super) resume: Option<i64>,
    /// What the client wants to show first.
    #[serde(default)]
    pub(super) welcome: Option<Wanted>,
    /// Whether it can do with the least.
    #[serde(default)]
    pub(super) light: bool,
}

impl Identify {
    /// How it wants to be told.
    pub(super) const fn form(&self) -> Form {
        if self.light { Form::Light } else { Form::Full }
    }
}

/// The topics beside what the member sees.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Subscribe {
    pub(super) topics: Vec<String>,
}

#[derive(Deserialize)]
struct RawFrame {
    op: String,
    #[serde(default)]
    d: Value,
}

/// The frame is not in the specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Unspecified;

/// Reads one frame of a client.
pub(super) fn read(text: &str) -> Result<ClientFrame, Unspecified> {
    let frame: RawFrame = serde_json::from_str(text).map_err(|_not_a_frame| Unspecified)?;
    match frame.op.as_str() {
        "identify" => serde_json::from_value(frame.d)
            .map(ClientFrame::Identify)
            .map_err(|_not_an_identify| Unspecified),
        "heartbeat" => Ok(ClientFrame::Heartbeat(frame.d)),
        "presence" => Ok(ClientFrame::Presence(frame.d)),
        "typing" => Ok(ClientFrame::Typing(frame.d)),
        "subscribe" => Ok(ClientFrame::Subscribe(frame.d)),
        _ => Err(Unspecified),
    }
}

/// What the server says first.
#[derive(Debug, Serialize)]
pub(super) struct Ready<'a, U: Serialize> {
    pub(super) user: &'a U,
    pub(super) session_id: SessionId,
    /// Events that follow have larger numbers than this.
    pub(super) seq: i64,
    /// Whether everything after the number given with `resume` follows.
    pub(super) resumed: bool,
    pub(super) heartbeat_seconds: u64,
    /// When the access token ends; identify again with a new one before.
    pub(super) expires_at: Timestamp,
    /// Who is there.
    pub(super) online: OnlineView,
    /// What the client asked to show first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) welcome: Option<Welcome>,
}

/// What the server says before it stops.
#[derive(Clone, Copy, Debug, Serialize)]
pub(super) struct Goodbye {
    /// Everything up to this number was sent.
    pub(super) resume: i64,
    /// When to come back, so that not all do at once.
    pub(super) reconnect_after_ms: u64,
}

/// What the server says when it does not do what a frame asked for.
#[derive(Debug, Serialize)]
pub(super) struct Refused<'a> {
    /// The name of the frame.
    pub(super) op: &'a str,
    /// As in problems.
    pub(super) code: &'a str,
    pub(super) detail: &'a str,
}

#[derive(Serialize)]
struct ServerFrame<'a, T: Serialize> {
    op: &'a str,
    d: &'a T,
}

/// A frame without a number.
pub(super) fn write<T: Serialize>(op: &str, d: &T) -> Utf8Bytes {
    // Only maps with keys that are no strings fail to serialise, and none is used here.
    serde_json::to_string(&ServerFrame { op, d })
        .unwrap_or_default()
        .into()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{ClientFrame, read, write};

    #[test]
    fn reads_identify_and_heartbeat() {
        let identify = read(r#"{"op":"identify","d":{"token":"t","resume":7}}"#).unwrap();
        assert!(matches!(identify, ClientFrame::Identify(i) if i.resume == Some(7)));
        let identify = read(r#"{"op":"identify","d":{"token":"t","resume":null}}"#).unwrap();
        assert!(matches!(identify, ClientFrame::Identify(i) if i.resume.is_none()));
        let light = r#"{"op":"identify","d":{"light":true,"welcome":{"channels":3,"messages":9}}}"#;
        let Ok(ClientFrame::Identify(light)) = read(light) else {
            panic!("it is not read");
        };
        assert!(light.light);
        let welcome = light.welcome.unwrap();
        assert_eq!((welcome.channels, welcome.messages), (3, 9));
        assert!(matches!(
            read(r#"{"op":"heartbeat"}"#),
            Ok(ClientFrame::Heartbeat(_))
        ));
        assert!(matches!(
            read(r#"{"op":"presence","d":{"status":"idle"}}"#),
            Ok(ClientFrame::Presence(_))
        ));
    }

    #[test]
    fn refuses_everything_else() {
        for text in [
            "",
            "{",
            "[]",
            "7",
            r#"{"d":{}}"#,
            r#"{"op":"shout","d":{}}"#,
            r#"{"op":"identify"}"#,
            r#"{"op":"identify","d":{"token":1}}"#,
            r#"{"op":"identify","d":{"token":"t","resume":"7"}}"#,
            r#"{"op":"identify","d":{"token":"t","light":1}}"#,
            r#"{"op":"identify","d":{"token":"t","welcome":{"channels":-1,"messages":1}}}"#,
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    #[test]
    fn writes_op_and_d() {
        let text = write("heartbeat.ack", &json!({"n": 1}));
        assert_eq!(text.as_str(), r#"{"op":"heartbeat.ack","d":{"n":1}}"#);
    }
}
