//! Signed requests: the lines of the input are headers and a body; none panics, and what the
//! verifier says is what its report says.
#![no_main]

use bytes::Bytes;
use federation_core::Timestamp;
use federation_core::inbox::InboundRequest;
use federation_core::signature::{
    SignatureError, Verdict, VerificationPolicy, explain, inspect,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use libfuzzer_sys::fuzz_target;
use url::Url;

const HEADERS: [&str; 7] = [
    "signature",
    "signature-input",
    "digest",
    "content-digest",
    "date",
    "host",
    "authorization",
];

fuzz_target!(|bytes: &[u8]| {
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let target = String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let mut headers = HeaderMap::new();
    for name in HEADERS {
        let Some(line) = lines.next() else { break };
        if let (false, Ok(value)) = (line.is_empty(), HeaderValue::from_bytes(line)) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
    let body = Bytes::copy_from_slice(lines.next().unwrap_or_default());
    let origin = Url::parse("https://here.example").expect("a constant");
    let target = format!("/{target}");
    let Ok(request) = InboundRequest::new(Method::POST, &origin, &target, headers, body) else {
        return;
    };
    let (policy, now) = (
        VerificationPolicy::default(),
        Timestamp::from_millis(1_795_190_734_000),
    );
    let inspected = inspect(&request, &policy, now);
    let report = explain(&request, &policy, now, |_key_id| None);
    let failed_before_the_key = report
        .iter()
        .take_while(|check| check.name != "key")
        .any(|check| check.verdict == Verdict::Failed);
    // What is signed and absent shows only where the signed text is put together.
    let unsettled = matches!(
        inspected,
        Err(SignatureError::HeaderMissing { .. }
            | SignatureError::ParameterMissing { .. }
            | SignatureError::UnsupportedComponent { .. }
            | SignatureError::Unreadable { .. }
            | SignatureError::Ambiguous { .. })
    );
    let failed = failed_before_the_key || unsettled;
    assert_eq!(inspected.is_err(), failed, "{report:?}");
});
