//! Headers that every answer carries, whatever it is an answer to.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
    X_FRAME_OPTIONS,
};
use http::{HeaderName, HeaderValue};

use super::cors::Cors;
use crate::config::Origin;

const PERMISSIONS_POLICY: HeaderName = HeaderName::from_static("permissions-policy");
/// For answers that are no documents; a page says what it needs itself.
const NOTHING: &str = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; \
                       form-action 'none'";
const NO_DEVICES: &str = "camera=(), geolocation=(), microphone=(), payment=(), usb=()";
/// A year.
const ONLY_HTTPS: &str = "max-age=31536000";

/// What is put on answers.
#[derive(Clone, Debug)]
pub struct Headers {
    cors: Arc<Cors>,
    is_https: bool,
}

impl Headers {
    /// The headers of a node with this origin.
    pub fn new(origin: &Origin, cors: Arc<Cors>) -> Self {
        Self {
            cors,
            is_https: origin.url().scheme() == "https",
        }
    }
}

/// Middleware: puts on the headers; what a route set itself stays.
pub async fn put_on(State(own): State<Headers>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let origin = own.cors.allowed(&path, request.headers()).cloned();
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_SECURITY_POLICY, NOTHING),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (PERMISSIONS_POLICY, NO_DEVICES),
    ] {
        let value = HeaderValue::from_static(value);
        headers.entry(name).or_insert(value);
    }
    if own.is_https {
        let value = HeaderValue::from_static(ONLY_HTTPS);
        headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(value);
    }
    own.cors.allow(&path, origin.as_ref(), headers);
    response
}
