//! Attacks on what a proof proves; the numbers are those of the list of attacks.

use super::*;

#[test]
fn attack_03_a_proof_by_a_key_of_another_server_proves_nothing() {
    let mut document = like();
    let id = Url::parse("https://attacker.example/users/alice#ed25519-key").unwrap();
    sign(&mut document, &SigningKey::new(id, published_key()), now()).unwrap();
    assert!(matches!(
        check(&document),
        Err(ProofError::ForeignMethod { .. })
    ));
    // Another scheme or port is another server, too.
    for method in [
        "http://server.example/users/alice#ed25519-key",
        "https://server.example:8443/users/alice#ed25519-key",
    ] {
        let refused = with_proof("verificationMethod", Some(json!(method))).unwrap_err();
        assert!(
            matches!(
                refused,
                ProofError::ForeignMethod { .. } | ProofError::UnresolvableMethod { .. }
            ),
            "{refused}"
        );
    }
}

#[test]
fn attack_02_a_proof_says_whose_document_it_proves() {
    // Mallory lives at alice's server: the proof is good, and it is mallory's.
    let mut document = like();
    let id = Url::parse("https://server.example/users/mallory#ed25519-key").unwrap();
    sign(&mut document, &SigningKey::new(id, published_key()), now()).unwrap();
    let verified = check(&document).unwrap();
    assert_eq!(
        verified.owner().as_str(),
        "https://server.example/users/alice"
    );
    assert_eq!(
        verified.verification_method().as_str(),
        "https://server.example/users/mallory#ed25519-key"
    );
    // With a second owner, or none, it is nobody's.
    for actor in [
        json!(null),
        json!([]),
        json!(["https://a.example/", "https://b.example/"]),
    ] {
        let mut document = proven();
        document.insert("actor".to_owned(), actor);
        assert_eq!(check(&document), Err(ProofError::OwnerUnclear));
    }
}

#[test]
fn attack_06_a_changed_document_is_not_the_proven_one() {
    let document = proven();
    assert!(check(&document).is_ok());
    for (property, value) in [
        ("object", json!("https://here.example/notes/2")),
        ("type", json!("Undo")),
        ("id", json!("https://server.example/likes/2")),
        ("to", json!([])),
        ("", json!(null)),
    ] {
        let mut changed = document.clone();
        changed.insert(property.to_owned(), value);
        assert_eq!(check(&changed), Err(ProofError::Mismatch), "{property}");
    }
    for property in ["object", "type", "id"] {
        let mut changed = document.clone();
        changed.remove(property);
        assert_eq!(check(&changed), Err(ProofError::Mismatch), "{property}");
    }
    // A number that is written differently is the same; one beyond 2^53 would not be.
    let mut numbers = like();
    numbers.insert("n".to_owned(), json!(9_007_199_254_740_992_u64));
    sign(&mut numbers, &alices_key(), now()).unwrap();
    numbers.insert("n".to_owned(), json!(9_007_199_254_740_992_f64));
    assert!(check(&numbers).is_ok());
    for inexact in [
        json!(9_007_199_254_740_993_u64),
        json!(-9_007_199_254_740_993_i64),
    ] {
        numbers.insert("n".to_owned(), json!([{ "deep": inexact }]));
        assert_eq!(check(&numbers), Err(ProofError::InexactNumber));
    }
}

#[test]
fn attack_06_the_proof_covers_its_own_properties() {
    for (property, value) in [
        ("created", json!("2023-02-24T23:36:39Z")),
        ("expires", json!("2033-02-24T23:36:38Z")),
        (
            "verificationMethod",
            json!("https://server.example/users/bob#ed25519-key"),
        ),
        ("nonce", json!("n")),
    ] {
        assert_eq!(
            with_proof(property, Some(value)),
            Err(ProofError::Mismatch),
            "{property}"
        );
    }
    assert_eq!(with_proof("@context", None), Err(ProofError::Mismatch));
}

