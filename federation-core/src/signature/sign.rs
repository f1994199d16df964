//! Signing requests: every header that a signed request needs, for either scheme.

use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, DATE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use url::{Position, Url};

use crate::clock::Timestamp;
use crate::signature::base::{push_quoted, push_targets};
use crate::signature::digest::{CONTENT_DIGEST, DIGEST};
use crate::signature::{BodyDigest, Scheme, SignError, SignatureDemand, SigningKey};

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
    without_query: bool,
    components: &'a [String],
    added: Option<&'a HeaderMap>,
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
            without_query: false,
            components: &[],
            added: None,
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

    /// Leaves the query out of draft-cavage's `(request-target)`, as servers expect that read
    /// requests the way old Mastodon wrote them. The query is then not signed.
    #[must_use]
    pub const fn without_query(mut self) -> Self {
        self.without_query = true;
        self
    }

    /// Signs what a server has asked for by `Accept-Signature` (RFC 9421 s5.2), beside what is
    /// always covered; draft-cavage has no such thing.
    #[must_use]
    pub fn demanded(mut self, demand: &'a SignatureDemand) -> Self {
        self.nonce = demand.nonce.as_deref();
        self.tag = demand.tag.as_deref();
        self.components = &demand.components;
        self
    }

    /// Adds headers that are to be signed too, the first value of each. Names that signatures and
    /// bodies use are left out.
    #[must_use]
    pub const fn headers(mut self, added: &'a HeaderMap) -> Self {
        self.added = Some(added);
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
        // With room for what is added to send it.
        let mut headers = HeaderMap::with_capacity(12);
        headers.insert(HOST, value("host", self.authority())?);
        let date = self.now.to_http_date();
        headers.insert(DATE, value("date", &date)?);
        match scheme {
            Scheme::Cavage => self.sign_cavage(key, &date, &mut headers)?,
            Scheme::Rfc9421 => self.sign_rfc9421(key, &mut headers)?,
        }
        Ok(headers)
    }

    /// The added headers that are signed, each with its first value.
    fn added(&self) -> Result<Vec<(&'a HeaderName, &'a str)>, SignError> {
        let own = [
            HOST,
            DATE,
            SIGNATURE,
            SIGNATURE_INPUT,
            CONTENT_TYPE,
            CONTENT_LENGTH,
            ACCEPT,
        ];
        let mut signed = Vec::new();
        let Some(added) = self.added else {
            return Ok(signed);
        };
        for name in added.keys() {
            if own.contains(name) || matches!(name.as_str(), DIGEST | CONTENT_DIGEST) {
                continue;
            }
            let text = added.get(name).and_then(|value| value.to_str().ok());
            let text = text.ok_or(SignError::HeaderValue {
                header: "an added header",
            })?;
            signed.push((name, text));
        }
        Ok(signed)
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
        let end = if self.without_query {
            Position::AfterPath
        } else {
            Position::AfterQuery
        };
        let target = &self.url[Position::BeforePath..end];
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
        let mut covered = covered.to_owned();
        for (name, text) in self.added()? {
            base.push('\n');
            base.push_str(name.as_str());
            base.push_str(": ");
            base.push_str(text.trim());
            covered.push(' ');
            covered.push_str(name.as_str());
            headers.insert(name.clone(), value("an added header", text.trim())?);
        }
        let signature = key.key().sign(base.as_bytes())?;
        let mut text = String::with_capacity(512);
        text.push_str("keyId=");
        push_quoted(&mut text, key.key_id().as_str());
        text.push_str(",algorithm=");
        push_quoted(&mut text, key.key().algorithm().label(Scheme::Cavage));
        text.push_str(",headers=");
        push_quoted(&mut text, &covered);
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
        for (name, text) in self.added()? {
            base.push_str("\n\"");
            base.push_str(name.as_str());
            base.push_str("\": ");
            base.push_str(text.trim());
            params.push_str(" \"");
            params.push_str(name.as_str());
            params.push('"');
            headers.insert(name.clone(), value("an added header", text.trim())?);
        }
        for name in self.components {
            let Some(text) = self.component(name, headers) else {
                continue;
            };
            base.push_str("\n\"");
            base.push_str(name);
            base.push_str("\": ");
            base.push_str(&text);
            params.push_str(" \"");
            params.push_str(name);
            params.push('"');
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

impl RequestToSign<'_> {
    /// A component beside those that are always covered; `None` for those, and for what the
    /// request does not have.
    fn component(&self, name: &str, headers: &HeaderMap) -> Option<String> {
        let url = self.url;
        Some(match name {
            "@authority" => self.authority().to_owned(),
            "@scheme" => url.scheme().to_owned(),
            "@request-target" => url[Position::BeforePath..Position::AfterQuery].to_owned(),
            "@path" => url.path().to_owned(),
            "@query" => format!("?{}", url.query().unwrap_or_default()),
            "host" | "date" => headers.get(name)?.to_str().ok()?.to_owned(),
            _ => return None,
        })
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
