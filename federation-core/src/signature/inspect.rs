//! Everything that can be said of a signed request before its key is known, cheapest first.

use std::borrow::Cow;

use http::Method;
use http::header::AUTHORIZATION;
use url::Url;

use crate::clock::Timestamp;
use crate::inbox::InboundRequest;
use crate::signature::base::single_text;
use crate::signature::digest::{CONTENT_DIGEST, DIGEST};
use crate::signature::error::excerpt;
use crate::signature::{
    Algorithm, BodyDigest, Coverage, Scheme, SignatureClaim, SignatureError, VerificationPolicy,
    cavage, rfc9421,
};

/// Longest signature header that is read, in bytes.
const MAX_SIGNATURE_HEADER: usize = 8 * 1024;
/// Longest other header that is read, in bytes.
const MAX_HEADER: usize = 1024;

/// Checks all of a request's signature but the signature itself.
///
/// In this order: the headers are unambiguous and well formed, the signature covers method,
/// target, host, time and (with a body) digest, it was signed within the policy's window, for this
/// host, and over this body.
///
/// # Errors
/// See [`SignatureError`]; the first check that fails names it.
///
/// # Security
/// Needs no key, so nothing is fetched for a request that could not pass anyway.
pub fn inspect(
    request: &InboundRequest,
    policy: &VerificationPolicy,
    now: Timestamp,
) -> Result<SignatureClaim, SignatureError> {
    let reading = Reading::of(request, policy)?;
    reading.check_tag(policy)?;
    reading.check_coverage(request)?;
    let signed_at = reading.check_time(request, policy, now)?;
    check_host(request)?;
    reading.check_digest(request)?;
    reading.into_claim(request, policy, signed_at)
}

/// The key id that a request names, read as [`inspect()`] reads it.
///
/// # Errors
/// The request is not signed, or its signature header cannot be read.
pub fn claimed_key_id(
    request: &InboundRequest,
    policy: &VerificationPolicy,
) -> Result<Url, SignatureError> {
    Reading::of(request, policy).map(|reading| reading.key_id)
}

/// What the headers of a request say about its signature, nothing of it checked.
#[derive(Debug)]
pub(super) struct Reading<'a> {
    pub(super) scheme: Scheme,
    pub(super) key_id: Url,
    pub(super) algorithm: Option<Algorithm>,
    pub(super) signature: Vec<u8>,
    pub(super) created: Option<Timestamp>,
    pub(super) expires: Option<Timestamp>,
    pub(super) nonce: Option<String>,
    pub(super) tag: Option<String>,
    pub(super) names: Vec<Cow<'a, str>>,
    pub(super) form: Form<'a>,
}

/// What the signed text needs beside the components.
#[derive(Debug)]
pub(super) enum Form<'a> {
    /// The two pseudo-components as they were written.
    Cavage {
        created: Option<Cow<'a, str>>,
        expires: Option<Cow<'a, str>>,
    },
    /// The value of `@signature-params`.
    Rfc9421 { params: String },
}

