//! Which web pages of other origins may use the native API (Fetch Standard, CORS protocol).

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, ORIGIN,
    VARY,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

/// Where the native API is.
const API: &str = "/api/v1/";
const METHODS: &str = "GET, POST, PUT, PATCH, DELETE";
const REQUEST_HEADERS: &str = "authorization, content-type, idempotency-key";
const RESPONSE_HEADERS: &str = "link, location, retry-after, ratelimit, ratelimit-policy, \
                                x-request-id, idempotency-replayed, deprecation, sunset";
/// Seconds for which a browser remembers the answer to a preflight.
const MAX_AGE: &str = "600";

/// The origins whose pages may use the native API.
///
/// # Security
/// An origin is allowed when it is, byte for byte, one of the settings. There is no wildcard, and no
/// credentials: the API takes tokens that pages send on purpose, and no cookies.
#[derive(Clone, Debug, Default)]
pub struct Cors(Vec<HeaderValue>);

impl Cors {
    /// Allows these origins.
    pub fn new(origins: &[String]) -> Self {
        let values = origins.iter().map(HeaderValue::try_from);
        Self(values.flatten().collect())
    }

    /// The origin of a request, when it is allowed to see the answer.
    pub fn allowed<'a>(&self, path: &str, headers: &'a HeaderMap) -> Option<&'a HeaderValue> {
        let mut origins = headers.get_all(ORIGIN).iter();
        let (Some(origin), None) = (origins.next(), origins.next()) else {
            return None;
        };
        (path.starts_with(API) && self.0.contains(origin)).then_some(origin)
    }

    /// The answer to a browser that asks before it sends a request; `None` for anything else.
    pub fn preflight(&self, request: &Request) -> Option<Response> {
        let headers = request.headers();
        let asks = request.method() == Method::OPTIONS
            && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || self.allowed(request.uri().path(), headers).is_none() {
            return None;
        }
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NO_CONTENT;
        let told = [
            (ACCESS_CONTROL_ALLOW_METHODS, METHODS),
            (ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS),
            (ACCESS_CONTROL_MAX_AGE, MAX_AGE),
        ];
        for (name, value) in told {
            let value = HeaderValue::from_static(value);
            response.headers_mut().insert(name, value);
        }
        Some(response)
    }

    /// Lets the page of an allowed `origin` read an answer.
    pub(super) fn allow(&self, path: &str, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if self.0.is_empty() || !path.starts_with(API) {
            return;
        }
        // Another origin gets another answer, whatever this one is.
        headers.append(VARY, HeaderValue::from_static("origin"));
        if let Some(origin) = origin {
            let exposed = HeaderValue::from_static(RESPONSE_HEADERS);
            headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
}
