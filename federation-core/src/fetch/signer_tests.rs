//! Signed fetches: the scheme each server is known to take, and one second knock.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};
use url::Url;

use super::{
    DocumentError, FetchLimits, OutboundResponse, PeerSigner, RequestSigner, SchemeMemory,
    fetch_document,
};
use crate::clock::Timestamp;
use crate::outbox::{KeySource, KeySourceError};
use crate::signature::{Algorithm, PeerScheme, PrivateKey, SigningKey};
use crate::testing::{ManualClock, ScriptedTransport};

const NOW: Timestamp = Timestamp::from_millis(1_795_190_734_000);
const BOB: &str = "https://there.example/users/bob";

#[derive(Debug)]
struct OneKey(SigningKey);

impl KeySource for OneKey {
    fn signing_key<'a>(
        &'a self,
        _actor: &'a Url,
    ) -> BoxFuture<'a, Result<SigningKey, KeySourceError>> {
        Box::pin(async { Ok(self.0.clone()) })
    }
}

struct Setup {
    web: ScriptedTransport,
    schemes: SchemeMemory,
    signer: Arc<dyn RequestSigner>,
}

impl Setup {
    fn new() -> Self {
        let actor = Url::parse("https://here.example/actor").unwrap();
        let key = PrivateKey::generate(Algorithm::Ed25519).unwrap();
        let keys = Arc::new(OneKey(SigningKey::new(actor.clone(), key)));
        let schemes = SchemeMemory::new();
        Self {
            web: ScriptedTransport::new(),
            signer: Arc::new(PeerSigner::new(keys, actor, schemes.clone())),
            schemes,
        }
    }

    /// A server that shows bob to signatures of this kind alone: `signature-input` or not.
    fn serve(&self, only_rfc9421: Option<bool>, document: Value) {
        self.web.on(BOB, move |request| {
            let rfc9421 = request.headers.contains_key("signature-input");
            assert!(request.headers.contains_key("signature"));
            let shown = only_rfc9421.is_none_or(|wanted| wanted == rfc9421);
            let status = if shown {
                StatusCode::OK
            } else {
                StatusCode::UNAUTHORIZED
            };
            let mut headers = HeaderMap::new();
            let media_type = HeaderValue::from_static("application/activity+json");
            headers.insert("content-type", media_type);
            let body = Bytes::from(document.to_string());
            Ok(OutboundResponse::new(
                status,
                headers,
                body,
                request.url.clone(),
            ))
        });
    }

    async fn fetch(&self) -> Result<(), DocumentError> {
        let clock = ManualClock::new(NOW);
        let (url, limits) = (Url::parse(BOB).unwrap(), FetchLimits::document());
        let found = fetch_document(&self.web, Some(&self.signer), &clock, limits, &url).await;
        found.map(drop)
    }

    async fn known(&self) -> Option<PeerScheme> {
        self.schemes.of(&Url::parse(BOB).unwrap()).await
    }
}

fn bob() -> Value {
    json!({"id": BOB, "type": "Person", "inbox": format!("{BOB}/inbox")})
}

#[tokio::test]
async fn a_refusal_is_answered_once_with_the_other_scheme_which_is_remembered() {
    let setup = Setup::new();
    setup.serve(Some(true), bob());
    setup.fetch().await.unwrap();
    assert_eq!(setup.web.requests().len(), 2);
    assert_eq!(setup.known().await, Some(PeerScheme::Rfc9421));
    setup.fetch().await.unwrap();
    assert_eq!(setup.web.requests().len(), 3);
    // It has changed its mind, and is remembered for that.
    setup.serve(Some(false), bob());
    setup.fetch().await.unwrap();
    assert_eq!(setup.web.requests().len(), 5);
    assert_eq!(setup.known().await, Some(PeerScheme::CavageOnly));
    setup.fetch().await.unwrap();
    assert_eq!(setup.web.requests().len(), 6);
}

#[tokio::test]
async fn a_server_that_refuses_both_is_asked_twice() {
    let setup = Setup::new();
    setup.web.on(BOB, |request| {
        let status = StatusCode::FORBIDDEN;
        Ok(OutboundResponse::new(
            status,
            HeaderMap::new(),
            Bytes::new(),
            request.url.clone(),
        ))
    });
    let refused = setup.fetch().await.unwrap_err();
    assert_eq!(refused.status(), Some(StatusCode::FORBIDDEN));
    assert_eq!(setup.web.requests().len(), 2);
    assert_eq!(setup.known().await, None);
}

#[tokio::test]
async fn a_success_alone_teaches_nothing() {
    let setup = Setup::new();
    setup.serve(None, bob());
    setup.fetch().await.unwrap();
    assert_eq!(setup.known().await, None);
    setup.web.on(BOB, |request| {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Ok(OutboundResponse::new(
            status,
            HeaderMap::new(),
            Bytes::new(),
            request.url.clone(),
        ))
    });
    assert!(setup.fetch().await.unwrap_err().is_retryable());
    assert_eq!(setup.web.requests().len(), 2);
}

#[tokio::test]
async fn a_document_that_advertises_rfc_9421_is_a_hint() {
    let setup = Setup::new();
    let mut document = bob();
    document["generator"] = json!({
        "type": "Application",
        "implements": [{"href": "https://datatracker.ietf.org/doc/html/rfc9421"}],
    });
    setup.serve(None, document.clone());
    setup.fetch().await.unwrap();
    assert_eq!(setup.known().await, Some(PeerScheme::Rfc9421));
    // But not for a server that has refused such signatures.
    let url = Url::parse(BOB).unwrap();
    setup.schemes.learn(&url, PeerScheme::CavageOnly).await;
    setup.fetch().await.unwrap();
    assert_eq!(setup.known().await, Some(PeerScheme::CavageOnly));
}
