//! The holder's side: against a real issuer, and against ones that cheat.

use futures_util::future::BoxFuture;

use super::*;
use crate::fetch::{FetchError, OutboundRequest, OutboundResponse, Transport};
use crate::outbox::{KeySource, KeySourceError};

/// A network on which the issuer is the only server.
#[derive(Debug)]
struct ToIssuer(Issuer);

impl Transport for ToIssuer {
    fn execute(
        &self,
        request: OutboundRequest,
    ) -> BoxFuture<'_, Result<OutboundResponse, FetchError>> {
        Box::pin(async move {
            let OutboundRequest {
                method,
                url,
                headers,
                body,
                ..
            } = request;
            let origin = &self.0.config().origin;
            let arrived = InboundRequest::new(method, origin, url.path(), headers, body).unwrap();
            let (parts, body) = self.0.answer(&arrived).await.into_parts();
            Ok(OutboundResponse::new(
                parts.status,
                parts.headers,
                body,
                url,
            ))
        })
    }
}

#[derive(Debug)]
struct OneKey(SigningKey);

impl KeySource for OneKey {
    fn signing_key<'a>(
        &'a self,
        _actor_id: &'a Url,
    ) -> BoxFuture<'a, Result<SigningKey, KeySourceError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

fn client(world: &World, node: &Node, transport: Arc<dyn Transport>) -> HandshakeClient {
    let keys = Arc::new(OneKey(node.key.clone()));
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&world.clock);
    HandshakeClient::new(node.actor.clone(), keys, transport, clock)
}

fn both() -> Scopes {
    Scopes::from(Scope::ChatRead).with(Scope::ChatWrite)
}

#[test]
fn a_client_opens_asks_about_and_ends_a_session() {
    on_each_store(async |store| {
        let world = World::with_terms(store, |terms| {
            terms.offered = Scopes::from(Scope::ChatRead);
        });
        let node = world.node(HOLDER);
        let client = client(&world, &node, Arc::new(ToIssuer(world.issuer.clone())));
        let (issuer, alice) = (
            url("https://issuer.example/some/page?x#y"),
            url(&node.user("alice")),
        );
        let session = client.open(&issuer, Some(&alice), both()).await.unwrap();
        assert_eq!(session.scopes, Scope::ChatRead.into());
        assert_eq!(session.issuer.as_str(), "https://issuer.example/");
        let told = client.introspect(&issuer, &session.token).await.unwrap();
        let told = told.active().unwrap();
        assert_eq!((&told.sub, &told.client_id), (&alice, &node.actor));
        client.revoke(&session).await.unwrap();
        client.revoke(&session).await.unwrap();
        let told = client.introspect(&issuer, &session.token).await.unwrap();
        assert_eq!(told.active(), None);
        let refused = client
            .open(&issuer, None, Scope::Stream.into())
            .await
            .unwrap_err();
        assert!(!refused.is_retryable());
        assert!(matches!(refused, ClientError::Refused { code, .. } if code == "scope_refused"));
    });
}

#[tokio::test]
async fn held_sessions_are_opened_once_used_and_renewed() {
    let world = World::new(Arc::new(MemoryHandshakeStore::new()));
    let node = world.node(HOLDER);
    let client = client(&world, &node, Arc::new(ToIssuer(world.issuer.clone())));
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(&world.clock);
    let held = HeldSessions::new(client, clock, 100);
    let issuer = url(ISSUER);
    let session = async || held.session(&issuer, None, Scope::Stream.into()).await;
    let (one, two) = tokio::join!(session(), session());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(one.id, two.id);
    world.clock.advance(Duration::from_hours(23));
    assert_eq!(session().await.unwrap().id, one.id);
    world.clock.advance(Duration::from_mins(56));
    let renewed = session().await.unwrap();
    assert_ne!(renewed.id, one.id);
    held.forget(&one).await;
    assert_eq!(session().await.unwrap().id, renewed.id);
    held.forget(&renewed).await;
    assert_ne!(session().await.unwrap().id, renewed.id);

    world.blocked.block("holder.example").unwrap();
    let alice = url(&node.user("alice"));
    let refused = held
        .session(&issuer, Some(&alice), both())
        .await
        .unwrap_err();
    let again = held
        .session(&issuer, Some(&alice), both())
        .await
        .unwrap_err();
    assert!(
        Arc::ptr_eq(&refused, &again),
        "the issuer was asked again at once"
    );
}

