//! Integrity proofs: none panics, and whatever is proven here verifies after it was written and
//! read again.
#![no_main]

use federation_core::Timestamp;
use federation_core::proof::{ProofError, ProofPolicy, inspect, sign};
use federation_core::signature::{Algorithm, PrivateKey, SigningKey};
use federation_core::vocab;
use libfuzzer_sys::fuzz_target;
use url::Url;

const NOW: Timestamp = Timestamp::from_millis(1_795_190_734_000);

fuzz_target!(|bytes: &[u8]| {
    let Ok(mut document) = vocab::parse(bytes) else {
        return;
    };
    let key = PrivateKey::from_der(Algorithm::Ed25519, &[7; 32]).expect("a constant");
    let key_id = Url::parse("https://there.example/users/bob#k").expect("a constant");
    let key = SigningKey::new(key_id, key);
    if let Ok(claim) = inspect(&document, &ProofPolicy::any_age(), NOW) {
        let _ = claim.verify(&key.key().public_key());
    }
    document.remove("proof");
    document.remove("signature");
    document.insert("actor".to_owned(), "https://there.example/users/bob".into());
    match sign(&mut document, &key, NOW) {
        Ok(()) => {}
        Err(ProofError::InexactNumber) => return,
        Err(error) => panic!("{error}"),
    }
    let written = serde_json::to_vec(&document).expect("it is JSON");
    let read = vocab::parse(&written).expect("it was written here");
    let claim = inspect(&read, &ProofPolicy::default(), NOW).expect("it was proven here");
    assert!(claim.verify(&key.key().public_key()).is_ok());
});
