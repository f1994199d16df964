//! Building the text that is signed: the parts that both schemes share.

use http::{HeaderMap, HeaderValue, Method};

use crate::signature::SignatureError;
use crate::signature::error::excerpt;

/// Most components that a signature may cover.
pub(super) const MAX_COMPONENTS: usize = 32;

/// Appends `post /path?query`, the value of `(request-target)` (draft-cavage-12 s2.3).
pub(super) fn push_targets(base: &mut String, method: &Method, target: &str) {
    base.extend(
        method
            .as_str()
            .chars()
            .map(|letter| letter.to_ascii_lowercase()),
    );
    base.push(' ');
    base.push_str(target);
}

/// Appends text in double quotes, with `"` and `\` escaped (RFC 9651 s3.3.3, RFC 9110 s5.6.4).
pub(super) fn push_quoted(text: &mut String, value: &str) {
    text.push('"');
    for letter in value.chars() {
        if matches!(letter, '"' | '\\') {
            text.push('\\');
        }
        text.push(letter);
    }
    text.push('"');
}

/// Appends the value of a header as both schemes sign it: each line trimmed, lines joined by `, `
/// (RFC 9421 s2.1, draft-cavage-12 s2.3).
///
/// # Errors
/// The request does not have the header.
pub(super) fn push_header(
    base: &mut Vec<u8>,
    headers: &HeaderMap,
    name: &str,
) -> Result<(), SignatureError> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next().ok_or_else(|| SignatureError::HeaderMissing {
        name: excerpt(name, 64),
    })?;
    base.extend_from_slice(first.as_bytes().trim_ascii());
    for line in lines {
        base.extend_from_slice(b", ");
        base.extend_from_slice(line.as_bytes().trim_ascii());
    }
    Ok(())
}

/// The single line of a header, `None` when it is absent.
///
/// # Errors
/// The header stands more than once.
pub(super) fn single<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
) -> Result<Option<&'a HeaderValue>, SignatureError> {
    let mut lines = headers.get_all(name).iter();
    let first = lines.next();
    if lines.next().is_some() {
        return Err(SignatureError::Ambiguous { header: name });
    }
    Ok(first)
}

/// The single line of a header as visible ASCII text, `None` when it is absent.
///
/// # Errors
/// The header stands more than once, has other characters, or is longer than `limit` bytes.
pub(super) fn single_text<'a>(
    headers: &'a HeaderMap,
    name: &'static str,
    limit: usize,
) -> Result<Option<&'a str>, SignatureError> {
    let Some(line) = single(headers, name)? else {
        return Ok(None);
    };
    if line.len() > limit {
        return Err(SignatureError::Unreadable { header: name });
    }
    line.to_str()
        .map(|text| Some(text.trim()))
        .map_err(|_opaque| SignatureError::Unreadable { header: name })
}