/// An issuer that answers the two calls with these bodies.
fn answers(web: &ScriptedTransport, challenge: &Value, session: &Value) {
    for (path, body) in [(CHALLENGE_PATH, challenge), (VERIFY_PATH, session)] {
        web.serve_as(
            &format!("{ISSUER}{path}"),
            "application/json",
            body.to_string(),
        );
    }
}

#[tokio::test]
async fn handshake_client_refuses_issuers_that_cheat() {
    let world = World::new(Arc::new(MemoryHandshakeStore::new()));
    let node = Node::new(HOLDER);
    let web = Arc::new(ScriptedTransport::new());
    let transport: Arc<dyn Transport> = Arc::<ScriptedTransport>::clone(&web);
    let client = client(&world, &node, transport);
    let issuer = url(ISSUER);
    let id = "019a9a4b-0000-7000-8000-000000000000";
    let ahead = START.plus(Duration::from_mins(1)).to_rfc3339();
    let challenge = json!({
        "challenge_id": id, "nonce": "abc", "audience": ISSUER, "expires_at": ahead,
    });
    let session = json!({
        "session_id": id, "session_token": "abc", "token_type": "bearer",
        "scope": "chat:read later:thing", "expires_at": ahead,
    });
    let open = async || client.open(&issuer, None, Scope::ChatRead.into()).await;
    let with = |value: &Value, name: &str, new: Value| {
        let mut value = value.clone();
        value[name] = new;
        value
    };

    answers(&web, &challenge, &session);
    let granted = open().await.unwrap();
    assert_eq!(granted.scopes, Scope::ChatRead.into());

    // A proof for this audience would be good at the other issuer.
    let proofs = web.count(&format!("{ISSUER}{VERIFY_PATH}"));
    for audience in ["https://victim.example", "https://issuer.example/", "", "*"] {
        answers(
            &web,
            &with(&challenge, "audience", json!(audience)),
            &session,
        );
        assert!(open().await.is_err(), "{audience}");
    }
    answers(
        &web,
        &with(&challenge, "expires_at", json!(START)),
        &session,
    );
    assert!(matches!(open().await, Err(ClientError::Expired { .. })));
    for nonce in [
        json!("a\"b\nc"),
        json!("ö"),
        json!(""),
        json!("x".repeat(600)),
        json!(7),
    ] {
        answers(&web, &with(&challenge, "nonce", nonce), &session);
        assert!(open().await.is_err());
    }
    assert_eq!(
        web.count(&format!("{ISSUER}{VERIFY_PATH}")),
        proofs,
        "a proof was given"
    );

    answers(
        &web,
        &challenge,
        &with(&session, "scope", json!("chat:read stream")),
    );
    assert!(matches!(open().await, Err(ClientError::Excessive { .. })));
    for (name, odd) in [
        ("session_token", json!("a b")),
        ("session_token", json!("a\r\nx: y")),
        ("token_type", json!("mac")),
        ("session_id", json!("x")),
        ("expires_at", json!("soon")),
    ] {
        answers(&web, &challenge, &with(&session, name, odd));
        let refused = open().await.unwrap_err();
        assert!(
            matches!(refused, ClientError::Message(_)),
            "{name}: {refused}"
        );
    }
}

#[tokio::test]
async fn a_server_without_the_handshake_is_told_from_one_that_refuses() {
    let world = World::new(Arc::new(MemoryHandshakeStore::new()));
    let node = Node::new(HOLDER);
    let web = Arc::new(ScriptedTransport::new());
    let transport: Arc<dyn Transport> = Arc::<ScriptedTransport>::clone(&web);
    let client = client(&world, &node, transport);
    let issuer = url(ISSUER);
    let open = async || client.open(&issuer, None, Scope::Stream.into()).await;
    let refused = open().await.unwrap_err();
    assert!(refused.is_unsupported() && !refused.is_retryable());
    let wait = HeaderMap::from_iter([("retry-after".parse().unwrap(), HeaderValue::from(7))]);
    for (status, retry) in [(429, true), (503, true), (403, false), (401, false)] {
        let status = StatusCode::from_u16(status).unwrap();
        web.answer(&format!("{ISSUER}{CHALLENGE_PATH}"), status, wait.clone());
        let refused = open().await.unwrap_err();
        assert_eq!(refused.is_retryable(), retry, "{status}");
        assert_eq!(refused.retry_after(), Some(Duration::from_secs(7)));
        assert!(!refused.is_unsupported());
    }
    for wrong in [
        "mailto:a@b.example",
        "ftp://issuer.example",
        "https://a@issuer.example",
    ] {
        let refused = client.open(&url(wrong), None, Scope::Stream.into()).await;
        assert!(matches!(refused, Err(ClientError::NotAnOrigin)), "{wrong}");
    }
}
