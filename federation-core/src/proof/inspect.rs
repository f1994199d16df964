//! Everything about a proof that can be settled without its key.

use serde_json::{Map, Value};
use url::Url;

use super::canonical::{context_agrees, entries, signed_bytes};
use super::claim::ProofClaim;
use super::error::ProofError;
use super::options::Options;
use super::policy::ProofPolicy;
use crate::clock::Timestamp;
use crate::vocab::{parse_id, same_origin};

/// Reads the proof of a document and settles everything that needs no key, cheapest first: that
/// there is one, its type, suite and purpose, its time, whose the document is and that the key
/// lies on the owner's origin, the contexts; then hashes the document.
///
/// The owner is the one `actor` of an activity, else the one `attributedTo` of an object, else the
/// document itself, when it is an actor (it has an `inbox`), as FEP-fe34 has it.
///
/// # Errors
/// See [`ProofError`]; [`ProofError::is_inconclusive`] tells a proof that says nothing from one
/// that speaks against the document.
///
/// # Security
/// `document` must come from the one strict reader ([`vocab::parse`](crate::vocab::parse)), and be
/// what is used afterwards. Its linked-data `signature` is not covered, nor are entries of
/// `@context` behind those of the proof; both must stay without effect.
pub fn inspect(
    document: &Map<String, Value>,
    policy: &ProofPolicy,
    now: Timestamp,
) -> Result<ProofClaim, ProofError> {
    let options = Options::read(document, policy)?;
    judge_time(&options, policy, now)?;
    let owner = owner(document).ok_or(ProofError::OwnerUnclear)?;
    if !same_origin(&options.verification_method, &owner) {
        return Err(ProofError::ForeignMethod {
            method: options.verification_method.to_string(),
            owner: owner.to_string(),
        });
    }
    if !context_agrees(document, &options.map) {
        return Err(ProofError::ContextMismatch);
    }
    Ok(ProofClaim {
        signed: signed_bytes(document, &options.map)?,
        verification_method: options.verification_method,
        owner,
        created: options.created,
        signature: options.signature,
    })
}

fn judge_time(options: &Options, policy: &ProofPolicy, now: Timestamp) -> Result<(), ProofError> {
    if let Some(expired_at) = options.expires
        && now > expired_at.plus(policy.expiry_leeway)
    {
        return Err(ProofError::Expired { expired_at });
    }
    match (options.created, policy.max_age) {
        (None, Some(_)) => Err(ProofError::malformed("created", "there")),
        (Some(created), _) if created > now.plus(policy.max_future_skew) => {
            Err(ProofError::FromFuture { created })
        }
        (Some(created), Some(max_age)) if created < now.minus(max_age) => {
            Err(ProofError::TooOld { created })
        }
        _ => Ok(()),
    }
}

fn owner(document: &Map<String, Value>) -> Option<Url> {
    for property in ["actor", "attributedTo"] {
        if let Some(value) = document.get(property) {
            return match entries(value) {
                [single] => id_of(single),
                _ => None,
            };
        }
    }
    document.get("inbox")?;
    parse_id(document.get("id")?.as_str()?)
}

fn id_of(value: &Value) -> Option<Url> {
    let id = match value {
        Value::Object(embedded) => embedded.get("id")?,
        other => other,
    };
    parse_id(id.as_str()?)
}
