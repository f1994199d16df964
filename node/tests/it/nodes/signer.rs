//! Calls of the handshake in the name of any node, put together by hand.

use federation_core::clock::Clock as _;
use federation_core::signature::{BodyDigest, RequestToSign, Scheme, SigningKey};
use federation_core::{SystemClock, Timestamp};
use http::{HeaderMap, Method};
use serde_json::{Value, json};
use url::Url;

use crate::chat::world::{Answer, World};

pub(super) const CHALLENGE: &str = "/api/v1/node/challenge";
pub(super) const VERIFY: &str = "/api/v1/node/verify";
pub(super) const INTROSPECT: &str = "/api/v1/node/introspect";
pub(super) const REVOKE: &str = "/api/v1/node/revoke";

/// The key of a server's own actor.
pub(super) async fn node_key(world: &World) -> SigningKey {
    let keys = world.app.parts().edge.node_keys().await;
    keys.unwrap().rsa().clone()
}

/// One call, which can be damaged before it is sent.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) path: String,
    pub(super) body: Value,
    pub(super) nonce: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) scheme: Scheme,
    /// Where it is signed for, when that is not where it is sent.
    pub(super) signed_for: Option<String>,
}

impl Call {
    pub(super) fn new(path: &str, body: Value) -> Self {
        Self {
            path: path.to_owned(),
            body,
            nonce: None,
            tag: None,
            scheme: Scheme::Rfc9421,
            signed_for: None,
        }
    }

    /// The proof of a challenge.
    pub(super) fn proof(challenge: &Value) -> Self {
        let mut call = Self::new(VERIFY, json!({"challenge_id": challenge["challenge_id"]}));
        call.nonce = challenge["nonce"].as_str().map(str::to_owned);
        call.tag = Some("folkmoot-node".to_owned());
        call
    }

    pub(super) fn headers(&self, issuer: &World, key: &SigningKey, now: Timestamp) -> HeaderMap {
        let signed_for = self.signed_for.clone();
        let url: Url = signed_for
            .unwrap_or_else(|| issuer.url(&self.path))
            .parse()
            .unwrap();
        let method = Method::POST;
        let digest = BodyDigest::of(self.body.to_string().as_bytes());
        let mut request = RequestToSign::new(&method, &url, now).digest(digest);
        if let Some(nonce) = &self.nonce {
            request = request.nonce(nonce);
        }
        if let Some(tag) = &self.tag {
            request = request.tag(tag);
        }
        request.sign(self.scheme, key).unwrap()
    }

    pub(super) async fn send_with(&self, issuer: &World, mut headers: HeaderMap) -> Answer {
        headers.remove("host");
        let request = issuer.http.post(issuer.url(&self.path)).headers(headers);
        let request = request.header("content-type", "application/json");
        Answer::of(request.body(self.body.to_string())).await
    }

    pub(super) async fn send(&self, issuer: &World, key: &SigningKey) -> Answer {
        let headers = self.headers(issuer, key, SystemClock.now());
        self.send_with(issuer, headers).await
    }
}

/// A challenge for the node, or for one of its users.
pub(super) async fn challenge(
    issuer: &World,
    key: &SigningKey,
    subject: Option<&str>,
    scopes: &[&str],
) -> Answer {
    let body = json!({"subject": subject, "scopes": scopes});
    Call::new(CHALLENGE, body).send(issuer, key).await
}

/// A session, by the whole handshake.
pub(super) async fn session(
    issuer: &World,
    key: &SigningKey,
    subject: Option<&str>,
    scopes: &[&str],
) -> Value {
    let asked = challenge(issuer, key, subject, scopes).await.expect(201);
    Call::proof(&asked).send(issuer, key).await.expect(201)
}

/// What the issuer tells the node about a token.
pub(super) async fn introspect(issuer: &World, key: &SigningKey, token: &Value) -> Value {
    let call = Call::new(INTROSPECT, json!({"token": token}));
    call.send(issuer, key).await.expect(200)
}
