//! Signature headers that are doubled, malformed or say something unheard of; numbers are those of
//! the attack checklist.

use http::HeaderValue;

use super::forged::{DIGEST, METHOD, TARGET, cavage, created, rfc9421};
use super::{ED25519, NOW, RSA, Sent};
use crate::clock::Timestamp;
use crate::signature::{Algorithm, KeyIdFault, Scheme, SignatureError};

#[test]
fn attack_12_doubled_headers() {
    for (scheme, names) in [
        (
            Scheme::Cavage,
            ["signature", "digest", "host", "date"].as_slice(),
        ),
        (
            Scheme::Rfc9421,
            ["signature", "signature-input", "content-digest", "host"].as_slice(),
        ),
    ] {
        for &header in names {
            let mut sent = Sent::post(scheme, &RSA);
            let line = sent.headers.get(header).unwrap().clone();
            sent.headers.append(header, line);
            assert_eq!(
                sent.verify(&RSA).unwrap_err(),
                SignatureError::Ambiguous { header }
            );
        }
        let mut sent = Sent::post(scheme, &RSA);
        for carrier in ["Signature keyId=\"x\"", "signature", "SIGNATURE x"] {
            sent.set("authorization", carrier);
            assert_eq!(
                sent.verify(&RSA).unwrap_err(),
                SignatureError::Ambiguous {
                    header: "authorization"
                }
            );
        }
        sent.set("authorization", "Bearer x").verify(&RSA).unwrap();
    }
}

#[test]
fn attack_13_lists_of_headers() {
    for covered in [
        "",
        " ",
        "(request-target)  host",
        "(foo) host",
        "(request-target",
        "()",
    ] {
        assert!(
            matches!(
                cavage(covered, "").verify(&RSA).unwrap_err(),
                SignatureError::UnsupportedComponent { .. }
            ),
            "{covered:?}"
        );
    }
    assert_eq!(
        cavage("(request-target) host host date digest", "")
            .verify(&RSA)
            .unwrap_err(),
        SignatureError::DuplicateComponent {
            name: "host".to_owned()
        }
    );
    assert_eq!(
        cavage("(request-target) Host HOST date digest", "")
            .verify(&RSA)
            .unwrap_err(),
        SignatureError::DuplicateComponent {
            name: "host".to_owned()
        }
    );
    assert_eq!(
        cavage("(request-target) host date digest x-none", "")
            .verify(&RSA)
            .unwrap_err(),
        SignatureError::HeaderMissing {
            name: "x-none".to_owned()
        }
    );
    let many: Vec<String> = (0..40).map(|number| format!("x-{number}")).collect();
    assert_eq!(
        cavage(&many.join(" "), "").verify(&RSA).unwrap_err(),
        SignatureError::TooManyComponents { limit: 32 }
    );
    cavage("(Request-Target) HOST Date digest", "")
        .verify(&RSA)
        .unwrap();
}

#[test]
fn attack_14_algorithm_labels() {
    for label in [
        "hmac-sha256",
        "rsa-sha1",
        "rsa-sha512",
        "ecdsa-sha256",
        "none",
        "",
        "RSA-SHA256",
        "rsa-v1_5-sha256",
    ] {
        let mut sent = Sent::post(Scheme::Cavage, &RSA);
        sent.replace("signature", "\"rsa-sha256\"", &format!("\"{label}\""));
        assert_eq!(
            sent.verify(&RSA).unwrap_err(),
            SignatureError::UnsupportedAlgorithm {
                label: label.to_owned()
            }
        );
    }
    for label in [
        "hmac-sha256",
        "rsa-pss-sha512",
        "ecdsa-p256-sha256",
        "hs2019",
        "rsa-sha256",
    ] {
        let mut sent = Sent::post(Scheme::Rfc9421, &RSA);
        sent.replace("signature-input", "rsa-v1_5-sha256", label);
        assert_eq!(
            sent.verify(&RSA).unwrap_err(),
            SignatureError::UnsupportedAlgorithm {
                label: label.to_owned()
            }
        );
    }
}

#[test]
fn attack_14_the_key_decides_the_algorithm() {
    let mut sent = Sent::post(Scheme::Cavage, &RSA);
    sent.replace("signature", "rsa-sha256", "ed25519");
    assert_eq!(
        sent.verify(&RSA).unwrap_err(),
        SignatureError::AlgorithmMismatch {
            labelled: Algorithm::Ed25519,
            key: Algorithm::RsaSha256,
        }
    );
    let sent = Sent::post(Scheme::Rfc9421, &ED25519);
    assert_eq!(
        sent.verify(&RSA).unwrap_err(),
        SignatureError::AlgorithmMismatch {
            labelled: Algorithm::Ed25519,
            key: Algorithm::RsaSha256,
        }
    );
}

