//! What an inbox says to requests that are not signed, and what it learns from those that are.

use federation_core::SystemClock;
use federation_core::clock::Clock as _;
use federation_core::signature::{PeerScheme, Scheme, SignatureDemand, sign_request};
use federation_core::testing::{TestDatabase, on_each_backend};
use http::Method;
use serde_json::json;
use url::Url;

use super::pair::{actor, handle, key, open, pair};
use crate::chat::world::{Answer, World};

#[test]
fn attack_01_an_unsigned_post_is_asked_for_a_signature() {
    on_each_backend(async |database: TestDatabase| {
        let world = World::start_with(&database, open).await;
        for path in ["/inbox", "/actor/inbox"] {
            let answer = Answer::of(world.http.post(world.url(path)).body("{}")).await;
            assert_eq!(answer.status, 401);
            let challenge = answer.headers["www-authenticate"].to_str().unwrap();
            assert!(challenge.starts_with("Signature "), "{challenge}");
            let demand = SignatureDemand::of(&answer.headers).unwrap();
            assert_eq!(
                demand.components,
                ["@method", "@target-uri", "content-digest"]
            );
        }
        // The native API asks for a token.
        let answer = Answer::of(world.http.get(world.url("/api/v1/users/@me"))).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
        assert!(!answer.headers.contains_key("accept-signature"));
    });
}

#[test]
fn a_server_that_signs_by_rfc_9421_is_answered_in_kind() {
    on_each_backend(async |database: TestDatabase| {
        let (a, b, _other) = pair(&database).await;
        let (alice, _bob) = (a.member("alice").await, b.member("bob").await);
        let inbox: Url = b.url("/inbox").parse().unwrap();
        let body = json!({
            "id": a.url("/likes/1"),
            "type": "Like",
            "actor": actor(&a, "alice"),
            "object": actor(&b, "bob"),
        })
        .to_string();
        let signed = sign_request(
            Scheme::Rfc9421,
            &key(&a, "alice").await,
            &Method::POST,
            &inbox,
            Some(body.as_bytes()),
            SystemClock.now(),
        );
        let request = b.http.post(inbox).headers(signed.unwrap()).body(body);
        let answer = Answer::of(request).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let database = b.app.ctx().db();
        let host = a.app.address().to_string();
        let known = federation_core::fetch::SchemeStore::load(database, &host).await;
        assert_eq!(known.unwrap(), Some(PeerScheme::Rfc9421));
        let whom = json!({"recipients": [handle(&b, "bob")]});
        alice.post("/api/v1/dms", &whom).await.expect(201);
    });
}
