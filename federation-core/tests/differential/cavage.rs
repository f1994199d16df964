//! Draft-cavage against the crate `http-signature-normalization`.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use federation_core::clock::{Clock as _, SystemClock};
use federation_core::signature::{BodyDigest, Scheme, SigningKey, sign_request};
use http::HeaderMap;
use http_signature_normalization::Config;
use proptest::prelude::*;
use url::Position;

use crate::request::{KEY_ID, Plain, any_request, headers_of, key};

fn map_of(headers: &HeaderMap) -> BTreeMap<String, String> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect()
}

fn verifies_there(request: &Plain, headers: &HeaderMap, key: &SigningKey) -> bool {
    let config = Config::new()
        .mastodon_compat()
        .set_expiration(Duration::from_mins(1));
    let method = request.method.as_str();
    let unverified = config.begin_verify(method, request.target(), map_of(headers));
    let public = key.key().public_key();
    unverified.unwrap().verify(|signature, signed| {
        let signature = STANDARD.decode(signature).unwrap();
        public.verify(signed.as_bytes(), &signature).is_ok()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn signed_here_verifies_there(request in any_request(), rsa: bool) {
        let (key, now) = (key(rsa), SystemClock.now());
        let (method, url) = (&request.method, &request.url);
        let headers = sign_request(Scheme::Cavage, key, method, url, request.body(), now).unwrap();
        prop_assert!(verifies_there(&request, &headers, key));
        prop_assert!(request.verify(&headers, key).unwrap().query_covered());
    }

    #[test]
    fn signed_there_verifies_here_and_nothing_altered_does(
        request in any_request(),
        rsa: bool,
        with_date: bool,
    ) {
        let (key, now) = (key(rsa), SystemClock.now());
        let mut pairs = vec![
            ("host", request.url[Position::BeforeHost..Position::AfterPort].to_owned()),
            ("accept", "application/activity+json".to_owned()),
        ];
        // With a date as Mastodon wants it, or with the times of the draft itself.
        let config = if with_date {
            pairs.push(("date", now.to_http_date()));
            Config::new().mastodon_compat()
        } else {
            Config::new()
        };
        if let Some(body) = request.body() {
            pairs.push(("digest", BodyDigest::of(body).to_digest_header()));
        }
        let mut headers = headers_of(&pairs);
        let signed = config
            .begin_sign(request.method.as_str(), request.target(), map_of(&headers))
            .unwrap()
            .sign(KEY_ID.to_owned(), |text| {
                let signature = key.key().sign(text.as_bytes()).unwrap();
                Ok::<_, Infallible>(STANDARD.encode(signature))
            })
            .unwrap();
        headers.extend(headers_of(&[("signature", signed.signature_header())]));
        prop_assert!(request.verify(&headers, key).is_ok());
        for (altered, headers) in request.altered(&headers) {
            prop_assert!(altered.verify(&headers, key).is_err(), "{:?}", altered);
        }
        prop_assert!(request.verify(&headers, crate::request::key(!rsa)).is_err());
    }
}