#[test]
fn attack_16_signature_input() {
    let good = rfc9421(&[METHOD, TARGET, DIGEST], &created());
    good.verify(&RSA).unwrap();
    let verify = |name: &'static str, from: &str, to: &str| {
        good.clone()
            .replace(name, from, to)
            .verify(&RSA)
            .unwrap_err()
    };
    let one = SignatureError::NotOneSignature;
    assert_eq!(verify("signature", "sig1", "sig2"), one);
    assert_eq!(verify("signature-input", "sig1=", "sig2=(), sig1="), one);
    assert_eq!(verify("signature", "sig1=", "sig2=:AA==:, sig1="), one);
    for component in [
        "\"@method\";req",
        "\"host\";tr",
        "\"host\";bs",
        "\"host\";sf",
        "\"host\";key=\"a\"",
        "\"@status\"",
        "\"@query-param\";name=\"a\"",
        "\"@signature-params\"",
        "\"@\"",
        "\"\"",
        "\"Host\"",
    ] {
        assert!(
            matches!(
                verify("signature-input", "\"@method\"", component),
                SignatureError::UnsupportedComponent { .. }
            ),
            "{component}"
        );
    }
    assert_eq!(
        verify("signature-input", "\"@method\"", "\"@method\" \"@method\""),
        SignatureError::DuplicateComponent {
            name: "@method".to_owned()
        }
    );
    for broken in [
        "sig1",
        "sig1=1",
        "sig1=(1)",
        "sig1=(\"@method\"",
        "=",
        "sig1=(\"a\");keyid=1",
    ] {
        assert!(matches!(
            good.clone()
                .set("signature-input", broken)
                .verify(&RSA)
                .unwrap_err(),
            SignatureError::Malformed { .. }
        ));
    }
    for (from, to) in [
        ("\"@method\" \"@target-uri\"", "\"@target-uri\" \"@method\""),
        (");", ");x;"),
    ] {
        assert_eq!(
            verify("signature-input", from, to),
            SignatureError::Mismatch
        );
    }
    // White space that the grammar allows is not signed.
    let mut spaced = good.clone();
    spaced.replace("signature-input", "\"@method\" ", "\"@method\"   ");
    spaced.verify(&RSA).unwrap();
    // Parameters without a meaning here are signed like the others.
    let extra = format!("{};nonce=\"n\";tag=\"t\";unknown", created());
    rfc9421(&[METHOD, TARGET, DIGEST], &extra)
        .verify(&RSA)
        .unwrap();
}

#[test]
fn attack_17_no_downgrade_to_the_older_scheme() {
    let older = Sent::post(Scheme::Cavage, &RSA);
    for input in [
        "",
        "sig1=()",
        "nonsense(",
        "sig1=(\"@method\");keyid=\"https://there.example/\"",
    ] {
        let mut sent = older.clone();
        sent.set("signature-input", input);
        assert!(sent.verify(&RSA).is_err(), "{input}");
    }
    let mut both = Sent::post(Scheme::Rfc9421, &RSA);
    both.replace("signature-input", "created=1", "created=2");
    both.headers
        .append("signature", older.headers["signature"].clone());
    assert_eq!(
        both.verify(&RSA).unwrap_err(),
        SignatureError::Ambiguous {
            header: "signature"
        }
    );
}

#[test]
fn malformed_headers_are_named() {
    let good = Sent::post(Scheme::Cavage, &RSA);
    for (value, expected) in [
        ("", "a parameter has no value"),
        ("keyId", "a parameter has no value"),
        ("keyId=\"x", "a quoted value has no end"),
        ("keyId=\"x\\", "a quoted value has no end"),
        ("keyId=\"x\" y=\"z\"", "a comma is missing"),
        ("keyId=\"x\",keyId=\"y\"", "a parameter stands twice"),
        (&"a=b,".repeat(40), "it has too many parameters"),
    ] {
        assert_eq!(
            good.clone()
                .set("signature", value)
                .verify(&RSA)
                .unwrap_err(),
            SignatureError::Malformed {
                header: "signature",
                reason: expected
            },
            "{value}"
        );
    }
    for (value, name) in [("a=b", "keyId"), ("keyId=\"x\"", "signature")] {
        assert_eq!(
            good.clone()
                .set("signature", value)
                .verify(&RSA)
                .unwrap_err(),
            SignatureError::ParameterMissing { name }
        );
    }
    assert_eq!(
        good.clone()
            .replace("signature", "https:", "ftp:")
            .verify(&RSA)
            .unwrap_err(),
        SignatureError::KeyId(KeyIdFault::Scheme)
    );
    let mut opaque = good.clone();
    opaque
        .headers
        .insert("signature", HeaderValue::from_bytes(b"\xff").unwrap());
    assert_eq!(
        opaque.verify(&RSA).unwrap_err(),
        SignatureError::Unreadable {
            header: "signature"
        }
    );
    let mut long = good;
    long.set("signature", &"x".repeat(9000));
    assert_eq!(
        long.verify(&RSA).unwrap_err(),
        SignatureError::Unreadable {
            header: "signature"
        }
    );
}

#[test]
fn pseudo_components_are_not_for_algorithms_named_rsa() {
    let covered = "(request-target) (created) host digest";
    let created = format!("created={},", NOW.as_seconds());
    cavage(covered, &created).verify(&RSA).unwrap();
    let labelled = format!("algorithm=\"rsa-sha256\",{created}");
    assert!(matches!(
        cavage(covered, &labelled).verify(&RSA).unwrap_err(),
        SignatureError::UnsupportedComponent { .. }
    ));
    assert!(matches!(
        cavage(covered, "created=soon,").verify(&RSA).unwrap_err(),
        SignatureError::Malformed { .. }
    ));
    let distant = Timestamp::from_millis(i64::MAX).as_seconds();
    assert!(matches!(
        cavage(covered, &format!("created={distant},"))
            .verify(&RSA)
            .unwrap_err(),
        SignatureError::FromFuture { .. }
    ));
}
