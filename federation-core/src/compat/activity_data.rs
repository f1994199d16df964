//! The request as the inbox route takes it in (feature `axum`).

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};
use url::Url;

use crate::inbox::{InboundRequest, RequestError};

/// Longest body that is taken in, in bytes; the inbox has its own, lower limit.
const MAX_BODY: usize = 4 * 1024 * 1024;

/// A request with its raw body: what `activitypub_federation::axum::inbox::ActivityData` was.
///
/// The route of the inbox has to be given by its whole path: a nested router hides the beginning
/// of the path, which is signed.
#[derive(Debug)]
pub struct ActivityData {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

impl ActivityData {
    pub(super) fn into_request(self, origin: &Url) -> Result<InboundRequest, RequestError> {
        let target = self
            .uri
            .path_and_query()
            .map_or("/", |target| target.as_str());
        InboundRequest::new(self.method, origin, target, self.headers, self.body)
    }
}

impl<S: Send + Sync> FromRequest<S> for ActivityData {
    type Rejection = Response;

    async fn from_request(request: Request<Body>, _state: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, MAX_BODY).await;
        let body = body.map_err(|_long_or_broken| StatusCode::BAD_REQUEST.into_response())?;
        Ok(Self {
            method: parts.method,
            uri: parts.uri,
            headers: parts.headers,
            body,
        })
    }
}
