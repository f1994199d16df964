//! Frames as they are spelled, what is refused, and that reading gives back what was written.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use proptest::prelude::*;

use super::*;
use crate::stream::Message;
use crate::stream::fixtures::{signed_by, url};

fn text(frame: &Frame) -> String {
    match frame.to_message() {
        Message::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

fn binary(frame: &Frame) -> Bytes {
    match frame.to_message() {
        Message::Binary(bytes) => bytes,
        other => panic!("{other:?}"),
    }
}

#[test]
fn text_frames_have_one_spelling() {
    let kinds = EphemeralKinds::none()
        .with(EphemeralKind::Read)
        .with(EphemeralKind::Typing);
    let actor = url("https://a.example/users/alice");
    let context = url("https://b.example/channels/7");
    for (frame, spelled) in [
        (
            Frame::Hello(Hello::issuer(32, 1_048_576, kinds)),
            r#"{"op":"hello","window":32,"body_bytes":1048576,"ephemeral":["typing","read"]}"#,
        ),
        (
            Frame::Hello(Hello::holder(EphemeralKinds::none())),
            r#"{"op":"hello","ephemeral":[]}"#,
        ),
        (
            Frame::Hello(Hello::issuer(0, 9, EphemeralKinds::none())),
            r#"{"op":"hello","body_bytes":9,"ephemeral":[]}"#,
        ),
        (
            Frame::Ack(Ack::new(7, StatusCode::ACCEPTED, "accepted", None)),
            r#"{"op":"ack","seq":7,"status":202,"code":"accepted"}"#,
        ),
        (
            Frame::Ack(Ack::new(
                MAX_SEQ,
                StatusCode::SERVICE_UNAVAILABLE,
                "No!",
                Some(60),
            )),
            r#"{"op":"ack","seq":9007199254740991,"status":503,"retry_after":60}"#,
        ),
        (
            Frame::Ephemeral(Ephemeral::typing(actor.clone(), context.clone())),
            r#"{"op":"ephemeral","kind":"typing","actor":"https://a.example/users/alice","context":"https://b.example/channels/7"}"#,
        ),
        (
            Frame::Ephemeral(Ephemeral::presence(actor.clone(), PresenceState::Idle)),
            r#"{"op":"ephemeral","kind":"presence","actor":"https://a.example/users/alice","state":"idle"}"#,
        ),
        (
            Frame::Ephemeral(Ephemeral::read(
                actor,
                context,
                url("https://b.example/notes/9"),
            )),
            r#"{"op":"ephemeral","kind":"read","actor":"https://a.example/users/alice","context":"https://b.example/channels/7","object":"https://b.example/notes/9"}"#,
        ),
    ] {
        assert_eq!(text(&frame), spelled);
        assert_eq!(Frame::from_text(spelled).unwrap(), frame);
    }
}

#[test]
fn an_activity_is_its_head_a_line_feed_and_its_body() {
    let headers = HeaderMap::from_iter([(
        HeaderName::from_static("host"),
        HeaderValue::from_static("b.example"),
    )]);
    let body = Bytes::from_static(b"{\"a\":\n\xff}");
    let frame = Frame::Activity(ActivityFrame::new(3, "/inbox?x=\"", headers, body));
    let bytes = binary(&frame);
    let head =
        br#"{"op":"activity","seq":3,"target":"/inbox?x=\"","headers":[["host","b.example"]]}"#;
    assert_eq!(bytes, [head.as_slice(), b"\n{\"a\":\n\xff}"].concat());
    assert_eq!(Frame::from_binary(&bytes).unwrap(), frame);
}

#[test]
fn repeated_headers_stay_repeated() {
    let bytes = Bytes::from_static(
        br#"{"op":"activity","seq":1,"target":"/","headers":[["digest","a"],["digest","b"]]}
x"#,
    );
    let Frame::Activity(activity) = Frame::from_binary(&bytes).unwrap() else {
        panic!("no activity")
    };
    assert_eq!(activity.headers.get_all("digest").iter().count(), 2);
}

/// A URL may grow when it is normalised; what is read is always written within the limits.
#[test]
fn urls_are_bounded_as_they_are_written() {
    let path = |piece: &str, count: usize| format!("https://a.example/{}", piece.repeat(count));
    let frame = |url: &str| {
        format!(
            r#"{{"op":"ephemeral","kind":"read","actor":"{url}","context":"{url}","object":"{url}"}}"#
        )
    };
    // 18 bytes and 2030 of a path; of a letter of two bytes, six are written.
    for (piece, fits) in [("a", 2030), ("\u{e9}", 338), ("\u{1f980}", 169)] {
        let longest = Frame::from_text(&frame(&path(piece, fits))).unwrap();
        assert_eq!(Frame::from_text(&text(&longest)).unwrap(), longest);
        let longer = Frame::from_text(&frame(&path(piece, fits + 1)));
        assert!(
            matches!(longer, Err(FrameError::Member { name: "actor" })),
            "{longer:?}"
        );
    }
    for odd in [
        "acct:alice@a.example",
        "foo://a.example/\\\\",
        "https://u@a.example/",
    ] {
        assert!(Frame::from_text(&frame(odd)).is_err(), "{odd}");
    }
}

#[test]
fn unknown_members_and_kinds_are_passed_over() {
    let hello =
        r#"{"op":"hello","window":1,"body_bytes":9,"ephemeral":["smell","typing"],"later":{}}"#;
    let expected = Hello::issuer(1, 9, EphemeralKinds::none().with(EphemeralKind::Typing));
    assert_eq!(Frame::from_text(hello).unwrap(), Frame::Hello(expected));
}

#[test]
fn refuses_texts_that_are_no_frames() {
    for text in [
        "",
        "[]",
        "{}",
        r#"{"op":"activity","seq":1,"target":"/","headers":[]}"#,
        r#"{"op":"later"}"#,
        r#"{"op":"hello","op":"hello"}"#,
        r#"{"op":"hello","window":65536}"#,
        r#"{"op":"hello","window":-1}"#,
        r#"{"op":"hello","ephemeral":"typing"}"#,
        r#"{"op":"hello","ephemeral":[1]}"#,
        r#"{"op":"ack","seq":0,"status":202}"#,
        r#"{"op":"ack","seq":1.5,"status":202}"#,
        r#"{"op":"ack","seq":9007199254740992,"status":202}"#,
        r#"{"op":"ack","seq":1,"status":101}"#,
        r#"{"op":"ack","seq":1,"status":600}"#,
        r#"{"op":"ack","seq":1,"status":202,"code":"A B"}"#,
        r#"{"op":"ack","seq":1,"status":202,"retry_after":"60"}"#,
        r#"{"op":"ephemeral","kind":"typing","actor":"https://a.example/"}"#,
        r#"{"op":"ephemeral","kind":"typing","actor":"alice","context":"https://a.example/"}"#,
        r#"{"op":"ephemeral","kind":"presence","actor":"https://a.example/","state":"dead"}"#,
    ] {
        assert!(Frame::from_text(text).is_err(), "{text}");
    }
    let long = format!(r#"{{"op":"hello","x":"{}"}}"#, "x".repeat(MAX_TEXT_BYTES));
    assert!(matches!(
        Frame::from_text(&long),
        Err(FrameError::TooLong { .. })
    ));
}

#[test]
fn refuses_octets_that_are_no_activity() {
    for bytes in [
        "",
        "\n",
        r#"{"op":"activity","seq":1,"target":"/","headers":[]}"#,
        "{\"op\":\"ack\",\"seq\":1,\"status\":202}\n",
        "{\"op\":\"activity\",\"seq\":0,\"target\":\"/\",\"headers\":[]}\n",
        "{\"op\":\"activity\",\"seq\":1,\"target\":\"inbox\",\"headers\":[]}\n",
        "{\"op\":\"activity\",\"seq\":1,\"target\":\"/\"}\n",
        "{\"op\":\"activity\",\"seq\":1,\"target\":\"/\",\"headers\":[[\"host\"]]}\n",
        "{\"op\":\"activity\",\"seq\":1,\"target\":\"/\",\"headers\":[[\"Host\",\"a\"]]}\n",
        "{\"op\":\"activity\",\"seq\":1,\"target\":\"/\",\"headers\":[[\"a b\",\"a\"]]}\n",
        "{\"op\":\"activity\",\"seq\":1,\"target\":\"/\",\"headers\":[[\"a\",\"b\\r\\nc: d\"]]}\n",
        "{\"op\":\"activity\",\"seq\":1,\"target\":\"/\",\"headers\":[[\"a\",\"\u{e9}\"]]}\n",
    ] {
        let bytes = Bytes::copy_from_slice(bytes.as_bytes());
        assert!(Frame::from_binary(&bytes).is_err(), "{bytes:?}");
    }
    let many = vec![r#"["a","b"]"#; MAX_HEADERS + 1].join(",");
    let many = format!("{{\"op\":\"activity\",\"seq\":1,\"target\":\"/\",\"headers\":[{many}]}}\n");
    assert!(matches!(
        Frame::from_binary(&many.into()),
        Err(FrameError::Headers)
    ));
    let endless = Bytes::from(vec![b' '; MAX_HEAD_BYTES + 1]);
    assert!(matches!(
        Frame::from_binary(&endless),
        Err(FrameError::TooLong { .. })
    ));
}

#[test]
fn carries_only_what_it_can_spell() {
    let mut headers = signed_by("a.example");
    assert!(ActivityFrame::can_carry("/inbox", &headers));
    headers.insert("x", HeaderValue::from_bytes(b"\xe9").unwrap());
    assert!(!ActivityFrame::can_carry("/inbox", &headers));
    let long = HeaderValue::from_str(&"\"".repeat(MAX_HEAD_BYTES / 2)).unwrap();
    headers.insert("x", long);
    assert!(!ActivityFrame::can_carry("/inbox", &headers));
    let many = (0..=MAX_HEADERS).map(|number| {
        let name = HeaderName::from_bytes(format!("x{number}").as_bytes()).unwrap();
        (name, HeaderValue::from_static("y"))
    });
    assert!(!ActivityFrame::can_carry("/inbox", &many.collect()));
}

proptest! {
    #[test]
    fn never_panics(text in "\\PC{0,80}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _either = Frame::from_text(&text);
        let _either = Frame::from_binary(&Bytes::from(bytes));
    }

    #[test]
    fn reads_the_activity_that_was_written(
        seq in 1..=MAX_SEQ,
        target in "/[!-~]{0,40}",
        headers in prop::collection::vec(("[a-z][a-z0-9-]{0,12}", "[!-~]([ -~]{0,30}[!-~])?"), 0..9),
        body in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in &headers {
            let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        prop_assert!(ActivityFrame::can_carry(&target, &map));
        let frame = Frame::Activity(ActivityFrame::new(seq, target, map, body.into()));
        prop_assert_eq!(Frame::from_binary(&binary(&frame)).unwrap(), frame);
    }

    #[test]
    fn reads_the_ack_that_was_written(
        seq in 1..=MAX_SEQ,
        status in 200_u16..600,
        code in "[a-z_0-9]{0,64}",
        retry_after in any::<Option<u32>>(),
    ) {
        let status = StatusCode::from_u16(status).unwrap();
        let frame = Frame::Ack(Ack::new(seq, status, &code, retry_after));
        prop_assert_eq!(Frame::from_text(&text(&frame)).unwrap(), frame);
    }
}
