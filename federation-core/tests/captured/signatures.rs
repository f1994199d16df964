//! Each recorded signature verifies, and no damaged copy of its request does.

use std::collections::BTreeMap;

use federation_core::signature::{
    BodyDigest, Coverage, Scheme, SignatureError, VerificationPolicy, inspect,
};
use http::Method;
use url::Url;

use crate::recording::{Captured, Keys, keys, requests, that_day};

/// The one recorded request whose signature is not valid: its sender signed the fragment of the
/// URL as part of `@target-uri`.
const SIGNED_FRAGMENT: &str = "#main-key";

/// Signed requests whose signature is valid and whose key is at hand.
fn valid() -> Vec<Captured> {
    let keys = keys();
    requests()
        .into_iter()
        .map(|(.., captured)| captured)
        .filter(|captured| captured.is_signed() && captured.verify(&keys).is_ok())
        .collect()
}

#[test]
fn every_signature_verifies_but_the_one_that_signs_a_fragment() {
    let keys = keys();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut mismatches = Vec::new();
    for (server, folder, captured) in requests() {
        let outcome = if !captured.is_signed() {
            assert_eq!(captured.method, Method::GET, "{}", captured.file);
            assert_eq!(captured.verify(&keys).unwrap_err(), SignatureError::Missing);
            "unsigned".to_owned()
        } else if !captured.key_is_recorded() {
            // Everything but the signature itself is checked.
            assert_eq!(
                captured.verify(&keys).unwrap_err(),
                SignatureError::Missing,
                "{}",
                captured.file
            );
            "key not recorded".to_owned()
        } else {
            match captured.verify(&keys) {
                Ok(verified) => {
                    assert!(verified.query_covered());
                    verified.scheme().to_string()
                }
                Err(fault) => {
                    assert_eq!(fault, SignatureError::Mismatch, "{}", captured.file);
                    mismatches.push(captured);
                    "mismatch".to_owned()
                }
            }
        };
        *counts
            .entry(format!("{server} {folder}: {outcome}"))
            .or_default() += 1;
        *counts.entry(format!("all: {outcome}")).or_default() += 1;
    }
    for (what, count) in &counts {
        println!("{count:4} {what}");
    }
    // One request, recorded by its sender and by its receiver.
    let [exception, same] = mismatches.as_slice() else {
        panic!("{mismatches:#?}");
    };
    assert_eq!(exception.header("signature"), same.header("signature"));
    let input = exception.header("signature-input").unwrap();
    assert!(same.file.contains("fedify/sent") && exception.file.contains("bovine/served"));
    assert_eq!(exception.method, Method::GET);
    assert!(input.contains("\"@target-uri\""));
    assert_signs_the_fragment(exception, &keys);

    let all = |outcome: &str| counts.get(&format!("all: {outcome}")).copied();
    assert_eq!(all("mismatch"), Some(2));
    assert_eq!(all("key not recorded"), Some(10));
}

/// With the fragment in its target, the exception verifies: that is all that is wrong with it.
fn assert_signs_the_fragment(exception: &Captured, keys: &Keys) {
    let request = exception.request();
    let claim = inspect(&request, &VerificationPolicy::default(), that_day()).unwrap();
    let text = std::str::from_utf8(claim.signed_text()).unwrap();
    let target = format!("{}{}", request.origin(), request.path_and_query());
    let line = format!("\"@target-uri\": {target}\n");
    let with_fragment = format!("\"@target-uri\": {target}{SIGNED_FRAGMENT}\n");
    assert!(text.contains(&line));
    let text = text.replace(&line, &with_fragment);
    let encoded = exception.header("signature").unwrap();
    let encoded = encoded.strip_prefix("sig1=:").unwrap();
    let signature = base64_decode(encoded.strip_suffix(':').unwrap());
    assert!(
        keys.0[claim.key_id().as_str()]
            .iter()
            .any(|key| key.verify(text.as_bytes(), &signature).is_ok())
    );
}

fn base64_decode(text: &str) -> Vec<u8> {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD
        .decode(text)
        .unwrap()
}

/// Each byte of the text exchanged for another of the same kind, one at a time.
fn one_byte_changes(text: &str) -> impl Iterator<Item = String> + '_ {
    (0..text.len()).filter_map(|index| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[index] = match bytes[index] {
            b'a'..=b'y' | b'A'..=b'Y' | b'0'..=b'8' => bytes[index] + 1,
            b'z' | b'Z' => bytes[index] - 1,
            b'9' => b'8',
            _ => return None,
        };
        Some(String::from_utf8(bytes).unwrap())
    })
}

/// How many of the valid requests have the part, and how many damaged copies were refused.
#[derive(Default)]
struct Tally {
    requests: usize,
    copies: usize,
}

impl Tally {
    fn report(&self, part: &str) {
        println!(
            "{part}: {} requests, {} damaged copies refused",
            self.requests, self.copies
        );
        assert!(self.requests > 0 && self.copies >= self.requests);
    }
}

#[test]
fn a_changed_body_is_refused() {
    let keys = keys();
    let mut tally = Tally::default();
    for captured in valid().iter().filter(|captured| !captured.body.is_empty()) {
        tally.requests += 1;
        let step = captured.body.len().div_ceil(16);
        for index in (0..captured.body.len()).step_by(step) {
            let mut changed = captured.clone();
            changed.body[index] ^= 1;
            let refused = changed.verify(&keys).unwrap_err();
            assert!(
                matches!(refused, SignatureError::DigestMismatch { .. }),
                "{}: {refused:?}",
                captured.file
            );
            tally.copies += 1;
        }
        let mut cut = captured.clone();
        cut.body.pop();
        assert!(matches!(
            cut.verify(&keys).unwrap_err(),
            SignatureError::DigestMismatch { .. }
        ));
    }
    tally.report("body");
}

