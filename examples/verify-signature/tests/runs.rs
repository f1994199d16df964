//! Runs the program on requests that are good, altered, and unsigned.
#![cfg(test)]

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use federation_core::Timestamp;
use federation_core::signature::{Algorithm, PrivateKey, Scheme, SigningKey, sign_request};
use http::Method;

const AT: &str = "2026-11-20T16:31:53Z";

/// Runs it with the request on standard input.
fn explain(request: &str, pem: &str) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("key.pem");
    std::fs::write(&key, pem).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_verify-signature"))
        .args(["-", key.to_str().unwrap()])
        .env("AT", AT)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(request.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn tells_which_check_fails() {
    for scheme in [Scheme::Cavage, Scheme::Rfc9421] {
        let key = PrivateKey::generate(Algorithm::RsaSha256).unwrap();
        let pem = key.public_key().to_pem().unwrap();
        let key = SigningKey::new("https://there.example/bob#main-key".parse().unwrap(), key);
        let inbox = "https://here.example/inbox".parse().unwrap();
        let now = Timestamp::parse_rfc3339(AT).unwrap();
        let body = r#"{"type":"Like"}"#;
        let post = &Method::POST;
        let signed = sign_request(scheme, &key, post, &inbox, Some(body.as_bytes()), now);
        let mut request = "POST /inbox HTTP/1.1\r\n".to_owned();
        for (name, value) in &signed.unwrap() {
            write!(request, "{name}: {}\r\n", value.to_str().unwrap()).unwrap();
        }
        write!(request, "\r\n{body}").unwrap();

        let good = explain(&request, &pem);
        assert!(good.status.success(), "{}", text(&good));
        assert!(text(&good).ends_with("ACCEPTED\n"));

        let altered = explain(&request.replace("Like", "Flag"), &pem);
        assert_eq!(altered.status.code(), Some(1));
        assert!(
            text(&altered).contains("failed  digest"),
            "{}",
            text(&altered)
        );

        let elsewhere = explain(&request.replace("POST /inbox", "POST /other"), &pem);
        assert!(
            text(&elsewhere).contains("failed  verification"),
            "{}",
            text(&elsewhere)
        );
    }
    let pem = PrivateKey::generate(Algorithm::Ed25519)
        .unwrap()
        .public_key();
    let unsigned = "POST /inbox HTTP/1.1\nhost: here.example\n\n{}";
    let unsigned = explain(unsigned, &pem.to_pem().unwrap());
    assert!(text(&unsigned).ends_with("REFUSED\n"));
    assert!(!unsigned.status.success());
}