#[test]
fn attack_10_old_expired_and_future_proofs_are_refused() {
    let at = |moment: &str, policy: &ProofPolicy| {
        let document = proven();
        let moment = Timestamp::parse_rfc3339(moment).unwrap();
        inspect(&document, policy, moment).map(|claim| claim.created())
    };
    let default = ProofPolicy::default();
    assert!(at("2023-03-03T23:36:38Z", &default).is_ok());
    let refused = at("2023-03-03T23:36:39Z", &default).unwrap_err();
    assert_eq!(refused, ProofError::TooOld { created: now() });
    assert!(refused.is_inconclusive());
    assert!(at("2033-01-01T00:00:00Z", &ProofPolicy::any_age()).is_ok());
    let refused = at("2023-02-24T22:31:37Z", &ProofPolicy::any_age()).unwrap_err();
    assert_eq!(refused, ProofError::FromFuture { created: now() });
    assert!(!refused.is_inconclusive());

    let gone = with_proof("created", None).unwrap_err();
    assert_eq!(gone, ProofError::malformed("created", "there"));
    let expired = with_proof("expires", Some(json!("2023-02-24T23:31:37Z"))).unwrap_err();
    assert!(matches!(expired, ProofError::Expired { .. }));
    assert!(expired.is_inconclusive());
    // A second later it is within the leeway, and only the signature is wrong.
    let within = with_proof("expires", Some(json!("2023-02-24T23:31:38Z"))).unwrap_err();
    assert_eq!(within, ProofError::Mismatch);
}

#[test]
fn attack_14_the_algorithm_is_the_keys() {
    let claim = inspect(&proven(), &ProofPolicy::default(), now()).unwrap();
    let rsa = PrivateKey::generate(Algorithm::RsaSha256).unwrap();
    assert_eq!(claim.verify(&rsa.public_key()), Err(ProofError::WrongKey));
    let refused = sign(
        &mut like(),
        &SigningKey::new(alices_key().key_id().clone(), rsa),
        now(),
    );
    assert_eq!(refused, Err(ProofError::WrongKey));
    for suite in ["eddsa-rdfc-2022", "jcs-eddsa-2022", "ecdsa-jcs-2019", ""] {
        let refused = with_proof("cryptosuite", Some(json!(suite))).unwrap_err();
        assert!(matches!(refused, ProofError::Unsupported { .. }), "{suite}");
        assert!(refused.is_inconclusive());
    }
}

#[test]
fn attack_16_contexts_behind_the_proofs_own_do_no_harm_and_none_stand_before() {
    let with_context = |context: Value| {
        let mut document = proven();
        document.insert("@context".to_owned(), context);
        check(&document)
    };
    let (first, second) = ("https://www.w3.org/ns/activitystreams", CONTEXT);
    assert!(with_context(json!([first, second, {"x": "y:"}])).is_ok());
    for other in [
        json!([second, first]),
        json!([{"x": "y:"}, first, second]),
        json!([first]),
        json!(first),
        json!(null),
    ] {
        assert_eq!(with_context(other), Err(ProofError::ContextMismatch));
    }
    let mut document = proven();
    document.remove("@context");
    assert_eq!(check(&document), Err(ProofError::ContextMismatch));
}

#[test]
fn attack_17_a_proof_for_another_use_or_with_rivals_is_not_accepted() {
    let refused = with_proof("proofPurpose", Some(json!("authentication"))).unwrap_err();
    assert_eq!(refused, ProofError::WrongPurpose);
    assert!(!refused.is_inconclusive());
    for property in ["previousProof", "domain", "challenge"] {
        let refused = with_proof(property, Some(json!("x"))).unwrap_err();
        assert_eq!(refused, ProofError::Dependent { property });
    }
    let mut document = proven();
    let proof = document[PROPERTY].clone();
    document.insert(PROPERTY.to_owned(), json!([proof]));
    assert!(check(&document).is_ok());
    document.insert(PROPERTY.to_owned(), json!([proof, proof]));
    assert_eq!(check(&document), Err(ProofError::NotOne { found: 2 }));
    for nothing in [json!([]), json!(null), json!([null])] {
        document.insert(PROPERTY.to_owned(), nothing);
        assert_eq!(check(&document), Err(ProofError::Missing));
    }
}

#[test]
fn attack_15_only_a_good_signature_verifies() {
    let other = PrivateKey::generate(Algorithm::Ed25519).unwrap();
    let claim = inspect(&proven(), &ProofPolicy::default(), now()).unwrap();
    assert_eq!(claim.verify(&other.public_key()), Err(ProofError::Mismatch));
    let value = proven()[PROPERTY]["proofValue"]
        .as_str()
        .unwrap()
        .to_owned();
    for forged in [
        String::new(),
        "z".to_owned(),
        value.replacen('z', "m", 1),
        multibase::encode(&[0; 63]),
        multibase::encode(&[0; 65]),
        "z1".repeat(5000),
    ] {
        let refused = with_proof("proofValue", Some(json!(forged))).unwrap_err();
        assert!(matches!(refused, ProofError::Malformed { .. }), "{forged}");
    }
    let zeros = with_proof("proofValue", Some(json!(multibase::encode(&[0; 64]))));
    assert_eq!(zeros, Err(ProofError::Mismatch));
    assert!(!ProofError::Mismatch.is_inconclusive());
}
