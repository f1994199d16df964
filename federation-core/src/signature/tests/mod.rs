//! Tests of signing and verifying: published vectors, round trips, and every way to refuse.

use std::sync::LazyLock;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::Url;

use crate::clock::Timestamp;
use crate::inbox::InboundRequest;
use crate::signature::{
    Algorithm, PrivateKey, Scheme, SignatureError, SigningKey, VerificationPolicy,
    VerifiedSignature, inspect, sign_request,
};

mod attacks;
mod challenges;
mod forged;
mod grammar;
mod keys;
mod parsers;
mod round_trips;
mod vectors;

const NOW: Timestamp = Timestamp::from_millis(1_795_190_734_000);
const BODY: &[u8] = br#"{"type":"Create"}"#;
const KEY_ID: &str = "https://there.example/users/bob#main-key";

static RSA: LazyLock<SigningKey> = LazyLock::new(|| signing_key(Algorithm::RsaSha256));
static ED25519: LazyLock<SigningKey> = LazyLock::new(|| signing_key(Algorithm::Ed25519));

fn signing_key(algorithm: Algorithm) -> SigningKey {
    SigningKey::new(
        Url::parse(KEY_ID).unwrap(),
        PrivateKey::generate(algorithm).unwrap(),
    )
}

fn origin() -> Url {
    Url::parse("https://here.example").unwrap()
}

/// A request as the server sees it, taken apart so that tests can damage it.
#[derive(Clone)]
struct Sent {
    method: Method,
    path_and_query: String,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Sent {
    fn post(scheme: Scheme, key: &SigningKey) -> Self {
        Self::signed(scheme, key, &Method::POST, "/inbox", Some(BODY))
    }

    fn signed(
        scheme: Scheme,
        key: &SigningKey,
        method: &Method,
        path_and_query: &str,
        body: Option<&[u8]>,
    ) -> Self {
        let url = origin().join(path_and_query).unwrap();
        let headers = sign_request(scheme, key, method, &url, body, NOW).unwrap();
        Self {
            method: method.clone(),
            path_and_query: path_and_query.to_owned(),
            headers,
            body: body.unwrap_or_default().to_vec(),
        }
    }

    /// A POST with these headers and nothing else.
    fn with_headers(headers: &[(&'static str, &str)]) -> Self {
        let mut sent = Self {
            method: Method::POST,
            path_and_query: "/inbox".to_owned(),
            headers: HeaderMap::new(),
            body: BODY.to_vec(),
        };
        for (name, value) in headers {
            sent.headers.append(
                HeaderName::from_static(name),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        sent
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap().to_str().unwrap()
    }

    fn set(&mut self, name: &'static str, value: &str) -> &mut Self {
        self.headers
            .insert(name, HeaderValue::from_str(value).unwrap());
        self
    }

    fn replace(&mut self, name: &'static str, from: &str, to: &str) -> &mut Self {
        let old = self.header(name).to_owned();
        assert!(old.contains(from), "{old} has no {from}");
        self.set(name, &old.replace(from, to))
    }

    fn request(&self) -> InboundRequest {
        InboundRequest::new(
            self.method.clone(),
            &origin(),
            &self.path_and_query,
            self.headers.clone(),
            Bytes::from(self.body.clone()),
        )
        .unwrap()
    }

    fn verify_at(
        &self,
        key: &SigningKey,
        now: Timestamp,
    ) -> Result<VerifiedSignature, SignatureError> {
        inspect(&self.request(), &VerificationPolicy::default(), now)?
            .verify(&key.key().public_key())
    }

    fn verify(&self, key: &SigningKey) -> Result<VerifiedSignature, SignatureError> {
        self.verify_at(key, NOW)
    }
}
