//! The request as it arrived: method, target, headers and the raw body.

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderMap, Method};
use thiserror::Error;
use url::{Position, Url};

/// Why a request could not be taken in.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum RequestError {
    /// The configured origin has no host.
    #[error("the origin has no host")]
    Origin,
    /// The target does not begin with a slash, has a fragment, or cannot be part of a URL.
    #[error("the request target is not a path")]
    Target,
}

impl RequestError {
    /// Whether the same request may be taken in later: never.
    pub const fn is_retryable(self) -> bool {
        false
    }
}

/// A request as it arrived, before anything is believed.
///
/// Its target is built from this server's own configured origin and the raw path and query of the
/// request line; nothing that a client or proxy says about the host enters it.
#[derive(Clone)]
pub struct InboundRequest {
    method: Method,
    target: Url,
    raw_target: PathAndQuery,
    headers: HeaderMap,
    body: Bytes,
    source: Option<IpAddr>,
    holder: Option<Box<str>>,
}

/// Who pays for what has to be fetched for a request before it is proven.
#[derive(Clone, Copy, Debug)]
pub(super) enum Payer<'a> {
    /// Nobody is known.
    Nobody,
    /// Whoever is at this address.
    Source(IpAddr),
    /// A node that is proven: whose push stream it came over, or who announced it; by its host.
    Peer(&'a str),
}

impl InboundRequest {
    /// Takes in a request; `path_and_query` is the request line's, undecoded.
    ///
    /// # Errors
    /// See [`RequestError`].
    ///
    /// # Security
    /// The raw target is what signatures are held against, also where a URL would write it another
    /// way (`//`, `%2F`, a trailing `?`).
    pub fn new(
        method: Method,
        origin: &Url,
        path_and_query: &str,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Self, RequestError> {
        if !origin.has_host() {
            return Err(RequestError::Origin);
        }
        if !path_and_query.starts_with('/') {
            return Err(RequestError::Target);
        }
        let raw_target =
            PathAndQuery::try_from(path_and_query).map_err(|_invalid| RequestError::Target)?;
        if raw_target.as_str() != path_and_query {
            // A fragment, which no request line has, would be dropped in silence.
            return Err(RequestError::Target);
        }
        let mut target = origin.clone();
        target.set_path(raw_target.path());
        target.set_query(raw_target.query());
        target.set_fragment(None);
        Ok(Self {
            method,
            target,
            raw_target,
            headers,
            body,
            source: None,
            holder: None,
        })
    }

    /// The same request, known to come from this address; requests from one address are bounded
    /// together.
    ///
    /// # Security
    /// The address of the connection, or what
    /// [`TrustedProxies::source`](super::TrustedProxies::source) makes of it; never what a header
    /// of an untrusted client says.
    #[must_use]
    pub const fn from_source(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// The same request, known to have come over the push stream of this node, which pays for
    /// what has to be fetched for it as an address does.
    ///
    /// # Security
    /// The holder of the session that opened the stream; never what the request says.
    #[must_use]
    pub fn over_stream_of(mut self, holder: &Url) -> Self {
        self.holder = holder.host_str().map(Box::from);
        self
    }

    /// The host of the node over whose push stream the request came, when it came over one.
    pub fn stream_holder(&self) -> Option<&str> {
        self.holder.as_deref()
    }

    pub(super) fn payer(&self) -> Payer<'_> {
        match (self.holder.as_deref(), self.source) {
            (Some(holder), _) => Payer::Peer(holder),
            (None, Some(source)) => Payer::Source(source),
            (None, None) => Payer::Nobody,
        }
    }

    /// The address that the request comes from, when that is known.
    pub const fn source(&self) -> Option<IpAddr> {
        self.source
    }

    /// The method.
    pub const fn method(&self) -> &Method {
        &self.method
    }

    /// The absolute target on this server's origin, as URLs are written.
    pub const fn target(&self) -> &Url {
        &self.target
    }

    /// The raw path and query of the request line.
    pub fn path_and_query(&self) -> &str {
        self.raw_target.as_str()
    }

    /// The raw path of the request line.
    pub fn path(&self) -> &str {
        self.raw_target.path()
    }

    /// The raw query of the request line, without its `?`.
    pub fn query(&self) -> Option<&str> {
        self.raw_target.query()
    }

    /// This server's scheme, host and port, without a slash at the end: `https://here.example`.
    pub fn origin(&self) -> &str {
        &self.target[..Position::BeforePath]
    }

    /// This server's host, with the port where it is not the scheme's own: `here.example`.
    pub fn authority(&self) -> &str {
        &self.target[Position::BeforeHost..Position::AfterPort]
    }

    /// The headers as they arrived.
    pub const fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// The body as it arrived.
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    /// The body as it arrived, the rest of the request dropped.
    pub fn into_body(self) -> Bytes {
        self.body
    }
}

impl fmt::Debug for InboundRequest {
    /// Shows neither the headers' values nor the body.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("InboundRequest")
            .field("method", &self.method)
            .field("target", &self.raw_target.as_str())
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn target(path_and_query: &str) -> Result<InboundRequest, RequestError> {
        InboundRequest::new(
            Method::POST,
            &Url::parse("https://Here.example:443/ignored").unwrap(),
            path_and_query,
            HeaderMap::new(),
            Bytes::new(),
        )
    }

    #[test]
    fn attack_18_the_raw_target_is_kept() {
        for raw in ["/", "/inbox?", "//inbox", "/a%2Fb/./c?x=%7e&y", "/a/../b"] {
            let request = target(raw).unwrap();
            assert_eq!(request.path_and_query(), raw);
            assert_eq!(request.origin(), "https://here.example");
            assert_eq!(request.authority(), "here.example");
        }
    }

    #[test]
    fn refuses_targets_that_are_no_paths() {
        for raw in [
            "",
            "*",
            "https://other.example/",
            "inbox",
            "/a b",
            "/a#b",
            "/a?b#c",
        ] {
            assert_eq!(target(raw).unwrap_err(), RequestError::Target, "{raw}");
        }
    }

    proptest! {
        #[test]
        fn never_panics_and_never_leaves_the_origin(raw in "/?\\PC{0,60}") {
            if let Ok(request) = target(&raw) {
                prop_assert_eq!(request.path_and_query(), raw);
                prop_assert_eq!(request.target().host_str(), Some("here.example"));
            }
        }
    }
}
