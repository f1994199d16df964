//! Signing requests: every header that a signed request needs, for either scheme.

use http::header::{DATE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::{Position, Url};

use crate::clock::Timestamp;
use crate::signature::base::{push_quoted, push_targets};
use crate::signature::digest::{CONTENT_DIGEST, DIGEST};
use crate::signature::{BodyDigest, Scheme, SignError, SigningKey};

pub(super) const SIGNATURE: HeaderName = HeaderName::from_static("signature");
pub(super) const SIGNATURE_INPUT: HeaderName = HeaderName::from_static("signature-input");
/// The label of the one RFC 9421 signature that is sent.
const LABEL: &str = "sig1";

/// Signs a request and gives the headers to add to it.
///
/// They are `Host`, `Date`, `Signature`, with a body `Digest` (draft-cavage) or `Content-Digest`
/// (RFC 9421), and for RFC 9421 `Signature-Input`. A body that goes to many inboxes is hashed once
/// by [`RequestToSign::digest`].
///
/// # Errors
/// See [`SignError`].
pub fn sign_request(
    scheme: Scheme,
    key: &SigningKey,
    method: &Method,
    url: &Url,
    body: Option<&[u8]>,
    now: Timestamp,
) -> Result<HeaderMap, SignError> {
    let mut request = RequestToSign::new(method, url, now);
    if let Some(body) = body {
        request = request.digest(BodyDigest::of(body));
    }
    request.sign(scheme, key)
}

/// A request that is about to be signed.
#[derive(Clone, Copy, Debug)]
pub struct RequestToSign<'a> {
    method: &'a Method,
    url: &'a Url,
    now: Timestamp,
    digest: Option<BodyDigest>,
    nonce: Option<&'a str>,
    tag: Option<&'a str>,
}

impl<'a> RequestToSign<'a> {
    /// A request without a body.
    pub const fn new(method: &'a Method, url: &'a Url, now: Timestamp) -> Self {
        Self {
            method,
            url,
            now,
            digest: None,
            nonce: None,
            tag: None,
        }
    }

    /// Adds the digest of the body.
    #[must_use]
    pub const fn digest(mut self, digest: BodyDigest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// Adds the `nonce` parameter (RFC 9421 s2.3); draft-cavage has none and drops it.
    #[must_use]
    pub const fn nonce(mut self, nonce: &'a str) -> Self {
        self.nonce = Some(nonce);
        self
    }

    /// Adds the `tag` parameter (RFC 9421 s2.3); draft-cavage has none and drops it.
    #[must_use]
    pub const fn tag(mut self, tag: &'a str) -> Self {
        self.tag = Some(tag);
        self
    }

    /// Signs and gives the headers to add.
    ///
    /// # Errors
    /// See [`SignError`].
    pub fn sign(&self, scheme: Scheme, key: &SigningKey) -> Result<HeaderMap, SignError> {
        if !self.url.has_host() {
            return Err(SignError::NoHost);
        }
        let mut headers = HeaderMap::with_capacity(5);
        headers.insert(HOST, value("host", self.authority())?);
        let date = self.now.to_http_date();
        headers.insert(DATE, value("date", &date)?);
        match scheme {
            Scheme::Cavage => self.sign_cavage(key, &date, &mut headers)?,
            Scheme::Rfc9421 => self.sign_rfc9421(key, &mut headers)?,
        }
        Ok(headers)
    }

    fn authority(&self) -> &'a str {
        let url = self.url;
        &url[Position::BeforeHost..Position::AfterPort]
    }

    /// Draft-cavage-12 s2.3 over `(request-target) host date [digest]`.
    fn sign_cavage(
        &self,
        key: &SigningKey,
        date: &str,
        headers: &mut HeaderMap,
    ) -> Result<(), SignError> {
        let target = &self.url[Position::BeforePath..Position::AfterQuery];
        let mut base = String::with_capacity(256);
        base.push_str("(request-target): ");
        push_targets(&mut base, self.method, target);
        base.push_str("\nhost: ");
        base.push_str(self.authority());
        base.push_str("\ndate: ");
        base.push_str(date);
        let mut covered = "(request-target) host date";
        if let Some(digest) = self.digest {
            let digest = digest.to_digest_header();
            base.push_str("\ndigest: ");
            base.push_str(&digest);
            headers.insert(HeaderName::from_static(DIGEST), value(DIGEST, &digest)?);
            covered = "(request-target) host date digest";
        }
        let signature = key.key().sign(base.as_bytes())?;
        let mut text = String::with_capacity(512);
        text.push_str("keyId=");
        push_quoted(&mut text, key.key_id().as_str());
        text.push_str(",algorithm=");
        push_quoted(&mut text, key.key().algorithm().label(Scheme::Cavage));
        text.push_str(",headers=");
        push_quoted(&mut text, covered);
        text.push_str(",signature=");
        push_quoted(&mut text, &encode(&signature));
        headers.insert(SIGNATURE, value("signature", &text)?);
        Ok(())
    }

    /// RFC 9421 s2.5 over `@method @target-uri [content-digest]`.
    fn sign_rfc9421(&self, key: &SigningKey, headers: &mut HeaderMap) -> Result<(), SignError> {
        let mut base = String::with_capacity(512);
        let mut params = String::with_capacity(256);
        base.push_str("\"@method\": ");
        base.push_str(self.method.as_str());
        base.push_str("\n\"@target-uri\": ");
        base.push_str(&self.url[..Position::AfterQuery]);
        params.push_str("(\"@method\" \"@target-uri\"");
        if let Some(digest) = self.digest {
            let digest = digest.to_content_digest_header();
            base.push_str("\n\"content-digest\": ");
            base.push_str(&digest);
            params.push_str(" \"content-digest\"");
            headers.insert(
                HeaderName::from_static(CONTENT_DIGEST),
                value(CONTENT_DIGEST, &digest)?,
            );
        }
        params.push_str(");created=");
        params.push_str(&self.now.as_seconds().to_string());
        let label = key.key().algorithm().label(Scheme::Rfc9421);
        for (name, text) in [
            (";keyid=", Some(key.key_id().as_str())),
            (";alg=", Some(label)),
            (";nonce=", self.nonce),
            (";tag=", self.tag),
        ] {
            if let Some(text) = text {
                params.push_str(name);
                push_quoted(&mut params, text);
            }
        }
        base.push_str("\n\"@signature-params\": ");
        base.push_str(&params);
        let signature = key.key().sign(base.as_bytes())?;
        let input = format!("{LABEL}={params}");
        headers.insert(SIGNATURE_INPUT, value("signature-input", &input)?);
        let text = format!("{LABEL}=:{}:", encode(&signature));
        headers.insert(SIGNATURE, value("signature", &text)?);
        Ok(())
    }
}

fn encode(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A header value of visible ASCII; a tab, though legal in headers, would not survive everywhere.
fn value(header: &'static str, text: &str) -> Result<HeaderValue, SignError> {
    if !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(SignError::HeaderValue { header });
    }
    HeaderValue::from_str(text).map_err(|_invalid| SignError::HeaderValue { header })
}
