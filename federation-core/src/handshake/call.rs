//! The signature of a call: what RFC 9421 allows, cut down to what the handshake demands.

use http::HeaderMap;
use http::header::AUTHORIZATION;
use sfv::{BareItem, Dictionary, ListEntry, Parser};

use super::error::incomplete;
use crate::clock::Timestamp;
use crate::handshake::HandshakeError;
use crate::inbox::InboundRequest;
use crate::signature::{Scheme, SignatureClaim, SignatureError, VerificationPolicy, inspect};

/// The `tag` that the signature of a proof has to have (RFC 9421 s2.3).
pub const PROOF_TAG: &str = "folkmoot-node";

/// The components that every call has to cover.
const COMPONENTS: [(&str, &str); 3] = [
    ("@method", "\"@method\""),
    ("@target-uri", "\"@target-uri\""),
    ("content-digest", "\"content-digest\""),
];

/// What the signature of a call claims, before any key is known.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) claim: SignatureClaim,
    pub(super) nonce: Option<String>,
}

/// Makes every check of a call's signature that needs no key.
///
/// # Errors
/// [`HandshakeError::Downgraded`] for the older scheme; [`HandshakeError::Incomplete`] when one of
/// `@method`, `@target-uri`, `content-digest`, `created`, `keyid` and `alg` is missing;
/// [`HandshakeError::Signature`] for what [`inspect()`] refuses.
pub(super) fn read(
    request: &InboundRequest,
    policy: &VerificationPolicy,
    now: Timestamp,
) -> Result<Call, HandshakeError> {
    let headers = request.headers();
    if !headers.contains_key("signature-input") {
        let older = headers.contains_key("signature") || headers.contains_key(AUTHORIZATION);
        return Err(if older {
            HandshakeError::Downgraded
        } else {
            SignatureError::Missing.into()
        });
    }
    let claim = inspect(request, policy, now).map_err(incomplete)?;
    if claim.scheme() != Scheme::Rfc9421 {
        return Err(HandshakeError::Downgraded);
    }
    let nonce = check_parts(headers)?;
    Ok(Call { claim, nonce })
}

/// Everything that must be in the signature is; gives its nonce.
fn check_parts(headers: &HeaderMap) -> Result<Option<String>, HandshakeError> {
    let malformed = |reason| SignatureError::Malformed {
        header: "signature-input",
        reason,
    };
    let input = headers
        .get("signature-input")
        .and_then(|value| value.to_str().ok())
        .ok_or(SignatureError::Missing)?;
    let inputs: Dictionary = Parser::new(input)
        .parse()
        .map_err(|_fault| malformed("it is not a dictionary"))?;
    let Some((_, ListEntry::InnerList(list))) = inputs.first() else {
        return Err(malformed("the member is not a list of components").into());
    };
    for (name, part) in COMPONENTS {
        let mut items = list.items.iter();
        if !items
            .any(|item| matches!(&item.bare_item, BareItem::String(text) if text.as_str() == name))
        {
            return Err(HandshakeError::Incomplete { part });
        }
    }
    if !matches!(list.params.get("created"), Some(BareItem::Integer(_))) {
        return Err(HandshakeError::Incomplete { part: "created" });
    }
    if !matches!(list.params.get("alg"), Some(BareItem::String(_))) {
        return Err(HandshakeError::Incomplete { part: "alg" });
    }
    match list.params.get("nonce") {
        Some(BareItem::String(nonce)) => Ok(Some(nonce.as_str().to_owned())),
        _ => Ok(None),
    }
}
