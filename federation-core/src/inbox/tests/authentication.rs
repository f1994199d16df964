//! Signatures, keys and their owners; numbers are those of the attack checklist.

use std::time::Duration;

use http::{HeaderMap, StatusCode};

use super::*;
use crate::inbox::{KeyLookupError, Proof};
use crate::signature::{KeyIdFault, SignatureError};

fn follow(actor: &str) -> Value {
    activity("Follow", actor, "https://here.example/users/alice")
}

#[tokio::test]
async fn a_signed_activity_of_a_known_actor_is_verified() {
    let world = World::new();
    let sent = activity("Create", BOB, note("https://there.example/notes/1", BOB));
    let verified = world.send_as_bob(&sent).await.unwrap();
    assert_eq!(verified.activity().actor.as_str(), BOB);
    assert_eq!(verified.actor().id.as_str(), BOB);
    assert_eq!(verified.raw().as_ref(), serde_json::to_vec(&sent).unwrap());
    assert_eq!(verified.received_at(), world.clock.now());
    assert!(matches!(verified.proof(), Proof::Signature(_)));
    let object = verified.trusted_object().unwrap();
    assert_eq!(object.content.as_deref(), Some("hi"));
    world.send_as_bob(&sent).await.unwrap();
    assert_eq!(world.fetches(), 1);
}

#[tokio::test]
async fn attack_01_an_unsigned_post_is_refused_before_it_is_read() {
    let world = World::new();
    for body in [b"{}".as_slice(), b"not JSON", b""] {
        let request = InboundRequest::new(
            Method::POST,
            &url(HERE),
            "/inbox",
            HeaderMap::new(),
            Bytes::copy_from_slice(body),
        );
        let refused = world
            .inbox
            .authenticate(request.unwrap())
            .await
            .unwrap_err();
        assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
        assert_eq!(refused.code(), "signature_missing");
    }
    assert_eq!(world.fetches(), 0);
}

#[tokio::test]
async fn attack_02_a_valid_signature_of_somebody_else() {
    let world = World::new();
    let neighbour = world.send(&CAROLS, &follow(BOB)).await.unwrap_err();
    assert!(matches!(neighbour, ReceiveError::NotTheActor));
    assert_eq!(neighbour.status(), StatusCode::FORBIDDEN);
    let before = world.fetches();
    let stranger = world.send(&MALLORYS, &follow(BOB)).await.unwrap_err();
    assert!(matches!(stranger, ReceiveError::NotTheActor));
    assert_eq!(world.fetches(), before);
}

#[tokio::test]
async fn attack_03_a_key_that_claims_an_owner_who_does_not_list_it() {
    let world = World::new();
    let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    for id in [
        "https://evil.example/key",
        "https://there.example/uploads/key",
        "https://there.example/users/bob#other-key",
    ] {
        world.web.serve(
            id,
            &json!({
                "id": id, "owner": BOB,
                "publicKeyPem": key.public_key().to_pem().unwrap(),
            }),
        );
        // The served document replaced bob's, when it stands at the same URL.
        world.web.serve(BOB, &person(BOB, &BOBS));
        let forged = SigningKey::new(url(id), key.clone());
        let refused = world.send(&forged, &follow(BOB)).await.unwrap_err();
        assert!(
            matches!(
                refused,
                ReceiveError::NotTheActor | ReceiveError::Key(KeyLookupError::Unusable(_))
            ),
            "{refused:?}"
        );
    }
    assert_eq!(world.web.count("https://evil.example/key"), 0);
}

