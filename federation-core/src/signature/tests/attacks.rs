//! Forged, stripped and replayed signatures; numbers are those of the attack checklist.

use std::time::Duration;

use http::Method;

use super::forged::{DIGEST, METHOD, SCHEMES, TARGET, cavage, created, rfc9421};
use super::{BODY, KEY_ID, NOW, RSA, Sent, origin};
use crate::signature::{BodyDigest, Coverage, Scheme, SignatureError, VerificationPolicy, inspect};

fn not_covered(part: Coverage) -> SignatureError {
    SignatureError::NotCovered { part }
}

#[test]
fn attack_01_no_signature() {
    for headers in [
        vec![("host", "here.example")],
        vec![
            ("host", "here.example"),
            ("authorization", "Signature keyId=\"x\""),
        ],
        vec![("host", "here.example"), ("signature-input", "sig1=()")],
    ] {
        let sent = Sent::with_headers(&headers);
        assert_eq!(sent.verify(&RSA).unwrap_err(), SignatureError::Missing);
    }
}

#[test]
fn attack_06_body_altered_after_signing() {
    for (scheme, header) in [
        (Scheme::Cavage, "digest"),
        (Scheme::Rfc9421, "content-digest"),
    ] {
        let mut sent = Sent::post(scheme, &RSA);
        sent.body[3] ^= 0x20;
        assert_eq!(
            sent.verify(&RSA).unwrap_err(),
            SignatureError::DigestMismatch { header }
        );
        sent.headers.remove(header);
        assert_eq!(
            sent.verify(&RSA).unwrap_err(),
            SignatureError::HeaderMissing {
                name: header.to_owned()
            }
        );
    }
}

#[test]
fn attack_06_an_unsigned_digest_beside_the_signed_one_says_nothing() {
    let mut sent = Sent::post(Scheme::Rfc9421, &RSA);
    sent.body = b"{}".to_vec();
    sent.set("digest", &BodyDigest::of(b"{}").to_digest_header());
    assert_eq!(
        sent.verify(&RSA).unwrap_err(),
        SignatureError::DigestMismatch {
            header: "content-digest"
        }
    );
}

#[test]
fn attack_07_digest_not_covered() {
    let sent = cavage("(request-target) host date", "");
    assert_eq!(
        sent.verify(&RSA).unwrap_err(),
        not_covered(Coverage::Digest)
    );
    let sent = rfc9421(&[METHOD, TARGET], &created());
    assert_eq!(
        sent.verify(&RSA).unwrap_err(),
        not_covered(Coverage::Digest)
    );
    // A body on a method that has none needs a signed digest just as well.
    for scheme in SCHEMES {
        let mut sent = Sent::signed(scheme, &RSA, &Method::GET, "/inbox", None);
        sent.body = BODY.to_vec();
        assert_eq!(
            sent.verify(&RSA).unwrap_err(),
            not_covered(Coverage::Digest)
        );
    }
}

#[test]
fn attack_08_too_little_is_covered() {
    for (covered, part) in [
        ("date", Coverage::Method),
        ("digest", Coverage::Method),
        ("host date digest", Coverage::Method),
        ("(request-target) date digest", Coverage::Host),
        ("(request-target) host digest", Coverage::Time),
        ("(request-target) host date", Coverage::Digest),
    ] {
        assert_eq!(
            cavage(covered, "").verify(&RSA).unwrap_err(),
            not_covered(part),
            "{covered}"
        );
    }
    cavage("(request-target) host date digest", "")
        .verify(&RSA)
        .unwrap();

    let path = ("\"@path\"", "/inbox");
    let authority = ("\"@authority\"", "here.example");
    let whole = created();
    let timeless = format!(";keyid=\"{KEY_ID}\"");
    for (components, parameters, part) in [
        (vec![TARGET, DIGEST], &whole, Coverage::Method),
        (vec![METHOD, authority, DIGEST], &whole, Coverage::Target),
        (vec![METHOD, path, DIGEST], &whole, Coverage::Host),
        (vec![METHOD, TARGET, DIGEST], &timeless, Coverage::Time),
        (vec![METHOD, TARGET], &whole, Coverage::Digest),
    ] {
        assert_eq!(
            rfc9421(&components, parameters).verify(&RSA).unwrap_err(),
            not_covered(part)
        );
    }
    rfc9421(&[METHOD, TARGET, DIGEST], &whole)
        .verify(&RSA)
        .unwrap();
    rfc9421(&[METHOD, path, authority, DIGEST], &whole)
        .verify(&RSA)
        .unwrap();
}

#[test]
fn attack_08_a_query_must_be_covered_under_rfc_9421() {
    let path = ("\"@path\"", "/inbox");
    let authority = ("\"@authority\"", "here.example");
    let mut sent = rfc9421(&[METHOD, path, authority, DIGEST], &created());
    sent.path_and_query = "/inbox?added".to_owned();
    assert_eq!(
        sent.verify(&RSA).unwrap_err(),
        not_covered(Coverage::Target)
    );
    let query = ("\"@query\"", "?added");
    let mut sent = rfc9421(&[METHOD, path, query, authority, DIGEST], &created());
    sent.path_and_query = "/inbox?added".to_owned();
    sent.verify(&RSA).unwrap();
}

