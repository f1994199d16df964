//! The vectors of FEP-8b32, FEP-521a, W3C `eddsa-jcs-2022` and RFC 8785.

use super::*;
use crate::proof::canonical::signed_bytes;
use crate::signature::PublicKey;
use crate::vocab::{self, Actor};

fn fixture(name: &str) -> Map<String, Value> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/proofs");
    vocab::parse(&std::fs::read(format!("{folder}/{name}.json")).unwrap()).unwrap()
}

fn hex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

#[test]
fn fep_8b32_signing_a_document() {
    let expected = fixture("fep-8b32");
    let mut document = expected.clone();
    document.remove(PROPERTY);
    sign(&mut document, &alices_key(), now()).unwrap();
    assert_eq!(document, expected);
}

#[test]
fn fep_8b32_verifying_a_signature() {
    let actor = json!({
        "type": "Person",
        "id": "https://server.example/users/alice",
        "inbox": "https://server.example/users/alice/inbox",
        "outbox": "https://server.example/users/alice/outbox",
        "assertionMethod": [{
            "id": "https://server.example/users/alice#ed25519-key",
            "type": "Multikey",
            "controller": "https://server.example/users/alice",
            "publicKeyMultibase": "z6MkrJVnaZkeFzdQyMZu1cgjg7k1pZZ6pvBQ7XJPt4swbTQ2"
        }]
    });
    let actor = Actor::from_value(actor).unwrap();
    let claim = inspect(&fixture("fep-8b32"), &ProofPolicy::default(), now()).unwrap();
    assert_eq!(*claim.owner(), actor.id);
    let listed = actor.key(claim.verification_method()).unwrap();
    let key = PublicKey::from_multibase(listed.material.as_str()).unwrap();
    let verified = claim.verify(&key).unwrap();
    assert_eq!(verified.created(), Some(now()));
}

#[test]
fn fep_521a_representing_keys() {
    let keys = fixture("fep-521a");
    for (kind, case) in &keys {
        let bytes = hex(case["hex"].as_str().unwrap());
        let key = match kind.as_str() {
            "ed25519" => PublicKey::from_ed25519(&bytes),
            _ => PublicKey::from_pkcs1_der(&bytes),
        }
        .unwrap();
        let text = case["multikey"]["publicKeyMultibase"].as_str().unwrap();
        assert_eq!(key.to_multibase().unwrap(), text);
        assert_eq!(PublicKey::from_multibase(text).unwrap(), key);
        let actor = json!({
            "type": "Person",
            "id": "https://server.example/users/alice",
            "inbox": "https://server.example/users/alice/inbox",
            "assertionMethod": [case["multikey"]],
        });
        let actor = Actor::from_value(actor).unwrap();
        assert_eq!(actor.public_keys.len(), 1);
        assert_eq!(actor.to_value()["assertionMethod"][0], case["multikey"]);
    }
}

#[test]
fn w3c_eddsa_jcs_2022() {
    let vectors = fixture("vc-di-eddsa");
    let document = vectors["document"].as_object().unwrap();
    let key = PublicKey::from_multibase(vectors["publicKeyMultibase"].as_str().unwrap()).unwrap();
    assert_eq!(key, published_key().public_key());
    for case in vectors["cases"].as_array().unwrap() {
        let options = json!({
            "type": "DataIntegrityProof",
            "cryptosuite": "eddsa-jcs-2022",
            "created": "2023-02-24T23:36:38Z",
            "verificationMethod": case["verificationMethod"],
            "proofPurpose": "assertionMethod",
            "@context": document["@context"],
        });
        let signed = signed_bytes(document, options.as_object().unwrap()).unwrap();
        if let Some(expected) = case["combinedHash"].as_str() {
            assert_eq!(signed.as_slice(), hex(expected));
        }
        let expected = case["proofValue"].as_str().unwrap();
        assert_eq!(
            multibase::encode(&published_key().sign(&signed).unwrap()),
            expected
        );
        let signature = multibase::decode(expected).unwrap();
        key.verify(&signed, &signature).unwrap();
    }
}

/// The document in its canonical form, through the hash that proofs sign.
fn hashed(document: &Value) -> [u8; 32] {
    let signed = signed_bytes(document.as_object().unwrap(), &Map::new()).unwrap();
    signed[32..].try_into().unwrap()
}

#[test]
fn rfc_8785_numbers() {
    for (bits, text) in &fixture("rfc8785-numbers") {
        let number = f64::from_bits(u64::from_str_radix(bits, 16).unwrap());
        let expected = format!("{{\"n\":{}}}", text.as_str().unwrap());
        assert_eq!(
            hashed(&json!({ "n": number })),
            openssl::sha::sha256(expected.as_bytes()),
            "{bits}"
        );
        // Read from the wire, it is the same number.
        let read = vocab::parse(expected.as_bytes()).unwrap();
        assert_eq!(
            hashed(&Value::Object(read)),
            hashed(&json!({ "n": number }))
        );
    }
}

#[test]
fn rfc_8785_order_and_escapes() {
    let read = vocab::parse(
        br#"{"\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew",
             "1": 1e0, "\ud83d\ude00": [56.0, {"d": true, "10": null, "1": [ ]}],
             "\u0080": "\u000f\u000aA'\u0042\u0022\u005c\\\"\/", "\u00f6": 4.50}"#,
    );
    let expected = concat!(
        "{\"\\r\":\"Carriage Return\",\"1\":1,\"\u{80}\":\"\\u000f\\nA'B\\\"\\\\\\\\\\\"/\",",
        "\"\u{f6}\":4.5,\"\u{20ac}\":\"Euro Sign\",",
        "\"\u{1f600}\":[56,{\"1\":[],\"10\":null,\"d\":true}],\"\u{fb33}\":\"Hebrew\"}"
    );
    assert_eq!(
        hashed(&Value::Object(read.unwrap())),
        openssl::sha::sha256(expected.as_bytes())
    );
}
