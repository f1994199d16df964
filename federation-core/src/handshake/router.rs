//! The four calls as routes for axum.

use axum::Extension;
use axum::Router;
use axum::body::Body;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::Response;
use axum::routing::any;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri};

use crate::handshake::answer::count;
use crate::handshake::message::{MAX_MESSAGE_BYTES, MessageError};
use crate::handshake::{
    CHALLENGE_PATH, HandshakeError, INTROSPECT_PATH, Issuer, Problem, REVOKE_PATH, VERIFY_PATH,
};
use crate::inbox::{InboundRequest, SourceAddress};

/// Routes for the four calls, to be merged at the root of a server.
///
/// With a limiter in [`IssuerParts`](crate::handshake::IssuerParts), calls are counted by the
/// [`SourceAddress`] that a layer has put into the request.
///
/// ```
/// use axum::Router;
/// use federation_core::handshake::{Issuer, router};
///
/// fn application(issuer: Issuer) -> Router {
///     Router::new().merge(router(issuer))
/// }
/// ```
pub fn router<S>(issuer: Issuer) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    let mut router = Router::new();
    for path in [CHALLENGE_PATH, VERIFY_PATH, INTROSPECT_PATH, REVOKE_PATH] {
        router = router.route(path, any(answer));
    }
    router
        .layer(DefaultBodyLimit::max(MAX_MESSAGE_BYTES))
        .with_state(issuer)
}

/// # Security
/// The target that signatures are held against is made of the configured origin and the raw path
/// and query; no header takes part in it.
async fn answer(
    State(issuer): State<Issuer>,
    source: Option<Extension<SourceAddress>>,
    uri: Uri,
    method: Method,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let read = body.map_err(|rejection| unread(&rejection));
    let request = read.and_then(|body| {
        let origin = &issuer.config().origin;
        InboundRequest::new(method, origin, target, headers, body)
            .map_err(|_no_path| HandshakeError::NoSuchCall)
    });
    let request = request.map(|request| match source {
        Some(Extension(SourceAddress(address))) => request.from_source(address),
        None => request,
    });
    let response = match request {
        Ok(request) => issuer.answer(&request).await,
        Err(error) => {
            count(uri.path(), error.code());
            Problem::from(&error).to_response()
        }
    };
    response.map(Body::from)
}

fn unread(rejection: &BytesRejection) -> HandshakeError {
    let fault = if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        MessageError::TooLong
    } else {
        MessageError::BrokenOff
    };
    fault.into()
}
