//! Adding a proof to a document.

use serde_json::{Map, Value, json};

use super::canonical::{entries, signed_bytes};
use super::error::ProofError;
use super::{CONTEXT, CRYPTOSUITE, LINKED_DATA_SIGNATURE, PROPERTY, PURPOSE, TYPE};
use crate::clock::Timestamp;
use crate::signature::{Algorithm, SigningKey, multibase};

/// Adds a proof to a document, made now (FEP-8b32, "Proof generation").
///
/// The document gets the context of proofs when it has any context and lacks that one. The bytes
/// that are sent may write the document in any way: what is signed is its canonical form.
///
/// # Errors
/// [`ProofError::WrongKey`] unless the key is Ed25519; [`ProofError::AlreadyPresent`] when the
/// document is proven or signed already; [`ProofError::InexactNumber`] for a number that has no
/// canonical form. The document is then as it was.
///
/// # Security
/// Whoever has the document can prove it to others from then on. Documents that are not public
/// should go without.
pub fn sign(
    document: &mut Map<String, Value>,
    key: &SigningKey,
    now: Timestamp,
) -> Result<(), ProofError> {
    if key.key().algorithm() != Algorithm::Ed25519 {
        return Err(ProofError::WrongKey);
    }
    for property in [PROPERTY, LINKED_DATA_SIGNATURE] {
        if document.contains_key(property) {
            return Err(ProofError::AlreadyPresent { property });
        }
    }
    let mut proof = Map::from_iter([
        ("type".to_owned(), json!(TYPE)),
        ("cryptosuite".to_owned(), json!(CRYPTOSUITE)),
        (
            "verificationMethod".to_owned(),
            json!(key.key_id().as_str()),
        ),
        ("proofPurpose".to_owned(), json!(PURPOSE)),
        ("created".to_owned(), json!(whole_seconds(now))),
    ]);
    let context = document.get("@context").map(with_proofs);
    if let Some(context) = &context {
        proof.insert("@context".to_owned(), context.clone());
    }
    let signature = key.key().sign(&signed_bytes(document, &proof)?)?;
    proof.insert(
        "proofValue".to_owned(),
        multibase::encode(&signature).into(),
    );
    if let Some(context) = context {
        document.insert("@context".to_owned(), context);
    }
    document.insert(PROPERTY.to_owned(), Value::Object(proof));
    Ok(())
}

/// The context with that of proofs in it.
fn with_proofs(context: &Value) -> Value {
    let known = entries(context);
    if known.iter().any(|entry| entry == CONTEXT) {
        return context.clone();
    }
    known.iter().cloned().chain([json!(CONTEXT)]).collect()
}

/// RFC 3339 text without a fraction, as all implementations write it.
fn whole_seconds(moment: Timestamp) -> String {
    let millis = moment.as_seconds().saturating_mul(1000);
    let text = Timestamp::from_millis(millis).to_rfc3339();
    text.replacen(".000Z", "Z", 1)
}
