//! Asking for signatures and being asked: `Accept-Signature` (RFC 9421 s5) and the challenge of a
//! 401 (RFC 9110 s11.6.1).

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderName, HeaderValue};
use sfv::{BareItem, Dictionary, ListEntry, Parser};

/// The header by which a server asks for a signature (RFC 9421 s5.1).
pub const ACCEPT_SIGNATURE: HeaderName = HeaderName::from_static("accept-signature");

/// Longest `Accept-Signature` that is read, in bytes.
const MAX_HEADER: usize = 2048;
/// Most components that are taken from it.
const MAX_COMPONENTS: usize = 16;

/// Adds to a 401 what a request should have carried: a signature, by either scheme.
///
/// `has_body` says whether the request is of a kind that brings a body, whose digest is to be
/// covered too.
pub fn demand_signature(headers: &mut HeaderMap, has_body: bool) {
    let (cavage, rfc9421) = if has_body {
        (
            HeaderValue::from_static("Signature headers=\"(request-target) host date digest\""),
            HeaderValue::from_static(
                "sig1=(\"@method\" \"@target-uri\" \"content-digest\");created;keyid",
            ),
        )
    } else {
        (
            HeaderValue::from_static("Signature headers=\"(request-target) host date\""),
            HeaderValue::from_static("sig1=(\"@method\" \"@target-uri\");created;keyid"),
        )
    };
    headers.insert(WWW_AUTHENTICATE, cavage);
    headers.insert(ACCEPT_SIGNATURE, rfc9421);
}

/// What a server asks an RFC 9421 signature to be like.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignatureDemand {
    /// The nonce to sign (RFC 9421 s5.1), where it is one.
    pub nonce: Option<String>,
    /// The tag to sign.
    pub tag: Option<String>,
    /// Components to cover, in order.
    pub components: Vec<String>,
}

impl SignatureDemand {
    /// Reads the `Accept-Signature` of an answer; `None` when there is none, or none that can be
    /// met: with components that requests of this crate do not have.
    ///
    /// # Security
    /// Only components of the request itself are covered for others, never header values that the
    /// server could choose; nonce and tag are signed as they stand, under this server's key, for
    /// this one request.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let text = headers.get(ACCEPT_SIGNATURE)?.to_str().ok()?;
        if text.len() > MAX_HEADER {
            return None;
        }
        let demands: Dictionary = Parser::new(text).parse().ok()?;
        let ListEntry::InnerList(list) = demands.values().next()? else {
            return None;
        };
        if list.items.len() > MAX_COMPONENTS {
            return None;
        }
        let text = |name: &str| match list.params.get(name) {
            Some(BareItem::String(value)) => Some(value.as_str().to_owned()),
            _ => None,
        };
        let mut components = Vec::with_capacity(list.items.len());
        for item in &list.items {
            let BareItem::String(name) = &item.bare_item else {
                return None;
            };
            let name = name.as_str().to_owned();
            let known = COVERABLE.contains(&name.as_str()) && item.params.is_empty();
            if !known || components.contains(&name) {
                return None;
            }
            components.push(name);
        }
        Some(Self {
            nonce: text("nonce"),
            tag: text("tag"),
            components,
        })
    }
}

/// The components of every request that this crate signs.
pub(super) const COVERABLE: [&str; 10] = [
    "@method",
    "@target-uri",
    "@authority",
    "@scheme",
    "@request-target",
    "@path",
    "@query",
    "content-digest",
    "host",
    "date",
];
