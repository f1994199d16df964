//! Reading draft-cavage-12 signatures and building what they sign.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::clock::Timestamp;
use crate::inbox::InboundRequest;
use crate::signature::base::{MAX_COMPONENTS, push_header, push_targets};
use crate::signature::error::excerpt;
use crate::signature::inspect::{Form, Reading};
use crate::signature::{Algorithm, Scheme, SignatureError, VerificationPolicy, parse_key_id};

pub(super) const REQUEST_TARGET: &str = "(request-target)";
pub(super) const CREATED: &str = "(created)";
pub(super) const EXPIRES: &str = "(expires)";

/// Longest list of parameters that is read.
const MAX_PARAMETERS: usize = 16;

/// The parameters of the header, as they stand there.
#[derive(Debug, Default)]
struct Parameters<'a> {
    key_id: Option<Cow<'a, str>>,
    algorithm: Option<Cow<'a, str>>,
    headers: Option<Cow<'a, str>>,
    signature: Option<Cow<'a, str>>,
    created: Option<Cow<'a, str>>,
    expires: Option<Cow<'a, str>>,
}

/// Reads the value of a `Signature` header (draft-cavage-12 s4.1).
///
/// # Errors
/// Everything that leaves the meaning open: a repeated parameter or component, an unknown
/// pseudo-component, an empty list.
pub(super) fn read<'a>(
    text: &'a str,
    policy: &VerificationPolicy,
) -> Result<Reading<'a>, SignatureError> {
    let parameters = parse(text)?;
    let key_id = parameters.key_id.ok_or(missing("keyId"))?;
    let signature = parameters.signature.ok_or(missing("signature"))?;
    let algorithm = match &parameters.algorithm {
        Some(label) => Algorithm::from_label(Scheme::Cavage, label)?,
        None => None,
    };
    let names = components(parameters.headers.unwrap_or(Cow::Borrowed(CREATED)))?;
    let covers = |name: &str| names.iter().any(|covered| covered == name);
    if algorithm == Some(Algorithm::RsaSha256) && (covers(CREATED) || covers(EXPIRES)) {
        // Draft-cavage-12 s2.3: the pseudo-components are not for algorithms named `rsa...`.
        return Err(unsupported(CREATED));
    }
    let created = time(parameters.created.as_deref().filter(|_| covers(CREATED)))?;
    let expires = time(parameters.expires.as_deref().filter(|_| covers(EXPIRES)))?;
    Ok(Reading {
        scheme: Scheme::Cavage,
        key_id: parse_key_id(&key_id, policy.allow_http)?,
        algorithm,
        signature: STANDARD
            .decode(signature.as_bytes())
            .map_err(|_fault| malformed("the signature is not base64"))?,
        created,
        expires,
        nonce: None,
        tag: None,
        names,
        form: Form::Cavage {
            created: parameters.created,
            expires: parameters.expires,
        },
    })
}

fn parse(text: &str) -> Result<Parameters<'_>, SignatureError> {
    let mut parameters = Parameters::default();
    let mut rest = text;
    for _ in 0..MAX_PARAMETERS {
        let (name, tail) = rest
            .split_once('=')
            .ok_or(malformed("a parameter has no value"))?;
        let (value, tail) = match tail.strip_prefix('"') {
            Some(quoted) => take_quoted(quoted).ok_or(malformed("a quoted value has no end"))?,
            None => take_bare(tail),
        };
        let slot = match name.trim() {
            "keyId" => Some(&mut parameters.key_id),
            "algorithm" => Some(&mut parameters.algorithm),
            "headers" => Some(&mut parameters.headers),
            "signature" => Some(&mut parameters.signature),
            "created" => Some(&mut parameters.created),
            "expires" => Some(&mut parameters.expires),
            _ => None,
        };
        if slot.is_some_and(|slot| slot.replace(value).is_some()) {
            return Err(malformed("a parameter stands twice"));
        }
        let tail = tail.trim_start();
        if tail.is_empty() {
            return Ok(parameters);
        }
        rest = tail
            .strip_prefix(',')
            .ok_or(malformed("a comma is missing"))?;
    }
    Err(malformed("it has too many parameters"))
}

