//! The one outgoing port: every request to another server goes through a [`Transport`].

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Method, StatusCode};
use url::Url;

use super::error::FetchError;
use super::limits::FetchLimits;
use crate::clock::Timestamp;

/// Sends requests to other servers.
///
/// # Security
/// An implementation refuses what the guard refuses, for the URL and for the address at connect
/// time, on every redirect, and keeps all of [`FetchLimits`].
pub trait Transport: fmt::Debug + Send + Sync + 'static {
    /// Sends the request and reads the whole answer, whatever its status.
    fn execute(
        &self,
        request: OutboundRequest,
    ) -> BoxFuture<'_, Result<OutboundResponse, FetchError>>;
}

/// A request to another server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutboundRequest {
    /// The method; redirects are followed for GET alone.
    pub method: Method,
    /// Where to.
    pub url: Url,
    /// The headers. A request with a `Signature` is never redirected: it is signed for one URL.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// What the exchange may cost.
    pub limits: FetchLimits,
}

impl OutboundRequest {
    /// A GET.
    pub fn get(url: Url, limits: FetchLimits) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: HeaderMap::new(),
            body: Bytes::new(),
            limits,
        }
    }

    /// A POST.
    pub fn post(url: Url, headers: HeaderMap, body: Bytes, limits: FetchLimits) -> Self {
        Self {
            method: Method::POST,
            url,
            headers,
            body,
            limits,
        }
    }

    /// The same request with these headers added, each replacing one of the same name.
    #[must_use]
    pub fn with_headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }
}

/// The answer of another server.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct OutboundResponse {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body; empty when that of the answer to a POST could not be read.
    pub body: Bytes,
    /// The URL that answered, after redirects.
    pub final_url: Url,
    /// The address that answered, when the transport knows it.
    pub peer: Option<SocketAddr>,
}

impl OutboundResponse {
    /// An answer.
    pub fn new(status: StatusCode, headers: HeaderMap, body: Bytes, final_url: Url) -> Self {
        Self {
            status,
            headers,
            body,
            final_url,
            peer: None,
        }
    }

    /// The `Content-Type` as text.
    pub fn content_type(&self) -> Option<&str> {
        self.headers.get(CONTENT_TYPE)?.to_str().ok()
    }

    /// How long the server asks to wait, from `Retry-After` in either form (RFC 9110 s10.2.3).
    pub fn retry_after(&self, now: Timestamp) -> Option<Duration> {
        let text = self.headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
        match text.parse::<u64>() {
            Ok(seconds) => Some(Duration::from_secs(seconds)),
            Err(_) => Timestamp::parse_http_date(text).map(|moment| moment.since(now)),
        }
    }
}
