//! Round trips over all kinds of documents, and texts that are no proofs.

use proptest::prelude::*;

use super::*;
use crate::vocab;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53)..=(1 << 53)).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[^\0]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        let text = "[^\0]{0,8}";
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(text, inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_proven_verifies_after_a_journey(content in any_json(), with_context: bool) {
        let mut document = like();
        document.insert("content".to_owned(), content);
        if !with_context {
            document.remove("@context");
        }
        sign(&mut document, &alices_key(), now()).unwrap();
        let bytes = serde_json::to_vec(&document).unwrap();
        let read = vocab::parse(&bytes).unwrap();
        prop_assert!(check(&read).is_ok());
    }

    #[test]
    fn no_proof_makes_the_reader_panic(proof in any_json(), property in "[a-zA-Z]{0,20}") {
        let mut document = proven();
        document[PROPERTY].as_object_mut().unwrap().insert(property, proof.clone());
        let _ = check(&document);
        document.insert(PROPERTY.to_owned(), proof);
        prop_assert!(check(&document).is_err());
    }
}

#[test]
fn a_linked_data_signature_is_stripped_before_verifying() {
    let mut document = proven();
    document.insert("signature".to_owned(), json!({"type": "RsaSignature2017"}));
    assert!(check(&document).is_ok());
    let mut signed = like();
    signed.insert("signature".to_owned(), json!({}));
    let before = signed.clone();
    let refused = sign(&mut signed, &alices_key(), now());
    let property = "signature";
    assert_eq!(refused, Err(ProofError::AlreadyPresent { property }));
    assert_eq!(signed, before);
    let refused = sign(&mut proven(), &alices_key(), now());
    let property = "proof";
    assert_eq!(refused, Err(ProofError::AlreadyPresent { property }));
}

#[test]
fn a_proof_inside_an_embedded_object_is_part_of_the_document() {
    let mut note = like();
    note.insert("type".to_owned(), json!("Note"));
    note.remove("actor");
    note.insert(
        "attributedTo".to_owned(),
        json!([{"id": "https://server.example/users/alice"}]),
    );
    sign(&mut note, &alices_key(), now()).unwrap();
    assert!(check(&note).is_ok());
    let mut create = like();
    create.insert("object".to_owned(), Value::Object(note));
    sign(&mut create, &alices_key(), now()).unwrap();
    assert!(check(&create).is_ok());
    create["object"].as_object_mut().unwrap().remove(PROPERTY);
    assert_eq!(check(&create), Err(ProofError::Mismatch));
}

#[test]
fn the_context_of_proofs_is_added_once() {
    let activity_streams = "https://www.w3.org/ns/activitystreams";
    for context in [json!(activity_streams), json!([activity_streams])] {
        let mut document = like();
        document.insert("@context".to_owned(), context);
        sign(&mut document, &alices_key(), now()).unwrap();
        assert_eq!(document["@context"], json!([activity_streams, CONTEXT]));
        assert_eq!(document["proof"]["@context"], document["@context"]);
        assert!(check(&document).is_ok());
    }
}

#[test]
fn an_actor_proves_its_own_document() {
    let person = json!({
        "id": "https://server.example/users/alice",
        "type": "Person",
        "inbox": "https://server.example/users/alice/inbox",
    });
    let mut person = person.as_object().unwrap().clone();
    sign(&mut person, &alices_key(), now()).unwrap();
    let verified = check(&person).unwrap();
    assert_eq!(
        verified.owner().as_str(),
        "https://server.example/users/alice"
    );
    person.remove("inbox");
    assert_eq!(check(&person), Err(ProofError::OwnerUnclear));
}