/// A quoted string after its opening quote, and what follows its closing one.
fn take_quoted(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let (value, tail) = text.split_once('"')?;
    if !value.contains('\\') {
        return Some((Cow::Borrowed(value), tail));
    }
    let mut value = String::new();
    let mut letters = text.chars();
    loop {
        match letters.next()? {
            '"' => return Some((Cow::Owned(value), letters.as_str())),
            '\\' => value.push(letters.next()?),
            letter => value.push(letter),
        }
    }
}

fn take_bare(text: &str) -> (Cow<'_, str>, &str) {
    let end = text.find(',').unwrap_or(text.len());
    let (value, tail) = text.split_at_checked(end).unwrap_or((text, ""));
    (Cow::Borrowed(value.trim()), tail)
}

pub(super) fn components(list: Cow<'_, str>) -> Result<Vec<Cow<'_, str>>, SignatureError> {
    let lowered = list.bytes().any(|byte| byte.is_ascii_uppercase());
    let names: Vec<Cow<'_, str>> = match list {
        Cow::Borrowed(list) if !lowered => list.split(' ').map(Cow::Borrowed).collect(),
        list => list
            .split(' ')
            .map(|name| Cow::Owned(name.to_ascii_lowercase()))
            .collect(),
    };
    if names.len() > MAX_COMPONENTS {
        return Err(SignatureError::TooManyComponents {
            limit: MAX_COMPONENTS,
        });
    }
    for (index, name) in names.iter().enumerate() {
        let pseudo = name.starts_with('(');
        if name.is_empty() || (pseudo && !matches!(&**name, REQUEST_TARGET | CREATED | EXPIRES)) {
            return Err(unsupported(name));
        }
        if names.iter().take(index).any(|earlier| earlier == name) {
            return Err(SignatureError::DuplicateComponent {
                name: excerpt(name, 64),
            });
        }
    }
    Ok(names)
}

/// Whole seconds since the epoch; `expires` may carry a fraction (draft-cavage-12 s2.1.5).
fn time(text: Option<&str>) -> Result<Option<Timestamp>, SignatureError> {
    let Some(text) = text else { return Ok(None) };
    let whole = text
        .split_once('.')
        .map_or(text, |(whole, _fraction)| whole);
    let seconds: i64 = whole
        .parse()
        .map_err(|_fault| malformed("a time is not a number of seconds"))?;
    Ok(Some(Timestamp::from_millis(seconds.saturating_mul(1000))))
}

/// Builds the signing string (draft-cavage-12 s2.3) with the given target.
///
/// # Errors
/// A covered header or parameter is missing.
pub(super) fn base(
    names: &[Cow<'_, str>],
    created: Option<&str>,
    expires: Option<&str>,
    request: &InboundRequest,
    target: &str,
) -> Result<Vec<u8>, SignatureError> {
    let mut base = Vec::with_capacity(512);
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            base.push(b'\n');
        }
        base.extend_from_slice(name.as_bytes());
        base.extend_from_slice(b": ");
        match &**name {
            REQUEST_TARGET => {
                let mut line = String::with_capacity(target.len() + 8);
                push_targets(&mut line, request.method(), target);
                base.extend_from_slice(line.as_bytes());
            }
            CREATED => base.extend_from_slice(created.ok_or(missing("created"))?.as_bytes()),
            EXPIRES => base.extend_from_slice(expires.ok_or(missing("expires"))?.as_bytes()),
            name => push_header(&mut base, request.headers(), name)?,
        }
    }
    Ok(base)
}

const fn missing(name: &'static str) -> SignatureError {
    SignatureError::ParameterMissing { name }
}

const fn malformed(reason: &'static str) -> SignatureError {
    SignatureError::Malformed {
        header: "signature",
        reason,
    }
}

fn unsupported(name: &str) -> SignatureError {
    SignatureError::UnsupportedComponent {
        name: excerpt(name, 64),
    }
}
