//! Requests of all shapes, and keys both sides can read.

use std::sync::LazyLock;

use bytes::Bytes;
use federation_core::clock::{Clock as _, SystemClock};
use federation_core::inbox::InboundRequest;
use federation_core::signature::{
    Algorithm, PrivateKey, SignatureError, SigningKey, VerificationPolicy, VerifiedSignature,
    inspect,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;
use url::{Position, Url};

pub(crate) const KEY_ID: &str = "https://there.example/users/bob#main-key";

static KEYS: LazyLock<[SigningKey; 2]> = LazyLock::new(|| {
    [Algorithm::RsaSha256, Algorithm::Ed25519].map(|algorithm| {
        let id = Url::parse(KEY_ID).unwrap();
        SigningKey::new(id, PrivateKey::generate(algorithm).unwrap())
    })
});

/// The RSA key or the Ed25519 key.
pub(crate) fn key(rsa: bool) -> &'static SigningKey {
    &KEYS[usize::from(!rsa)]
}

/// The private half as PKCS#8, which every library reads.
pub(crate) fn pkcs8(key: &SigningKey) -> Vec<u8> {
    let der = key.key().to_der().unwrap();
    let key = openssl::pkey::PKey::private_key_from_der(&der).unwrap();
    key.private_key_to_pkcs8().unwrap()
}

/// A request before it is signed.
#[derive(Clone, Debug)]
pub(crate) struct Plain {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) body: Vec<u8>,
}

impl Plain {
    pub(crate) fn target(&self) -> &str {
        &self.url[Position::BeforePath..Position::AfterQuery]
    }

    pub(crate) fn body(&self) -> Option<&[u8]> {
        (self.method == Method::POST).then_some(self.body.as_slice())
    }

    /// What this crate makes of the request with these headers.
    pub(crate) fn verify(
        &self,
        headers: &HeaderMap,
        key: &SigningKey,
    ) -> Result<VerifiedSignature, SignatureError> {
        let request = InboundRequest::new(
            self.method.clone(),
            &self.url,
            self.target(),
            headers.clone(),
            Bytes::from(self.body().unwrap_or_default().to_vec()),
        );
        let mut policy = VerificationPolicy::default();
        // A query that nobody signed may be altered, where that is permitted.
        policy.accept_queryless_target = false;
        inspect(&request.unwrap(), &policy, SystemClock.now())?.verify(&key.key().public_key())
    }

    /// Copies that differ in what a signature has to cover, each with its headers.
    pub(crate) fn altered(&self, headers: &HeaderMap) -> Vec<(Self, HeaderMap)> {
        let mut copies = Vec::new();
        let mut elsewhere = self.clone();
        elsewhere.url.set_path(&format!("{}x", self.url.path()));
        copies.push((elsewhere, headers.clone()));
        let mut asked = self.clone();
        asked.url.set_query(Some("altered=1"));
        copies.push((asked, headers.clone()));
        let mut hosted = self.clone();
        hosted.url.set_host(Some("other.example")).unwrap();
        let mut moved = headers.clone();
        moved.insert("host", HeaderValue::from_static("other.example"));
        copies.push((hosted, moved));
        if self.method == Method::POST {
            let mut other = self.clone();
            other.body.push(b' ');
            copies.push((other, headers.clone()));
        }
        copies
    }
}

pub(crate) fn any_request() -> impl Strategy<Value = Plain> {
    let path = "(/[a-zA-Z0-9_.~!$&'()*+,;=:@-]{0,8}|/%2[0-9A-F]|/%C3%A9){0,4}";
    let query = prop::option::of("[a-z0-9=&%?/:@.+*-]{0,24}");
    let body = prop::collection::vec(any::<u8>(), 0..200);
    let host = "[a-z][a-z0-9-]{0,8}[a-z0-9]\\.example";
    let port = prop::option::of(1024_u16..);
    (any::<bool>(), host, port, path, query, body).prop_map(
        |(posts, host, port, path, query, body)| {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            let query = query.map(|query| format!("?{query}")).unwrap_or_default();
            let url = Url::parse(&format!("https://{host}{port}{path}{query}")).unwrap();
            let method = if posts { Method::POST } else { Method::GET };
            Plain { method, url, body }
        },
    )
}

pub(crate) fn headers_of(pairs: &[(&'static str, String)]) -> HeaderMap {
    let pairs = pairs.iter().map(|(name, value)| {
        let value = HeaderValue::from_str(value).unwrap();
        (HeaderName::from_static(name), value)
    });
    pairs.collect()
}
