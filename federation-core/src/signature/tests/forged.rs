//! Requests with chosen components, signed correctly: what a careless or hostile sender makes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{BODY, KEY_ID, NOW, RSA, Sent};
use crate::signature::{BodyDigest, Scheme};

pub(super) const SCHEMES: [Scheme; 2] = [Scheme::Cavage, Scheme::Rfc9421];

/// A draft-cavage POST over chosen components, signed correctly by the RSA key.
pub(super) fn cavage(covered: &str, parameters: &str) -> Sent {
    let digest = BodyDigest::of(BODY).to_digest_header();
    let date = NOW.to_http_date();
    let seconds = NOW.as_seconds();
    let lines: Vec<String> = covered
        .to_ascii_lowercase()
        .split(' ')
        .map(|name| match name {
            "(request-target)" => "(request-target): post /inbox".to_owned(),
            "(created)" => format!("(created): {seconds}"),
            "(expires)" => format!("(expires): {}", seconds + 10),
            "host" => "host: here.example".to_owned(),
            "date" => format!("date: {date}"),
            "digest" => format!("digest: {digest}"),
            other => format!("{other}: "),
        })
        .collect();
    let signature = STANDARD.encode(RSA.key().sign(lines.join("\n").as_bytes()).unwrap());
    Sent::with_headers(&[
        ("host", "here.example"),
        ("date", &date),
        ("digest", &digest),
        (
            "signature",
            &format!(
                "keyId=\"{KEY_ID}\",headers=\"{covered}\",{parameters}signature=\"{signature}\""
            ),
        ),
    ])
}

/// An RFC 9421 POST with the given components and parameters, signed correctly by the RSA key.
pub(super) fn rfc9421(components: &[(&str, &str)], parameters: &str) -> Sent {
    let digest = BodyDigest::of(BODY).to_content_digest_header();
    let mut base = String::new();
    let mut names = Vec::new();
    for (name, value) in components {
        let value = if *value == "DIGEST" {
            digest.as_str()
        } else {
            value
        };
        base.extend([*name, ": ", value, "\n"]);
        names.push(*name);
    }
    let params = format!("({}){parameters}", names.join(" "));
    base.extend(["\"@signature-params\": ", &params]);
    let signature = STANDARD.encode(RSA.key().sign(base.as_bytes()).unwrap());
    Sent::with_headers(&[
        ("host", "here.example"),
        ("content-digest", &digest),
        ("signature-input", &format!("sig1={params}")),
        ("signature", &format!("sig1=:{signature}:")),
    ])
}

pub(super) const METHOD: (&str, &str) = ("\"@method\"", "POST");

pub(super) const TARGET: (&str, &str) = ("\"@target-uri\"", "https://here.example/inbox");

pub(super) const DIGEST: (&str, &str) = ("\"content-digest\"", "DIGEST");

pub(super) fn created() -> String {
    format!(";created={};keyid=\"{KEY_ID}\"", NOW.as_seconds())
}
