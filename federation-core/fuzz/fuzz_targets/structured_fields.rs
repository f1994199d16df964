//! `Signature-Input`, `Signature` and `Accept-Signature` as structured fields (RFC 9651): none
//! panics, and whatever is read as a demand can be met.
#![no_main]

use bytes::Bytes;
use federation_core::Timestamp;
use federation_core::inbox::InboundRequest;
use federation_core::signature::{
    ACCEPT_SIGNATURE, Algorithm, PrivateKey, RequestToSign, Scheme, SignatureDemand, SigningKey,
    VerificationPolicy, inspect,
};
use http::{HeaderMap, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use url::Url;

const NOW: Timestamp = Timestamp::from_millis(1_795_190_734_000);

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let mut line = || HeaderValue::from_bytes(lines.next().unwrap_or_default()).ok();
    let (Some(input), Some(signature)) = (line(), line()) else {
        return;
    };
    let origin = Url::parse("https://here.example").expect("a constant");
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("here.example"));
    headers.insert("signature-input", input.clone());
    headers.insert("signature", signature);
    let get = InboundRequest::new(Method::GET, &origin, "/a?b", headers, Bytes::new());
    let _ = inspect(
        &get.expect("a constant"),
        &VerificationPolicy::default(),
        NOW,
    );

    let mut answer = HeaderMap::new();
    answer.insert(ACCEPT_SIGNATURE, input);
    let Some(demand) = SignatureDemand::of(&answer) else {
        return;
    };
    let key = PrivateKey::from_der(Algorithm::Ed25519, &[7; 32]).expect("a constant");
    let key_id = Url::parse("https://there.example/#k").expect("a constant");
    let url = origin.join("/a?b").expect("a constant");
    let request = RequestToSign::new(&Method::GET, &url, NOW).demanded(&demand);
    let key = SigningKey::new(key_id, key);
    if let Ok(headers) = request.sign(Scheme::Rfc9421, &key) {
        let get = InboundRequest::new(Method::GET, &origin, "/a?b", headers, Bytes::new());
        let claim = inspect(
            &get.expect("a constant"),
            &VerificationPolicy::default(),
            NOW,
        );
        let verified = claim
            .expect("it was signed here")
            .verify(&key.key().public_key());
        assert_eq!(verified.expect("the same key").nonce(), demand.nonce.as_deref());
    }
});
