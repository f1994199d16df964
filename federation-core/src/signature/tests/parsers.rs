//! Parsers of remote bytes: whatever comes in, they answer and never panic.

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use proptest::prelude::*;

use super::{BODY, ED25519, NOW, Sent};
use crate::signature::{Scheme, VerificationPolicy, explain, inspect};

/// Headers that nobody would send, made of the pieces that parsers look for.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("keyId=".to_owned()),
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just(",".to_owned()),
        Just(";".to_owned()),
        Just("=".to_owned()),
        Just("(".to_owned()),
        Just(")".to_owned()),
        Just(":".to_owned()),
        Just("headers=\"(request-target) host date digest\"".to_owned()),
        Just("signature=\"AAAA\"".to_owned()),
        Just("created=".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just("-1.5".to_owned()),
        Just("sig1=(\"@method\" \"@target-uri\" \"content-digest\")".to_owned()),
        Just(";keyid=\"https://there.example/\"".to_owned()),
        Just("sha-256=".to_owned()),
        "[ -~]{0,12}",
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn judge(sent: &Sent) {
    let policy = VerificationPolicy::default();
    let public = ED25519.key().public_key();
    let passed = inspect(&sent.request(), &policy, NOW)
        .and_then(|claim| claim.verify(&public))
        .is_ok();
    let report = explain(&sent.request(), &policy, NOW, |_| Some(public));
    assert_eq!(
        passed,
        report
            .iter()
            .all(|check| check.verdict == crate::signature::Verdict::Passed),
        "{report:#?}"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn hostile_headers_never_panic_and_never_pass(
        signature in hostile(),
        input in proptest::option::of(hostile()),
        digest in hostile(),
        date in hostile(),
        host in hostile(),
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("signature", Some(signature)),
            ("signature-input", input),
            ("digest", Some(digest.clone())),
            ("content-digest", Some(digest)),
            ("date", Some(date)),
            ("host", Some(host)),
        ] {
            if let Some(value) = value {
                headers.insert(HeaderName::from_static(name), HeaderValue::from_str(&value).unwrap());
            }
        }
        let sent = Sent {
            method: Method::POST,
            path_and_query: "/inbox".to_owned(),
            headers,
            body: BODY.to_vec(),
        };
        prop_assert!(sent.verify(&ED25519).is_err());
        judge(&sent);
    }

    #[test]
    fn a_damaged_header_of_a_good_request_never_panics(
        cavage in any::<bool>(),
        which in 0_usize..6,
        at in any::<proptest::sample::Index>(),
        byte in prop_oneof![0x20_u8..0x7f, 0x80_u8..],
        delete in any::<bool>(),
    ) {
        let scheme = if cavage { Scheme::Cavage } else { Scheme::Rfc9421 };
        let mut sent = Sent::post(scheme, &ED25519);
        let names: Vec<HeaderName> = sent.headers.keys().cloned().collect();
        let name = &names[which % names.len()];
        let mut value = sent.headers[name].as_bytes().to_vec();
        let index = at.index(value.len());
        if delete {
            value.remove(index);
        } else {
            value[index] = byte;
        }
        sent.headers.insert(name, HeaderValue::from_bytes(&value).unwrap());
        judge(&sent);
    }

    #[test]
    fn raw_bytes_in_every_header_never_panic(
        value in proptest::collection::vec(prop_oneof![0x20_u8..0x7f, 0x80_u8..], 0..60),
    ) {
        for scheme in [Scheme::Cavage, Scheme::Rfc9421] {
            let good = Sent::post(scheme, &ED25519);
            for name in good.headers.keys() {
                let mut sent = good.clone();
                sent.headers.insert(name, HeaderValue::from_bytes(&value).unwrap());
                judge(&sent);
            }
        }
    }
}
