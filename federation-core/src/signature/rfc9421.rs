//! Reading RFC 9421 signatures and building what they sign.

use std::borrow::Cow;

use sfv::{BareItem, Dictionary, FieldType, ListEntry, Parameters, Parser};

use crate::clock::Timestamp;
use crate::inbox::InboundRequest;
use crate::signature::base::{MAX_COMPONENTS, push_header};
use crate::signature::error::excerpt;
use crate::signature::inspect::{Form, Reading};
use crate::signature::{Algorithm, Scheme, SignatureError, VerificationPolicy, parse_key_id};

const INPUT: &str = "signature-input";
const SIGNATURE: &str = "signature";

/// Reads `Signature-Input` and `Signature` (RFC 9421 s4.1, s4.2), which must carry one signature.
///
/// # Errors
/// Several signatures or labels that differ; a component with parameters, listed twice, or of a
/// kind that requests to a server cannot have; a parameter of another type than RFC 9421 s2.3
/// gives it; no `keyid`.
pub(super) fn read<'a>(
    input: &str,
    signature: &str,
    policy: &VerificationPolicy,
) -> Result<Reading<'a>, SignatureError> {
    let inputs: Dictionary = parse(input, INPUT)?;
    let signatures: Dictionary = parse(signature, SIGNATURE)?;
    if inputs.len() != 1 || signatures.len() != 1 {
        return Err(SignatureError::NotOneSignature);
    }
    let (label, entry) = inputs.first().ok_or(SignatureError::NotOneSignature)?;
    let ListEntry::InnerList(list) = entry else {
        return Err(malformed(INPUT, "the member is not a list of components"));
    };
    let Some(ListEntry::Item(item)) = signatures.get(label) else {
        return Err(SignatureError::NotOneSignature);
    };
    let BareItem::ByteSequence(signature) = &item.bare_item else {
        return Err(malformed(SIGNATURE, "the signature is not a byte sequence"));
    };
    let names = components(&list.items)?;
    let key_id =
        text(&list.params, "keyid")?.ok_or(SignatureError::ParameterMissing { name: "keyid" })?;
    let algorithm = match text(&list.params, "alg")? {
        Some(label) => Algorithm::from_label(Scheme::Rfc9421, label)?,
        None => None,
    };
    let reading = Reading {
        scheme: Scheme::Rfc9421,
        key_id: parse_key_id(key_id, policy.allow_http)?,
        algorithm,
        signature: signature.clone(),
        created: seconds(&list.params, "created")?,
        expires: seconds(&list.params, "expires")?,
        nonce: text(&list.params, "nonce")?.map(str::to_owned),
        tag: text(&list.params, "tag")?.map(str::to_owned),
        names,
        form: Form::Rfc9421 {
            params: serialize(&inputs)?,
        },
    };
    Ok(reading)
}

pub(super) fn parse(text: &str, header: &'static str) -> Result<Dictionary, SignatureError> {
    Parser::new(text)
        .parse()
        .map_err(|_fault| malformed(header, "it is not a dictionary"))
}

/// The components and parameters in the one form that is signed (RFC 9421 s2.3).
pub(super) fn serialize(inputs: &Dictionary) -> Result<String, SignatureError> {
    let fault = malformed(INPUT, "it has no members");
    let mut text = inputs.serialize().ok_or(fault.clone())?;
    let start = text.find('=').ok_or(fault)?;
    text.drain(..=start);
    Ok(text)
}

pub(super) fn components<'a>(items: &[sfv::Item]) -> Result<Vec<Cow<'a, str>>, SignatureError> {
    if items.len() > MAX_COMPONENTS {
        return Err(SignatureError::TooManyComponents {
            limit: MAX_COMPONENTS,
        });
    }
    let mut names: Vec<Cow<'a, str>> = Vec::with_capacity(items.len());
    for item in items {
        let BareItem::String(name) = &item.bare_item else {
            return Err(malformed(INPUT, "a component is not a string"));
        };
        let name = name.as_str();
        if !item.params.is_empty() || !supported(name) {
            return Err(unsupported(name));
        }
        if names.iter().any(|earlier| earlier == name) {
            return Err(SignatureError::DuplicateComponent {
                name: excerpt(name, 64),
            });
        }
        names.push(Cow::Owned(name.to_owned()));
    }
    Ok(names)
}

/// Derived components of a request (RFC 9421 s2.2) and names of fields, which are lower case.
fn supported(name: &str) -> bool {
    if name.starts_with('@') {
        return matches!(
            name,
            "@method"
                | "@target-uri"
                | "@authority"
                | "@scheme"
                | "@request-target"
                | "@path"
                | "@query"
        );
    }
    !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase())
}

fn text<'p>(
    parameters: &'p Parameters,
    name: &'static str,
) -> Result<Option<&'p str>, SignatureError> {
    match parameters.get(name) {
        None => Ok(None),
        Some(BareItem::String(value)) => Ok(Some(value.as_str())),
        Some(_) => Err(malformed(INPUT, "a parameter is of the wrong type")),
    }
}

fn seconds(
    parameters: &Parameters,
    name: &'static str,
) -> Result<Option<Timestamp>, SignatureError> {
    match parameters.get(name) {
        None => Ok(None),
        Some(BareItem::Integer(value)) => Ok(Some(Timestamp::from_millis(
            i64::from(*value).saturating_mul(1000),
        ))),
        Some(_) => Err(malformed(INPUT, "a parameter is of the wrong type")),
    }
}

/// Builds the signature base (RFC 9421 s2.5).
///
/// # Errors
/// A covered field is missing, or a component is not one a request has.
pub(super) fn base(
    names: &[Cow<'_, str>],
    params: &str,
    request: &InboundRequest,
) -> Result<Vec<u8>, SignatureError> {
    let mut base = Vec::with_capacity(768);
    for name in names {
        base.push(b'"');
        base.extend_from_slice(name.as_bytes());
        base.extend_from_slice(b"\": ");
        push_component(&mut base, name, request)?;
        base.push(b'\n');
    }
    base.extend_from_slice(b"\"@signature-params\": ");
    base.extend_from_slice(params.as_bytes());
    Ok(base)
}

fn push_component(
    base: &mut Vec<u8>,
    name: &str,
    request: &InboundRequest,
) -> Result<(), SignatureError> {
    match name {
        "@method" => base.extend_from_slice(request.method().as_str().as_bytes()),
        "@target-uri" => {
            base.extend_from_slice(request.origin().as_bytes());
            base.extend_from_slice(request.path_and_query().as_bytes());
        }
        "@authority" => base.extend_from_slice(request.authority().as_bytes()),
        "@scheme" => base.extend_from_slice(request.target().scheme().as_bytes()),
        "@request-target" => base.extend_from_slice(request.path_and_query().as_bytes()),
        "@path" => base.extend_from_slice(request.path().as_bytes()),
        "@query" => {
            base.push(b'?');
            base.extend_from_slice(request.query().unwrap_or_default().as_bytes());
        }
        derived if derived.starts_with('@') => return Err(unsupported(derived)),
        field => push_header(base, request.headers(), field)?,
    }
    Ok(())
}

const fn malformed(header: &'static str, reason: &'static str) -> SignatureError {
    SignatureError::Malformed { header, reason }
}

fn unsupported(name: &str) -> SignatureError {
    SignatureError::UnsupportedComponent {
        name: excerpt(name, 64),
    }
}
