//! RFC 9421 against the crate `httpsig`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use federation_core::clock::{Clock as _, SystemClock};
use federation_core::signature::{
    BodyDigest, RequestToSign, Scheme, SignatureDemand, SigningKey, sign_request,
};
use http::HeaderMap;
use httpsig::prelude::message_component::{HttpMessageComponent, HttpMessageComponentId};
use httpsig::prelude::{
    AlgorithmName, HttpSignatureBase, HttpSignatureHeaders, HttpSignatureParams, PublicKey,
    SecretKey, VerifyingKey as _,
};
use proptest::prelude::*;
use url::Position;

use crate::request::{KEY_ID, Plain, any_request, headers_of, key, pkcs8};

const fn algorithm(rsa: bool) -> AlgorithmName {
    if rsa {
        AlgorithmName::RsaV1_5Sha256
    } else {
        AlgorithmName::Ed25519
    }
}

/// The value of a component, as the other side is told it.
fn value(request: &Plain, headers: &HeaderMap, id: &HttpMessageComponentId) -> String {
    let url = &request.url;
    match id.to_string().trim_matches('"') {
        "@method" => request.method.to_string(),
        "@target-uri" => url[..Position::AfterQuery].to_owned(),
        "@authority" => url[Position::BeforeHost..Position::AfterPort].to_owned(),
        "@scheme" => url.scheme().to_owned(),
        "@request-target" => request.target().to_owned(),
        "@path" => url.path().to_owned(),
        "@query" => format!("?{}", url.query().unwrap_or_default()),
        field => headers[field].to_str().unwrap().to_owned(),
    }
}

fn base(request: &Plain, headers: &HeaderMap, params: &HttpSignatureParams) -> HttpSignatureBase {
    let lines: Vec<HttpMessageComponent> = params
        .covered_components
        .iter()
        .map(|id| {
            let values = [value(request, headers, id)];
            HttpMessageComponent::try_from((id, values.as_slice())).unwrap()
        })
        .collect();
    HttpSignatureBase::try_new(&lines, params).unwrap()
}

/// Verified by the other side's reading of the headers, its component lines and its keys.
///
/// The last line is taken as it was sent (RFC 9421 s2.3): that library would write the parameters
/// in an order of its own.
fn verifies_there(request: &Plain, headers: &HeaderMap, key: &SigningKey, rsa: bool) -> bool {
    let text = |name: &str| headers[name].to_str().unwrap();
    let input = text("signature-input");
    let read = HttpSignatureHeaders::try_parse(text("signature"), input).unwrap();
    let (label, signature) = read.into_iter().next().unwrap();
    let base = base(request, headers, signature.signature_params()).to_string();
    let (lines, _) = base.rsplit_once("\"@signature-params\": ").unwrap();
    let (_, params) = input.split_once('=').unwrap();
    let signed = format!("{lines}\"@signature-params\": {params}");
    let value = text("signature")
        .strip_prefix(&format!("{label}=:"))
        .unwrap();
    let value = STANDARD.decode(value.strip_suffix(':').unwrap()).unwrap();
    let pem = key.key().public_key().to_pem().unwrap();
    let public = PublicKey::from_pem(&algorithm(rsa), &pem).unwrap();
    public.verify(signed.as_bytes(), &value).is_ok()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn signed_here_verifies_there(request in any_request(), rsa: bool) {
        let (key, now) = (key(rsa), SystemClock.now());
        let (method, url) = (&request.method, &request.url);
        let headers = sign_request(Scheme::Rfc9421, key, method, url, request.body(), now).unwrap();
        prop_assert!(verifies_there(&request, &headers, key, rsa));
        prop_assert!(request.verify(&headers, key).unwrap().query_covered());
    }

    #[test]
    fn what_was_demanded_is_covered_in_its_order(request in any_request(), rsa: bool) {
        let (key, now) = (key(rsa), SystemClock.now());
        let demand = headers_of(&[("accept-signature",
            "s=(\"@query\" \"host\" \"@authority\" \"@method\" \"date\" \"@scheme\" \"@path\" \
             \"@request-target\");created;nonce=\"n\\\"1\";tag=\"t\"".to_owned())]);
        let demand = SignatureDemand::of(&demand).unwrap();
        let mut to_sign = RequestToSign::new(&request.method, &request.url, now).demanded(&demand);
        if let Some(body) = request.body() {
            to_sign = to_sign.digest(BodyDigest::of(body));
        }
        let headers = to_sign.sign(Scheme::Rfc9421, key).unwrap();
        prop_assert!(verifies_there(&request, &headers, key, rsa));
        let verified = request.verify(&headers, key).unwrap();
        prop_assert_eq!(verified.nonce(), Some("n\"1"));
        prop_assert_eq!(verified.tag(), Some("t"));
    }

    #[test]
    fn signed_there_verifies_here_and_nothing_altered_does(
        request in any_request(),
        rsa: bool,
        split in any::<bool>(),
        named in any::<bool>(),
    ) {
        let (key, now) = (key(rsa), SystemClock.now());
        let mut headers = headers_of(&[
            ("host", request.url[Position::BeforeHost..Position::AfterPort].to_owned()),
            ("date", now.to_http_date()),
        ]);
        let mut names = vec!["\"@method\""];
        if split {
            names.extend(["\"@authority\"", "\"@path\"", "\"@query\"", "\"date\""]);
        } else {
            names.push("\"@target-uri\"");
        }
        if let Some(body) = request.body() {
            let digest = BodyDigest::of(body).to_content_digest_header();
            headers.extend(headers_of(&[("content-digest", digest)]));
            names.push("\"content-digest\"");
        }
        let ids: Vec<HttpMessageComponentId> = names
            .into_iter()
            .map(|name| HttpMessageComponentId::try_from(name).unwrap())
            .collect();
        let mut params = HttpSignatureParams::try_new(&ids).unwrap();
        params.set_created(u64::try_from(now.as_seconds()).unwrap()).set_keyid(KEY_ID);
        if named {
            params.set_alg(&algorithm(rsa));
        }
        let secret = SecretKey::from_der(&algorithm(rsa), &pkcs8(key)).unwrap();
        let signed = base(&request, &headers, &params)
            .build_signature_headers(&secret, Some("theirs"))
            .unwrap();
        headers.extend(headers_of(&[
            ("signature", signed.signature_header_value()),
            ("signature-input", signed.signature_input_header_value()),
        ]));
        prop_assert!(request.verify(&headers, key).is_ok());
        for (altered, headers) in request.altered(&headers) {
            prop_assert!(altered.verify(&headers, key).is_err(), "{:?}", altered);
        }
        prop_assert!(request.verify(&headers, crate::request::key(!rsa)).is_err());
    }
}