#[tokio::test]
async fn attack_04_key_ids_that_can_be_read_in_two_ways() {
    let world = World::new();
    let body = serde_json::to_vec(&follow(BOB)).unwrap();
    for (text, fault) in [
        (
            "https://there.example@evil.example/users/bob#main-key",
            KeyIdFault::Credentials,
        ),
        ("acct:bob@there.example", KeyIdFault::Scheme),
        (
            "http://there.example/users/bob#main-key",
            KeyIdFault::Scheme,
        ),
        (
            "https://there.example./users/bob#main-key",
            KeyIdFault::Host,
        ),
    ] {
        let key = SigningKey::new(url(text), BOBS.key().clone());
        let refused = world
            .inbox
            .authenticate(world.sign(&key, &body))
            .await
            .unwrap_err();
        let ReceiveError::Signature(SignatureError::KeyId(found)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(found, fault);
    }
    assert_eq!(world.fetches(), 0);
}

#[tokio::test]
async fn attack_06_and_09_bodies_and_paths_are_the_signed_ones() {
    let world = World::new();
    let body = serde_json::to_vec(&follow(BOB)).unwrap();
    let good = world.sign(&BOBS, &body);
    let other_body = InboundRequest::new(
        Method::POST,
        &url(HERE),
        "/inbox",
        good.headers().clone(),
        Bytes::from(serde_json::to_vec(&follow(CAROL)).unwrap()),
    );
    let refused = world
        .inbox
        .authenticate(other_body.unwrap())
        .await
        .unwrap_err();
    assert!(matches!(
        refused,
        ReceiveError::Signature(SignatureError::DigestMismatch { .. })
    ));
    assert_eq!(world.fetches(), 0);
    let other_path = InboundRequest::new(
        Method::POST,
        &url(HERE),
        "/users/alice/inbox",
        good.headers().clone(),
        Bytes::from(body),
    );
    let refused = world
        .inbox
        .authenticate(other_path.unwrap())
        .await
        .unwrap_err();
    assert!(matches!(
        refused,
        ReceiveError::Signature(SignatureError::Mismatch)
    ));
}

#[tokio::test]
async fn attack_19_blocked_domains_are_refused_before_any_fetch() {
    for blocked in [
        "there.example",
        "There.Example.",
        "THERE.EXAMPLE",
        "example",
    ] {
        let world = World::new();
        world.blocked.block(blocked).unwrap();
        let refused = world.send_as_bob(&follow(BOB)).await.unwrap_err();
        assert!(matches!(refused, ReceiveError::Blocked { .. }));
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        // A port does not make it another domain.
        let with_port = "https://there.example:8443/users/bob";
        let key = SigningKey::new(url(&key_id(with_port)), BOBS.key().clone());
        let refused = world.send(&key, &follow(with_port)).await.unwrap_err();
        assert!(matches!(refused, ReceiveError::Blocked { .. }));
        // Nor does the key of another domain.
        let refused = world.send(&MALLORYS, &follow(BOB)).await.unwrap_err();
        assert!(matches!(refused, ReceiveError::Blocked { .. }));
        assert_eq!(world.fetches(), 0);
        world.blocked.unblock(blocked);
        world.send_as_bob(&follow(BOB)).await.unwrap();
    }
}

#[tokio::test]
async fn attack_52_nothing_is_fetched_for_requests_that_cannot_pass() {
    let world = World::new();
    let internal = SigningKey::new(url("https://10.0.0.1/key"), BOBS.key().clone());
    world.send(&internal, &follow(BOB)).await.unwrap_err();
    let mut late = world.sign(&BOBS, &serde_json::to_vec(&follow(BOB)).unwrap());
    world.clock.advance(Duration::from_hours(2));
    world.inbox.authenticate(late.clone()).await.unwrap_err();
    late = world.sign(&BOBS, b"{\"type\":\"Follow\"}");
    world.inbox.authenticate(late).await.unwrap_err();
    world
        .send_as_bob(&activity("Create", BOB, "https://evil.example/notes/1"))
        .await
        .unwrap_err();
    assert_eq!(world.fetches(), 0);
}

#[tokio::test]
async fn attack_55_bodies_over_the_limit_are_refused() {
    let world = World::new();
    let body = vec![b' '; world.inbox.config().max_body_bytes + 1];
    let refused = world
        .inbox
        .authenticate(world.sign(&BOBS, &body))
        .await
        .unwrap_err();
    assert!(matches!(refused, ReceiveError::TooLarge { .. }));
    assert_eq!(refused.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn attack_43_bodies_that_readers_disagree_about() {
    let world = World::new();
    let deep = format!(r#"{{"x":{}1{}}}"#, "[".repeat(10_000), "]".repeat(10_000));
    let doubled = format!(
        r#"{{"id":"{BOB}/1","type":"Follow","actor":"{BOB}","actor":"{CAROL}","object":"{HERE}/users/alice"}}"#
    );
    for body in [
        deep.as_str(),
        &doubled,
        "[]",
        "null",
        "\"x\"",
        "{\"id\":\"\\ud800\"}",
        "{",
    ] {
        let request = world.sign(&BOBS, body.as_bytes());
        let refused = world.inbox.authenticate(request).await.unwrap_err();
        assert!(
            matches!(refused, ReceiveError::NotActivity(_)),
            "{body:.60}"
        );
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    }
    assert_eq!(world.fetches(), 0);
}

#[tokio::test]
async fn a_changed_key_is_fetched_once_more() {
    let world = World::new();
    world.send_as_bob(&follow(BOB)).await.unwrap();
    let fresh = signing_key(BOB);
    world.web.serve(BOB, &person(BOB, &fresh));
    world.clock.advance(Duration::from_mins(2));
    world.send(&fresh, &follow(BOB)).await.unwrap();
    assert_eq!(world.web.count(BOB), 2);
    // The old one is worth nothing now, and asking again is bounded.
    for _ in 0..5 {
        let refused = world.send_as_bob(&follow(BOB)).await.unwrap_err();
        assert!(matches!(
            refused,
            ReceiveError::Signature(SignatureError::Mismatch)
        ));
    }
    assert_eq!(world.web.count(BOB), 2);
}

#[tokio::test]
async fn a_key_that_cannot_be_fetched_now_is_worth_another_try() {
    let world = World::new();
    world
        .web
        .answer(BOB, StatusCode::SERVICE_UNAVAILABLE, HeaderMap::new());
    let refused = world.send_as_bob(&follow(BOB)).await.unwrap_err();
    assert!(refused.is_retryable());
    assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);

    let world = World::new();
    world
        .web
        .answer(BOB, StatusCode::NOT_FOUND, HeaderMap::new());
    let refused = world.send_as_bob(&follow(BOB)).await.unwrap_err();
    assert!(!refused.is_retryable());
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_signed_get_names_its_actor() {
    let world = World::new();
    let target = url(HERE).join("/notes/1").unwrap();
    let now = world.clock.now();
    let get = |key: &SigningKey| {
        let headers = sign_request(Scheme::Rfc9421, key, &Method::GET, &target, None, now);
        InboundRequest::new(
            Method::GET,
            &url(HERE),
            "/notes/1",
            headers.unwrap(),
            Bytes::new(),
        )
        .unwrap()
    };
    let (actor, signature) = world.inbox.identify(&get(&BOBS)).await.unwrap();
    assert_eq!(actor.id.as_str(), BOB);
    assert_eq!(signature.scheme(), Scheme::Rfc9421);
    let forged = SigningKey::new(BOBS.key_id().clone(), CAROLS.key().clone());
    assert!(world.inbox.identify(&get(&forged)).await.is_err());
    // Neither a blocked server nor this one itself is worth a fetch.
    let world = World::new();
    world.blocked.block("there.example").unwrap();
    let refused = world.inbox.identify(&get(&BOBS)).await.unwrap_err();
    assert!(matches!(refused, ReceiveError::Blocked { .. }));
    let own = signing_key("https://here.example/users/alice");
    let refused = world.inbox.identify(&get(&own)).await.unwrap_err();
    assert!(matches!(refused, ReceiveError::NotTheActor));
    assert_eq!(world.fetches(), 0);
}