impl<'a> Reading<'a> {
    /// Reads the signature headers of a request.
    ///
    /// A `Signature-Input` header makes it RFC 9421 and nothing else: a request whose newer
    /// signature is broken is never judged by the older scheme.
    pub(super) fn of(
        request: &'a InboundRequest,
        policy: &VerificationPolicy,
    ) -> Result<Self, SignatureError> {
        let headers = request.headers();
        let input = single_text(headers, "signature-input", MAX_SIGNATURE_HEADER)?;
        let signature = single_text(headers, "signature", MAX_SIGNATURE_HEADER)?
            .ok_or(SignatureError::Missing)?;
        if headers.get_all(AUTHORIZATION).iter().any(|value| {
            value
                .as_bytes()
                .get(..9)
                .is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"signature"))
        }) {
            return Err(SignatureError::Ambiguous {
                header: "authorization",
            });
        }
        match input {
            Some(input) => rfc9421::read(input, signature, policy),
            None => cavage::read(signature, policy),
        }
    }

    pub(super) fn covers(&self, name: &str) -> bool {
        self.names.iter().any(|covered| covered == name)
    }

    /// The tag is the one the policy demands, if it demands one (RFC 9421 s2.3).
    pub(super) fn check_tag(&self, policy: &VerificationPolicy) -> Result<(), SignatureError> {
        match &policy.required_tag {
            Some(required) if self.tag.as_ref() != Some(required) => Err(SignatureError::WrongTag),
            _ => Ok(()),
        }
    }

    /// Every part that gives the request its meaning is signed.
    pub(super) fn check_coverage(&self, request: &InboundRequest) -> Result<(), SignatureError> {
        for part in [
            Coverage::Method,
            Coverage::Target,
            Coverage::Host,
            Coverage::Time,
            Coverage::Digest,
        ] {
            if !self.covers_part(part, request) {
                return Err(SignatureError::NotCovered { part });
            }
        }
        Ok(())
    }

    fn covers_part(&self, part: Coverage, request: &InboundRequest) -> bool {
        let covers = |name| self.covers(name);
        match (part, self.scheme) {
            (Coverage::Method | Coverage::Target, Scheme::Cavage) => covers(cavage::REQUEST_TARGET),
            (Coverage::Method, Scheme::Rfc9421) => covers("@method"),
            (Coverage::Target, Scheme::Rfc9421) => {
                covers("@target-uri")
                    || covers("@request-target")
                    || (covers("@path") && (request.query().is_none() || covers("@query")))
            }
            (Coverage::Host, Scheme::Cavage) => covers("host"),
            (Coverage::Host, Scheme::Rfc9421) => {
                covers("@target-uri") || covers("@authority") || covers("host")
            }
            (Coverage::Time, _) => self.created.is_some() || covers("date"),
            (Coverage::Digest, _) => {
                !carries_body(request) || covers(DIGEST) || covers(CONTENT_DIGEST)
            }
        }
    }

    /// Every signed time lies within the policy's window; gives the time of signing.
    pub(super) fn check_time(
        &self,
        request: &InboundRequest,
        policy: &VerificationPolicy,
        now: Timestamp,
    ) -> Result<Timestamp, SignatureError> {
        let date = if self.covers("date") {
            let text = single_text(request.headers(), "date", MAX_HEADER)?.ok_or_else(|| {
                SignatureError::HeaderMissing {
                    name: "date".to_owned(),
                }
            })?;
            let date = Timestamp::parse_http_date(text).ok_or(SignatureError::UnreadableDate)?;
            Some(date)
        } else {
            None
        };
        for signed_at in [date, self.created].into_iter().flatten() {
            if signed_at < now.minus(policy.max_age) {
                return Err(SignatureError::TooOld { signed_at });
            }
            if signed_at > now.plus(policy.max_future_skew) {
                return Err(SignatureError::FromFuture { signed_at });
            }
        }
        if let Some(expired_at) = self.expires
            && expired_at.plus(policy.expiry_leeway) < now
        {
            return Err(SignatureError::Expired { expired_at });
        }
        self.created.or(date).ok_or(SignatureError::NotCovered {
            part: Coverage::Time,
        })
    }

    /// The body is the one whose digest is signed; unsigned digests say nothing.
    pub(super) fn check_digest(&self, request: &InboundRequest) -> Result<(), SignatureError> {
        let mut digest = None;
        for name in [DIGEST, CONTENT_DIGEST] {
            if !self.covers(name) {
                continue;
            }
            let text = single_text(request.headers(), name, MAX_HEADER)?.ok_or_else(|| {
                SignatureError::HeaderMissing {
                    name: name.to_owned(),
                }
            })?;
            let digest = digest.get_or_insert_with(|| BodyDigest::of(request.body()));
            if name == DIGEST {
                digest.check_digest_header(text)?;
            } else {
                digest.check_content_digest_header(text)?;
            }
        }
        Ok(())
    }

    /// Builds the signed text, and with it the claim that only a key can settle.
    pub(super) fn into_claim(
        self,
        request: &InboundRequest,
        policy: &VerificationPolicy,
        signed_at: Timestamp,
    ) -> Result<SignatureClaim, SignatureError> {
        let mut queryless_base = None;
        let base = match &self.form {
            Form::Rfc9421 { params } => rfc9421::base(&self.names, params, request)?,
            Form::Cavage { created, expires } => {
                let build = |target| {
                    let (created, expires) = (created.as_deref(), expires.as_deref());
                    cavage::base(&self.names, created, expires, request, target)
                };
                if policy.accept_queryless_target && request.query().is_some() {
                    queryless_base = Some(build(request.path())?);
                }
                build(request.path_and_query())?
            }
        };
        Ok(SignatureClaim {
            scheme: self.scheme,
            key_id: self.key_id,
            algorithm: self.algorithm,
            signature: self.signature,
            signed_at,
            nonce: self.nonce,
            tag: self.tag,
            covered: self.names.iter().map(ToString::to_string).collect(),
            base,
            queryless_base,
        })
    }
}

/// The request says that it is for this server's host, once and unambiguously.
pub(super) fn check_host(request: &InboundRequest) -> Result<(), SignatureError> {
    let received = single_text(request.headers(), "host", MAX_HEADER)?.ok_or_else(|| {
        SignatureError::HeaderMissing {
            name: "host".to_owned(),
        }
    })?;
    let default_port = match request.target().scheme() {
        "https" => ":443",
        _ => ":80",
    };
    let own = request.authority();
    let bare = received.strip_suffix(default_port).unwrap_or(received);
    if received.eq_ignore_ascii_case(own) || bare.eq_ignore_ascii_case(own) {
        return Ok(());
    }
    Err(SignatureError::WrongHost {
        received: excerpt(received, 255),
        own: own.to_owned(),
    })
}

/// Whether a digest must be signed: there is a body, or the method is one that brings one.
fn carries_body(request: &InboundRequest) -> bool {
    !request.body().is_empty()
        || matches!(
            *request.method(),
            Method::POST | Method::PUT | Method::PATCH
        )
}
