//! Readers of remote bytes: what they take, what they refuse, and that nothing makes them panic.

use proptest::prelude::*;

use super::message::{
    ChallengeAnswer, ChallengeRequest, IntrospectRequest, Introspection, MAX_MESSAGE_BYTES,
    MessageError, RevokeRequest, VerifyAnswer, VerifyRequest,
};
use super::*;

/// Runs every reader over the bytes; how many take them.
fn read_all(bytes: &[u8]) -> usize {
    usize::from(ChallengeRequest::parse(bytes).is_ok())
        + usize::from(ChallengeAnswer::parse(bytes).is_ok())
        + usize::from(VerifyRequest::parse(bytes).is_ok())
        + usize::from(VerifyAnswer::parse(bytes).is_ok())
        + usize::from(IntrospectRequest::parse(bytes).is_ok())
        + usize::from(RevokeRequest::parse(bytes).is_ok())
        + usize::from(Introspection::parse(bytes).is_ok())
}

#[test]
fn nonsense_is_refused_by_every_reader() {
    let long = format!("{{\"token\":\"{}\"}}", "x".repeat(MAX_MESSAGE_BYTES));
    for nonsense in [
        "",
        "null",
        "[]",
        "{}",
        "{\"token\":",
        "{\"token\":null}",
        "{\"token\":7}",
        "{\"token\":\"a\",\"token\":\"b\"}",
        "{\"scopes\":[]}",
        "{\"scopes\":\"stream\"}",
        "{\"scopes\":[7]}",
        "{\"subject\":7,\"scopes\":[\"stream\"]}",
        "{\"challenge_id\":\"7\"}",
        "{\"challenge_id\":\"019A9A4B-0000-7000-8000-000000000000\"}",
        "{\"token\":\"a\",\"session_id\":\"b\"}",
        "{\"active\":\"yes\"}",
        "{\"active\":true}",
        &long,
    ] {
        let taken = read_all(nonsense.as_bytes());
        // A text of any kind may be asked about, so one of these is a question.
        let excused = usize::from(nonsense.contains("\"session_id\""));
        assert_eq!(
            taken,
            excused,
            "{}",
            nonsense.chars().take(60).collect::<String>()
        );
    }
    let error = IntrospectRequest::parse(long.as_bytes()).unwrap_err();
    assert!(matches!(error, MessageError::TooLong));
    let many = json!({"scopes": vec!["stream"; 33]}).to_string();
    assert!(ChallengeRequest::parse(many.as_bytes()).is_err());
}

#[test]
fn calls_that_are_no_messages_are_refused_with_their_code() {
    on_each_store(async |store| {
        let world = World::new(store);
        let node = world.node(HOLDER);
        for path in [CHALLENGE_PATH, VERIFY_PATH, INTROSPECT_PATH, REVOKE_PATH] {
            let mut draft = Draft::new(path, &json!({}));
            draft.tag = Some(PROOF_TAG.to_owned());
            draft.nonce = Some("x".to_owned());
            let answer = world.send(draft.signed(&node.key, START)).await;
            answer.expect_problem(400, "malformed_message");
            draft.body = "x".repeat(MAX_MESSAGE_BYTES + 1);
            let answer = world.send(draft.signed(&node.key, START)).await;
            answer.expect_problem(413, "body_too_large");
            let mut headers = draft.headers(Scheme::Rfc9421, &node.key, START);
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
            let answer = world.send(draft.with(headers.clone())).await;
            answer.expect_problem(415, "unsupported_media_type");
            let body = Bytes::new();
            let get = InboundRequest::new(Method::GET, &url(ISSUER), path, headers, body);
            let answer = world.send(get.unwrap()).await;
            answer.expect_problem(405, "method_not_allowed");
        }
        let draft = Draft::new("/api/v1/node/other", &json!({}));
        let answer = world.send(draft.signed(&node.key, START)).await;
        answer.expect_problem(404, "not_found");
        assert_eq!(world.web.requests().len(), 0);
    });
}

#[test]
fn unknown_members_and_scopes_are_passed_over() {
    let body = br#"{"subject":null,"scopes":["stream","later:thing"],"later":{"a":[1]}}"#;
    let read = ChallengeRequest::parse(body).unwrap();
    assert_eq!((read.subject, read.scopes), (None, Scope::Stream.into()));
}

#[test]
fn secrets_are_not_shown() {
    let token = SessionToken::from_bytes(&[5; 32]);
    let shown = format!(
        "{token:?} {:?} {:?} {:?}",
        token.hash(),
        Nonce::from_bytes(&[5; 32]),
        RevokeRequest::Token(token.as_str().to_owned())
    );
    assert!(!shown.contains(token.as_str().get(..6).unwrap()), "{shown}");
}

#[test]
fn every_refusal_says_whether_to_retry() {
    for (error, status, retry) in [
        (HandshakeError::UnknownChallenge, 401, false),
        (HandshakeError::NoScope, 403, false),
        (HandshakeError::Downgraded, 401, false),
        (
            HandshakeError::Store(crate::store::StoreError::new("busy", true)),
            503,
            true,
        ),
        (
            HandshakeError::Store(crate::store::StoreError::new("broken", false)),
            500,
            false,
        ),
    ] {
        assert_eq!(error.status().as_u16(), status, "{error}");
        assert_eq!(error.is_retryable(), retry, "{error}");
        assert_eq!(error.retry_after().is_some(), retry, "{error}");
    }
}

proptest! {
    #[test]
    fn readers_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_all(&bytes);
    }

    #[test]
    fn readers_never_panic_on_json(
        name in "challenge_id|token|session_id|scopes|subject|active|scope|nonce",
        value in "\\PC{0,60}",
    ) {
        read_all(json!({name.clone(): value.clone()}).to_string().as_bytes());
        read_all(json!({name: [value]}).to_string().as_bytes());
    }

    #[test]
    fn requests_read_what_they_write(
        path in "[a-z0-9/]{0,20}",
        bits in 1_usize..16,
        token in "[A-Za-z0-9_-]{0,80}",
        random in any::<[u8; 10]>(),
    ) {
        let scopes = Scope::ALL.into_iter().enumerate();
        let scopes = scopes.filter(|(place, _)| bits >> place & 1 == 1).map(|(_, scope)| scope);
        let asked = ChallengeRequest {
            subject: Some(url(&format!("{HOLDER}/{path}"))),
            scopes: scopes.collect(),
        };
        prop_assert_eq!(ChallengeRequest::parse(&asked.to_json()).unwrap(), asked);
        let proof = VerifyRequest { challenge_id: ChallengeId::new(START, &random) };
        prop_assert_eq!(VerifyRequest::parse(&proof.to_json()).unwrap(), proof);
        let ended = RevokeRequest::SessionId(Some(SessionId::new(START, &random)));
        prop_assert_eq!(RevokeRequest::parse(&ended.to_json()).unwrap(), ended);
        let ended = RevokeRequest::Token(token.clone());
        prop_assert_eq!(RevokeRequest::parse(&ended.to_json()).unwrap(), ended);
        let about = IntrospectRequest { token };
        prop_assert_eq!(IntrospectRequest::parse(&about.to_json()).unwrap(), about);
    }
}
