//! What is signed here verifies here, under each scheme and algorithm.

use http::Method;
use url::Url;

use super::{BODY, ED25519, KEY_ID, NOW, RSA, Sent, origin};
use crate::signature::{
    Algorithm, BodyDigest, RequestToSign, Scheme, SignError, SignatureError, Verdict,
    VerificationPolicy, claimed_key_id, explain, inspect, sign_request,
};

#[test]
fn every_scheme_with_every_algorithm() {
    for scheme in [Scheme::Cavage, Scheme::Rfc9421] {
        for key in [&*RSA, &*ED25519] {
            let mut targets = Vec::new();
            for target in [
                "/inbox",
                "/",
                "/users/alice/inbox?x=1&y=%20z",
                "/a?",
                "/a//b",
            ] {
                targets.push(Sent::signed(scheme, key, &Method::POST, target, Some(BODY)));
                targets.push(Sent::signed(scheme, key, &Method::GET, target, None));
            }
            for sent in targets {
                let verified = sent.verify(key).unwrap();
                assert_eq!(verified.scheme(), scheme);
                assert_eq!(verified.algorithm(), key.key().algorithm());
                assert_eq!(verified.key_id().as_str(), KEY_ID);
                assert_eq!(verified.signed_at(), NOW);
                assert!(verified.query_covered());
            }
        }
    }
}

#[test]
fn another_key_does_not_verify() {
    for scheme in [Scheme::Cavage, Scheme::Rfc9421] {
        let other = super::signing_key(Algorithm::RsaSha256);
        let refused = Sent::post(scheme, &RSA).verify(&other);
        assert_eq!(refused.unwrap_err(), SignatureError::Mismatch);
    }
}

#[test]
fn a_digest_is_made_once_for_many_inboxes() {
    let digest = BodyDigest::of(BODY);
    let inbox = origin().join("/inbox").unwrap();
    for scheme in [Scheme::Cavage, Scheme::Rfc9421] {
        let by_digest = RequestToSign::new(&Method::POST, &inbox, NOW)
            .digest(digest)
            .sign(scheme, &ED25519)
            .unwrap();
        let by_body =
            sign_request(scheme, &ED25519, &Method::POST, &inbox, Some(BODY), NOW).unwrap();
        assert_eq!(by_digest, by_body);
    }
}

#[test]
fn nonce_and_tag_are_signed_and_demanded() {
    let url = origin().join("/inbox").unwrap();
    let mut sent = Sent::post(Scheme::Rfc9421, &RSA);
    sent.headers = RequestToSign::new(&Method::POST, &url, NOW)
        .digest(BodyDigest::of(BODY))
        .nonce("n\"o\\nce")
        .tag("for-this")
        .sign(Scheme::Rfc9421, &RSA)
        .unwrap();
    let verified = sent.verify(&RSA).unwrap();
    assert_eq!(verified.nonce(), Some("n\"o\\nce"));
    assert_eq!(verified.tag(), Some("for-this"));

    let mut policy = VerificationPolicy::default();
    for (required, passes) in [("for-this", true), ("for-that", false)] {
        policy.required_tag = Some(required.to_owned());
        assert_eq!(inspect(&sent.request(), &policy, NOW).is_ok(), passes);
    }
    let untagged = Sent::post(Scheme::Cavage, &RSA);
    assert_eq!(
        inspect(&untagged.request(), &policy, NOW).unwrap_err(),
        SignatureError::WrongTag
    );
    sent.replace("signature-input", "for-this", "for-thus");
    assert_eq!(sent.verify(&RSA).unwrap_err(), SignatureError::Mismatch);
}

#[test]
fn refuses_to_sign_what_headers_cannot_carry() {
    let url = origin().join("/inbox").unwrap();
    let request = RequestToSign::new(&Method::POST, &url, NOW);
    for nonce in ["a\nb", "a\tb", "é"] {
        assert_eq!(
            request
                .nonce(nonce)
                .sign(Scheme::Rfc9421, &RSA)
                .unwrap_err(),
            SignError::HeaderValue {
                header: "signature-input"
            }
        );
    }
    let hostless = Url::parse("data:x").unwrap();
    assert_eq!(
        RequestToSign::new(&Method::GET, &hostless, NOW)
            .sign(Scheme::Cavage, &RSA)
            .unwrap_err(),
        SignError::NoHost
    );
}

#[test]
fn a_report_agrees_with_the_verifier() {
    let policy = VerificationPolicy::default();
    let find = |url: &Url| {
        assert_eq!(url.as_str(), KEY_ID);
        Some(RSA.key().public_key())
    };
    for scheme in [Scheme::Cavage, Scheme::Rfc9421] {
        let good = Sent::post(scheme, &RSA);
        assert_eq!(
            claimed_key_id(&good.request(), &policy).unwrap().as_str(),
            KEY_ID
        );
        let report = explain(&good.request(), &policy, NOW, find);
        assert_eq!(report.len(), 8);
        assert!(report.iter().all(|check| check.verdict == Verdict::Passed));

        let mut bad = good.clone();
        bad.body.push(b' ');
        bad.set("host", "other.example");
        let late = NOW.plus(std::time::Duration::from_hours(24));
        let report = explain(&bad.request(), &policy, late, find);
        let failed: Vec<&str> = report
            .iter()
            .filter(|check| check.verdict == Verdict::Failed)
            .map(|check| check.name)
            .collect();
        match scheme {
            Scheme::Cavage => assert_eq!(failed, ["time", "host", "digest", "verification"]),
            Scheme::Rfc9421 => assert_eq!(failed, ["time", "host", "digest"]),
        }

        let unsigned = Sent::with_headers(&[("host", "here.example")]);
        let report = explain(&unsigned.request(), &policy, NOW, find);
        assert_eq!(report.len(), 8);
        assert_eq!(report[0].verdict, Verdict::Failed);
        assert!(
            report[1..]
                .iter()
                .all(|check| check.verdict == Verdict::Skipped)
        );
    }
}
