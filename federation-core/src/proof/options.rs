//! A proof as it stands in a document, read into what its properties say.

use serde_json::{Map, Value};
use url::Url;

use super::canonical::entries;
use super::error::ProofError;
use super::policy::ProofPolicy;
use super::{CRYPTOSUITE, PROPERTY, PURPOSE, TYPE};
use crate::clock::Timestamp;
use crate::signature::multibase;
use crate::vocab::parse_id;

/// Longest multibase text of 64 bytes, with room to spare.
const MAX_VALUE_CHARACTERS: usize = 128;
/// Properties that tie a proof to something outside the document.
const DEPENDENCIES: [&str; 3] = ["previousProof", "domain", "challenge"];

/// A proof's properties, understood.
pub(super) struct Options {
    /// Everything of the proof but its value: what is hashed.
    pub(super) map: Map<String, Value>,
    pub(super) verification_method: Url,
    pub(super) created: Option<Timestamp>,
    pub(super) expires: Option<Timestamp>,
    pub(super) signature: [u8; 64],
}

impl Options {
    /// Reads the one proof of a document.
    pub(super) fn read(
        document: &Map<String, Value>,
        policy: &ProofPolicy,
    ) -> Result<Self, ProofError> {
        let proof = single(document)?;
        supported(proof, "type", TYPE)?;
        supported(proof, "cryptosuite", CRYPTOSUITE)?;
        for property in DEPENDENCIES {
            if proof.contains_key(property) {
                return Err(ProofError::Dependent { property });
            }
        }
        if text(proof, "proofPurpose")? != PURPOSE {
            return Err(ProofError::WrongPurpose);
        }
        let method = text(proof, "verificationMethod")?;
        let verification_method = parse_id(method)
            .filter(|url| policy.allow_http || url.scheme() == "https")
            .ok_or_else(|| ProofError::UnresolvableMethod {
                found: method.chars().take(255).collect(),
            })?;
        let value = text(proof, "proofValue")?;
        let mut map = proof.clone();
        map.remove("proofValue");
        Ok(Self {
            verification_method,
            created: time(proof, "created")?,
            expires: time(proof, "expires")?,
            signature: signature(value)?,
            map,
        })
    }
}

/// The proof of a document that has precisely one, by itself or as a list of one.
fn single(document: &Map<String, Value>) -> Result<&Map<String, Value>, ProofError> {
    match document.get(PROPERTY).map(entries) {
        None | Some([] | [Value::Null]) => Err(ProofError::Missing),
        Some([Value::Object(proof)]) => Ok(proof),
        Some([_]) => Err(ProofError::malformed("proof", "an object")),
        Some(several) => Err(ProofError::NotOne {
            found: several.len(),
        }),
    }
}

fn text<'a>(proof: &'a Map<String, Value>, property: &'static str) -> Result<&'a str, ProofError> {
    let value = proof.get(property).and_then(Value::as_str);
    value.ok_or(ProofError::malformed(property, "a text"))
}

fn supported(
    proof: &Map<String, Value>,
    property: &'static str,
    known: &str,
) -> Result<(), ProofError> {
    let found = text(proof, property)?;
    if found == known {
        return Ok(());
    }
    Err(ProofError::Unsupported {
        property,
        found: found.chars().take(64).collect(),
    })
}

fn time(
    proof: &Map<String, Value>,
    property: &'static str,
) -> Result<Option<Timestamp>, ProofError> {
    if !proof.contains_key(property) {
        return Ok(None);
    }
    let moment = Timestamp::parse_rfc3339(text(proof, property)?);
    let unreadable = ProofError::malformed(property, "a date and time with its offset");
    moment.map(Some).ok_or(unreadable)
}

fn signature(value: &str) -> Result<[u8; 64], ProofError> {
    let malformed = ProofError::malformed("proofValue", "64 bytes in multibase base58btc");
    if value.len() > MAX_VALUE_CHARACTERS {
        return Err(malformed);
    }
    let bytes = multibase::decode(value).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or(malformed)
}