#[test]
fn a_changed_path_or_method_is_refused() {
    let keys = keys();
    let mut tally = Tally::default();
    for captured in valid() {
        tally.requests += 1;
        for path_and_query in one_byte_changes(&captured.path_and_query) {
            let mut changed = captured.clone();
            changed.path_and_query = path_and_query;
            assert_eq!(
                changed.verify(&keys).unwrap_err(),
                SignatureError::Mismatch,
                "{}",
                captured.file
            );
            tally.copies += 1;
        }
        let mut changed = captured.clone();
        changed.method = Method::DELETE;
        assert_eq!(changed.verify(&keys).unwrap_err(), SignatureError::Mismatch);
    }
    tally.report("path");
}

#[test]
fn a_changed_host_is_refused() {
    let keys = keys();
    let mut tally = Tally::default();
    for captured in valid() {
        tally.requests += 1;
        for host in one_byte_changes(captured.header("host").unwrap()) {
            // The header says another host than this server is.
            assert_eq!(
                captured
                    .with_header("host", &host)
                    .verify(&keys)
                    .unwrap_err(),
                SignatureError::WrongHost {
                    received: host.clone(),
                    own: captured.header("host").unwrap().to_owned(),
                }
            );
            // The whole request is replayed to another server, its header put right for it.
            let mut replayed = captured.with_header("host", &host);
            replayed.origin = Url::parse(&format!("https://{host}")).unwrap();
            assert_eq!(
                replayed.verify(&keys).unwrap_err(),
                SignatureError::Mismatch
            );
            tally.copies += 2;
        }
    }
    tally.report("host");
}

#[test]
fn a_changed_time_is_refused() {
    let keys = keys();
    let mut tally = Tally::default();
    for captured in valid() {
        tally.requests += 1;
        for date in one_byte_changes(captured.header("date").unwrap()) {
            let refused = captured
                .with_header("date", &date)
                .verify(&keys)
                .unwrap_err();
            assert!(
                matches!(
                    refused,
                    SignatureError::Mismatch
                        | SignatureError::UnreadableDate
                        | SignatureError::TooOld { .. }
                        | SignatureError::FromFuture { .. }
                ),
                "{}: {refused:?}",
                captured.file
            );
            tally.copies += 1;
        }
        let Some(input) = captured.header("signature-input") else {
            continue;
        };
        let (before, created) = input.split_once("created=").unwrap();
        for created in one_byte_changes(created.get(..10).unwrap()) {
            let input = format!("{before}created={created}");
            let refused = captured
                .with_header("signature-input", &input)
                .verify(&keys);
            assert!(
                matches!(
                    refused.unwrap_err(),
                    SignatureError::Mismatch
                        | SignatureError::TooOld { .. }
                        | SignatureError::FromFuture { .. }
                ),
                "{}",
                captured.file
            );
            tally.copies += 1;
        }
    }
    tally.report("time");
}

#[test]
fn a_changed_digest_is_refused() {
    let keys = keys();
    let mut tally = Tally::default();
    for captured in valid() {
        for name in ["digest", "content-digest"] {
            let Some(digest) = captured.header(name) else {
                continue;
            };
            tally.requests += 1;
            for digest in one_byte_changes(digest) {
                let refused = captured
                    .with_header(name, &digest)
                    .verify(&keys)
                    .unwrap_err();
                assert!(
                    matches!(
                        refused,
                        SignatureError::DigestMismatch { .. }
                            | SignatureError::DigestMalformed { .. }
                            | SignatureError::DigestUnsupported { .. }
                    ),
                    "{}: {refused:?}",
                    captured.file
                );
                tally.copies += 1;
            }
            // A digest that fits another body, put right for it: only the signature can tell.
            let body = BodyDigest::of(b"{}");
            let mut swapped = captured.with_header(
                name,
                &if name == "digest" {
                    body.to_digest_header()
                } else {
                    body.to_content_digest_header()
                },
            );
            swapped.body = b"{}".to_vec();
            assert_eq!(swapped.verify(&keys).unwrap_err(), SignatureError::Mismatch);
        }
    }
    tally.report("digest");
}

#[test]
fn an_uncovered_part_is_named() {
    let keys = keys();
    let mut cavage = 0;
    for captured in valid() {
        let signature = captured.header("signature").unwrap();
        if captured.headers.contains_key("signature-input") {
            continue;
        }
        cavage += 1;
        for (name, part) in [
            ("(request-target) ", Coverage::Method),
            (" host", Coverage::Host),
            (" date", Coverage::Time),
            (" digest", Coverage::Digest),
        ] {
            if !signature.contains(name) {
                assert_eq!(captured.method, Method::GET);
                continue;
            }
            let signature = signature.replace(name, "");
            assert_eq!(
                captured
                    .with_header("signature", &signature)
                    .verify(&keys)
                    .unwrap_err(),
                SignatureError::NotCovered { part },
                "{}",
                captured.file
            );
        }
    }
    assert!(cavage > 0);
}

#[test]
fn both_schemes_are_among_them() {
    let keys = keys();
    for scheme in [Scheme::Cavage, Scheme::Rfc9421] {
        assert!(
            valid()
                .iter()
                .any(|captured| captured.verify(&keys).unwrap().scheme() == scheme)
        );
    }
}
