//! Published vectors: RFC 9421 sections 2.5 and 4.3 and appendix B.2, draft-cavage-12 appendix C.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Verifier;
use url::Url;

use crate::inbox::InboundRequest;
use crate::signature::{
    Algorithm, BodyDigest, KeyError, PrivateKey, PublicKey, Scheme, SignatureError, cavage, rfc9421,
};

const BODY: &[u8] = br#"{"hello": "world"}"#;

fn request(origin: &str, path_and_query: &str, headers: &[(&'static str, &str)]) -> InboundRequest {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    InboundRequest::new(
        Method::POST,
        &Url::parse(origin).unwrap(),
        path_and_query,
        map,
        Bytes::from_static(BODY),
    )
    .unwrap()
}

fn rfc9421_base(input: &str, request: &InboundRequest) -> Vec<u8> {
    let inputs = rfc9421::parse(input, "signature-input").unwrap();
    let Some((_, sfv::ListEntry::InnerList(list))) = inputs.first() else {
        panic!("{input}");
    };
    let names = rfc9421::components(&list.items).unwrap();
    let params = rfc9421::serialize(&inputs).unwrap();
    rfc9421::base(&names, &params, request).unwrap()
}

const CONTENT_DIGEST: &str = "sha-512=:WZDPaVn/7XgHaAy8pmojAkGWoRx2UFChF41A2svX+TaPm+AbwAgBWnrIiYllu7BNNyealdVLvRwEmTHWXvJwew==:";

#[test]
fn rfc_9421_b_2_6_ed25519() {
    // Appendix B.1.4, test-key-ed25519.
    let secret = URL_SAFE_NO_PAD
        .decode("n4Ni-HpISpVObnQMW0wOhCKROaIKqKtW_2ZYb2p9KcU")
        .unwrap();
    let public = URL_SAFE_NO_PAD
        .decode("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs")
        .unwrap();
    let key = PrivateKey::from_der(Algorithm::Ed25519, &secret).unwrap();
    assert_eq!(key.public_key(), PublicKey::from_ed25519(&public).unwrap());

    let request = request(
        "https://example.com",
        "/foo?param=Value&Pet=dog",
        &[
            ("host", "example.com"),
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("content-type", "application/json"),
            ("content-digest", CONTENT_DIGEST),
            ("content-length", "18"),
        ],
    );
    let base = rfc9421_base(
        r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#,
        &request,
    );
    let expected = r#""date": Tue, 20 Apr 2021 02:07:55 GMT
"@method": POST
"@path": /foo
"@authority": example.com
"content-type": application/json
"content-length": 18
"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#;
    assert_eq!(std::str::from_utf8(&base).unwrap(), expected);
    assert_eq!(
        STANDARD.encode(key.sign(&base).unwrap()),
        "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="
    );
}

/// The request of appendix B.2.
fn test_request() -> InboundRequest {
    request(
        "https://example.com",
        "/foo?param=Value&Pet=dog",
        &[
            ("host", "example.com"),
            ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
            ("content-type", "application/json"),
            ("content-digest", CONTENT_DIGEST),
            ("content-length", "18"),
        ],
    )
}

#[test]
fn rfc_9421_bases_of_b_2_and_2_5() {
    let digest = format!("\"content-digest\": {CONTENT_DIGEST}");
    for (input, lines) in [
        (
            r#"sig-b21=();created=1618884473;keyid="test-key-rsa-pss";nonce="b3k2pp5k7z-50gnwp.yemd""#,
            vec![],
        ),
        (
            r#"sig-b23=("date" "@method" "@path" "@query" "@authority" "content-type" "content-digest" "content-length");created=1618884473;keyid="test-key-rsa-pss""#,
            vec![
                r#""date": Tue, 20 Apr 2021 02:07:55 GMT"#,
                r#""@method": POST"#,
                r#""@path": /foo"#,
                r#""@query": ?param=Value&Pet=dog"#,
                r#""@authority": example.com"#,
                r#""content-type": application/json"#,
                &digest,
                r#""content-length": 18"#,
            ],
        ),
        (
            r#"sig1=("@method" "@authority" "@path" "content-digest" "content-length" "content-type");created=1618884473;keyid="test-key-rsa-pss""#,
            vec![
                r#""@method": POST"#,
                r#""@authority": example.com"#,
                r#""@path": /foo"#,
                &digest,
                r#""content-length": 18"#,
                r#""content-type": application/json"#,
            ],
        ),
    ] {
        let base = rfc9421_base(input, &test_request());
        let (_, params) = input.split_once('=').unwrap();
        let last = format!("\"@signature-params\": {params}");
        let expected = [lines, vec![last.as_str()]].concat().join("\n");
        assert_eq!(std::str::from_utf8(&base).unwrap(), expected);
    }
    // B.2.2 covers one parameter of the query, which no server of the fediverse does.
    let input = r#"sig-b22=("@authority" "content-digest" "@query-param";name="Pet");created=1618884473;keyid="test-key-rsa-pss";tag="header-example""#;
    let inputs = rfc9421::parse(input, "signature-input").unwrap();
    let Some((_, sfv::ListEntry::InnerList(list))) = inputs.first() else {
        panic!("{input}");
    };
    assert_eq!(
        rfc9421::components(&list.items).unwrap_err(),
        SignatureError::UnsupportedComponent {
            name: "@query-param".to_owned()
        }
    );
}

#[test]
fn rfc_9421_b_2_5_hmac() {
    // No shared secret is ever accepted here; the published value shows that the base is right.
    let secret = STANDARD
        .decode("uzvJfB4u3N0Jy4T7NZ75MDVcr8zSTInedJtkgcu46YW4XByzNJjxBdtjUkdJPBtbmHhIDi6pcl8jsasjlTMtDQ==")
        .unwrap();
    let base = rfc9421_base(
        r#"sig-b25=("date" "@authority" "content-type");created=1618884473;keyid="test-shared-secret""#,
        &test_request(),
    );
    let key = PKey::hmac(&secret).unwrap();
    let mut signer = openssl::sign::Signer::new(MessageDigest::sha256(), &key).unwrap();
    assert_eq!(
        STANDARD.encode(signer.sign_oneshot_to_vec(&base).unwrap()),
        "pxcQw6G3AjtMBQjwo8XzkZf/bws5LelbaMk5rGIGtE8="
    );
    let label = Algorithm::from_label(Scheme::Rfc9421, "hmac-sha256").unwrap_err();
    assert!(matches!(label, SignatureError::UnsupportedAlgorithm { .. }));
}

#[test]
fn rfc_9421_4_3_rsa_v1_5() {
    // Appendix B.1.1, test-key-rsa.
    let key = PublicKey::from_pem(
        "-----BEGIN RSA PUBLIC KEY-----
MIIBCgKCAQEAhAKYdtoeoy8zcAcR874L8cnZxKzAGwd7v36APp7Pv6Q2jdsPBRrw
WEBnez6d0UDKDwGbc6nxfEXAy5mbhgajzrw3MOEt8uA5txSKobBpKDeBLOsdJKFq
MGmXCQvEG7YemcxDTRPxAleIAgYYRjTSd/QBwVW9OwNFhekro3RtlinV0a75jfZg
kne/YiktSvLG34lw2zqXBDTC5NHROUqGTlML4PlNZS5Ri2U4aCNx2rUPRcKIlE0P
uKxI4T+HIaFpv8+rdV6eUgOrB2xeI1dSFFn/nnv5OoZJEIB+VmuKn3DCUcCZSFlQ
PSXSfBDiUGhwOw76WuSSsf1D4b/vLoJ10wIDAQAB
-----END RSA PUBLIC KEY-----",
    )
    .unwrap();
    let request = request(
        "https://origin.host.internal.example",
        "/foo?param=Value&Pet=dog",
        &[
            ("host", "origin.host.internal.example"),
            ("date", "Tue, 20 Apr 2021 02:07:56 GMT"),
            ("content-type", "application/json"),
            ("content-length", "18"),
            ("forwarded", "for=192.0.2.123;host=example.com;proto=https"),
            ("content-digest", CONTENT_DIGEST),
        ],
    );
    let base = rfc9421_base(
        r#"proxy_sig=("@method" "@authority" "@path" "content-digest" "content-type" "content-length" "forwarded");created=1618884480;keyid="test-key-rsa";alg="rsa-v1_5-sha256";expires=1618884540"#,
        &request,
    );
    let signature = STANDARD
        .decode(concat!(
            "S6ZzPXSdAMOPjN/6KXfXWNO/f7V6cHm7BXYUh3YD/fRad4BCaRZxP+JH+8XY1I6+8Cy+CM5g92iHgxtRPz+Mjn",
            "iOaYmdkDcnL9cCpXJleXsOckpURl49GwiyUpZ10KHgOEe11sx3G2gxI8S0jnxQB+Pu68U9vVcasqOWAEObtNKK",
            "Zd8tSFu7LB5YAv0RAGhB8tmpv7sFnIm9y+7X5kXQfi8NMaZaA8i2ZHwpBdg7a6CMfwnnrtflzvZdXAsD3LH2Tw",
            "evU+/PBPv0B6NMNk93wUs/vfJvye+YuI87HU38lZHowtznbLVdp770I6VHR6WfgS9ddzirrswsE1w5o0LV/g==",
        ))
        .unwrap();
    assert_eq!(key.verify(&base, &signature), Ok(()));
}

#[test]
fn draft_cavage_12_appendix_c() {
    // A key of 1024 bits, so it is read past the rules that would refuse it.
    let key = PKey::public_key_from_pem(
        b"-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDCFENGw33yGihy92pDjZQhl0C3
6rPJj+CvfSC8+q28hxA161QFNUd13wuCTUcq0Qd2qsBe/2hFyc2DCJJg0h1L78+6
Z4UMR7EOcpfdUE9Hf3m/hs+FUR45uBJeDK1HSFHD8bHKD6kv8FPGfJTotc+2xjJw
oYi+1hqp1fIekaxsyQIDAQAB
-----END PUBLIC KEY-----",
    )
    .unwrap();
    let pem = String::from_utf8(key.public_key_to_pem().unwrap()).unwrap();
    assert_eq!(
        PublicKey::from_pem(&pem).unwrap_err(),
        KeyError::RsaModulus { bits: 1024 }
    );
    let digest = BodyDigest::of(BODY).to_digest_header();
    let request = request(
        "https://example.com",
        "/foo?param=value&pet=dog",
        &[
            ("host", "example.com"),
            ("date", "Sun, 05 Jan 2014 21:31:40 GMT"),
            ("content-type", "application/json"),
            ("digest", &digest),
            ("content-length", "18"),
        ],
    );
    for (headers, signature) in [
        (
            "date",
            "SjWJWbWN7i0wzBvtPl8rbASWz5xQW6mcJmn+ibttBqtifLN7Sazz6m79cNfwwb8DMJ5cou1s7uEGKKCs+FLEEaDV5lp7q25WqS+lavg7T8hc0GppauB6hbgEKTwblDHYGEtbGmtdHgVCk9SuS13F0hZ8FD0k/5OxEPXe5WozsbM=",
        ),
        (
            "(request-target) host date",
            "qdx+H7PHHDZgy4y/Ahn9Tny9V3GP6YgBPyUXMmoxWtLbHpUnXS2mg2+SbrQDMCJypxBLSPQR2aAjn7ndmw2iicw3HMbe8VfEdKFYRqzic+efkb3nndiv/x1xSHDJWeSWkx3ButlYSuBskLu6kd9Fswtemr3lgdDEmn04swr2Os0=",
        ),
        (
            "(request-target) host date content-type digest content-length",
            "vSdrb+dS3EceC9bcwHSo4MlyKS59iFIrhgYkz8+oVLEEzmYZZvRs8rgOp+63LEM3v+MFHB32NfpB2bEKBIvB1q52LaEUHFv120V01IL+TAD48XaERZFukWgHoBTLMhYS2Gb51gWxpeIq8knRmPnYePbF5MOkR0Zkly4zKH7s1dE=",
        ),
    ] {
        let names = cavage::components(Cow::Borrowed(headers)).unwrap();
        let base = cavage::base(&names, None, None, &request, request.path_and_query()).unwrap();
        let mut verifier = Verifier::new(MessageDigest::sha256(), &key).unwrap();
        let signature = STANDARD.decode(signature).unwrap();
        assert!(
            verifier.verify_oneshot(&signature, &base).unwrap(),
            "{headers}"
        );
    }
}
