//! What exactly a proof signs: two SHA-256 hashes of canonical JSON (JCS, RFC 8785).

use openssl::sha::sha256;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};
use serde_json::{Map, Value};

use super::error::ProofError;
use super::{LINKED_DATA_SIGNATURE, PROPERTY};

const CONTEXT_KEY: &str = "@context";
/// Whole numbers up to here are doubles (2^53).
const LARGEST_EXACT: u64 = 1 << 53;

/// The 64 bytes under the signature: the hash of the proof's options, then that of the document
/// (W3C Data Integrity `EdDSA` Cryptosuites s3.3.4).
///
/// The document is taken without its proof and its linked-data signature. Its context is that of
/// the proof when the proof has one: receivers add contexts behind it (s3.3.2, step 4).
pub(super) fn signed_bytes(
    document: &Map<String, Value>,
    options: &Map<String, Value>,
) -> Result<[u8; 64], ProofError> {
    exact_numbers(document.values())?;
    exact_numbers(options.values())?;
    let unsecured = Unsecured {
        document,
        context: options.get(CONTEXT_KEY),
    };
    let mut bytes = [0; 64];
    let (options_hash, document_hash) = bytes.split_at_mut(32);
    options_hash.copy_from_slice(&sha256(&canonical(options)?));
    document_hash.copy_from_slice(&sha256(&canonical(&unsecured)?));
    Ok(bytes)
}

fn canonical(value: &impl Serialize) -> Result<Vec<u8>, ProofError> {
    serde_json_canonicalizer::to_vec(value).map_err(|error| ProofError::Canonical {
        reason: error.to_string(),
    })
}

/// A document as it was before anything was added to secure it.
struct Unsecured<'a> {
    document: &'a Map<String, Value>,
    context: Option<&'a Value>,
}

impl Serialize for Unsecured<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (key, value) in self.document {
            if key == PROPERTY || key == LINKED_DATA_SIGNATURE {
                continue;
            }
            let value = match self.context {
                Some(context) if key == CONTEXT_KEY => context,
                _ => value,
            };
            map.serialize_entry(key, value)?;
        }
        map.end()
    }
}

/// Refuses whole numbers that the canonical form would change: another number would be signed
/// than is used.
fn exact_numbers<'a>(values: impl Iterator<Item = &'a Value>) -> Result<(), ProofError> {
    let mut pending: Vec<&Value> = values.collect();
    while let Some(value) = pending.pop() {
        match value {
            Value::Number(number) => {
                let whole = match (number.as_u64(), number.as_i64()) {
                    (Some(whole), _) => Some(whole),
                    (None, Some(negative)) => Some(negative.unsigned_abs()),
                    (None, None) => None,
                };
                if whole.is_some_and(|whole| whole > LARGEST_EXACT) {
                    return Err(ProofError::InexactNumber);
                }
            }
            Value::Array(items) => pending.extend(items),
            Value::Object(map) => pending.extend(map.values()),
            Value::Null | Value::Bool(_) | Value::String(_) => {}
        }
    }
    Ok(())
}

/// Whether the document's context begins with all entries of the proof's, in their order
/// (s3.3.2, step 4.1); a single context counts as a list of one.
pub(super) fn context_agrees(document: &Map<String, Value>, options: &Map<String, Value>) -> bool {
    let Some(proven) = options.get(CONTEXT_KEY) else {
        return true;
    };
    let Some(shown) = document.get(CONTEXT_KEY) else {
        return false;
    };
    entries(shown).starts_with(entries(proven))
}

pub(super) fn entries(value: &Value) -> &[Value] {
    match value {
        Value::Array(list) => list,
        single => std::slice::from_ref(single),
    }
}