#[test]
fn attack_09_replayed_to_another_path_or_host() {
    for scheme in SCHEMES {
        let mut sent = Sent::post(scheme, &RSA);
        sent.path_and_query = "/users/alice/inbox".to_owned();
        assert_eq!(sent.verify(&RSA).unwrap_err(), SignatureError::Mismatch);

        let elsewhere = origin().join("https://other.example/inbox").unwrap();
        let mut sent = Sent::post(scheme, &RSA);
        sent.headers = crate::signature::sign_request(
            scheme,
            &RSA,
            &Method::POST,
            &elsewhere,
            Some(BODY),
            NOW,
        )
        .unwrap();
        assert_eq!(
            sent.verify(&RSA).unwrap_err(),
            SignatureError::WrongHost {
                received: "other.example".to_owned(),
                own: "here.example".to_owned(),
            }
        );
        sent.set("host", "here.example");
        assert_eq!(sent.verify(&RSA).unwrap_err(), SignatureError::Mismatch);
    }
}

#[test]
fn a_host_is_the_same_with_its_default_port_and_in_any_case() {
    let mut sent = Sent::post(Scheme::Rfc9421, &RSA);
    for host in ["here.example:443", "Here.Example"] {
        sent.set("host", host).verify(&RSA).unwrap();
    }
    for host in ["here.example:80", "here.example.", "here.example:", ""] {
        assert!(matches!(
            sent.set("host", host).verify(&RSA).unwrap_err(),
            SignatureError::WrongHost { .. }
        ));
    }
}

#[test]
fn attack_10_stale_future_and_expired() {
    let window = Duration::from_mins(65);
    let second = Duration::from_secs(1);
    for scheme in SCHEMES {
        let sent = Sent::post(scheme, &RSA);
        sent.verify_at(&RSA, NOW.plus(window)).unwrap();
        sent.verify_at(&RSA, NOW.minus(window)).unwrap();
        assert_eq!(
            sent.verify_at(&RSA, NOW.plus(window).plus(second))
                .unwrap_err(),
            SignatureError::TooOld { signed_at: NOW }
        );
        assert_eq!(
            sent.verify_at(&RSA, NOW.minus(window).minus(second))
                .unwrap_err(),
            SignatureError::FromFuture { signed_at: NOW }
        );
    }
    let with_expiry = cavage(
        "(request-target) host digest (created) (expires)",
        &format!(
            "algorithm=\"hs2019\",created={},expires={},",
            NOW.as_seconds(),
            NOW.as_seconds() + 10
        ),
    );
    with_expiry.verify(&RSA).unwrap();
    let late = NOW.plus(Duration::from_mins(6));
    assert!(matches!(
        with_expiry.verify_at(&RSA, late).unwrap_err(),
        SignatureError::Expired { .. }
    ));
    let expired = format!("{};expires={}", created(), NOW.as_seconds() - 3600);
    assert!(matches!(
        rfc9421(&[METHOD, TARGET, DIGEST], &expired)
            .verify(&RSA)
            .unwrap_err(),
        SignatureError::Expired { .. }
    ));
}

#[test]
fn attack_10_an_unsigned_date_is_no_time() {
    let mut sent = cavage("(request-target) host digest", "");
    assert_eq!(sent.verify(&RSA).unwrap_err(), not_covered(Coverage::Time));
    // A `created` that stands there but is not signed counts as little.
    let seconds = NOW.as_seconds();
    sent.replace(
        "signature",
        "headers=",
        &format!("created={seconds},headers="),
    );
    assert_eq!(sent.verify(&RSA).unwrap_err(), not_covered(Coverage::Time));
    // A fresh date beside a stale signed `created` does not help either.
    let stale = format!(";created={};keyid=\"{KEY_ID}\"", seconds - 86_400);
    let mut sent = rfc9421(&[METHOD, TARGET, DIGEST], &stale);
    sent.set("date", &NOW.to_http_date());
    assert!(matches!(
        sent.verify(&RSA).unwrap_err(),
        SignatureError::TooOld { .. }
    ));
    let mut sent = Sent::post(Scheme::Cavage, &RSA);
    assert_eq!(
        sent.set("date", "yesterday").verify(&RSA).unwrap_err(),
        SignatureError::UnreadableDate
    );
    sent.headers.remove("date");
    assert_eq!(
        sent.verify(&RSA).unwrap_err(),
        SignatureError::HeaderMissing {
            name: "date".to_owned()
        }
    );
}

#[test]
fn attack_18_targets_are_compared_as_they_were_sent() {
    for scheme in SCHEMES {
        for (signed, received) in [
            ("/a%2Fb", "/a/b"),
            ("/a%2Fb", "/a%2fb"),
            ("/a/b", "/a//b"),
            ("/a", "/a?"),
            ("/a?", "/a"),
            ("/a", "/a/"),
        ] {
            let mut sent = Sent::signed(scheme, &RSA, &Method::POST, signed, Some(BODY));
            sent.verify(&RSA).unwrap();
            sent.path_and_query = received.to_owned();
            let outcome = sent.verify(&RSA);
            if (scheme, signed, received) == (Scheme::Cavage, "/a", "/a?") {
                // The form without its query, here an empty one.
                assert!(!outcome.unwrap().query_covered());
            } else {
                assert_eq!(
                    outcome.unwrap_err(),
                    SignatureError::Mismatch,
                    "{signed} {received}"
                );
            }
        }
    }
}

#[test]
fn a_target_without_its_query_passes_only_where_allowed() {
    let mut sent = Sent::signed(Scheme::Cavage, &RSA, &Method::GET, "/outbox", None);
    sent.path_and_query = "/outbox?page=1".to_owned();
    assert!(!sent.verify(&RSA).unwrap().query_covered());
    let policy = VerificationPolicy {
        accept_queryless_target: false,
        ..VerificationPolicy::default()
    };
    let claim = inspect(&sent.request(), &policy, NOW).unwrap();
    assert_eq!(
        claim.verify(&RSA.key().public_key()).unwrap_err(),
        SignatureError::Mismatch
    );
}
