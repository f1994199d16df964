//! What surrounds every request: its id, its log span, and the last touch to problems.

use std::time::Duration;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue};
use tracing::Instrument as _;

use super::error::ApiError;
use crate::base::ids::RequestId;
use crate::platform::ctx::Ctx;

/// The header that tells a client the id of its request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// How long a request may take until its answer begins, the reading of its body included.
const TIMEOUT: Duration = Duration::from_mins(1);

/// Middleware: gives the request an id, logs it, and puts the id into problems.
///
/// The id is always made here: one sent by a client could forge log records.
pub async fn surround(State(ctx): State<Ctx>, mut request: Request, next: Next) -> Response {
    let start = ctx.now();
    let id = RequestId::new(start);
    request.extensions_mut().insert(id);
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = tracing::info_span!(
        "request",
        %id,
        method = %request.method(),
        // The pattern and not the path, which may name people.
        route = route.as_ref().map_or("none", MatchedPath::as_str),
    );
    let answer = next.run(request).instrument(span.clone());
    let response = in_time(answer).await;
    let _entered = span.enter();
    let millis = ctx.now().since(start).as_millis();
    let status = response.status().as_u16();
    let mut response = match response.extensions().get::<ApiError>().cloned() {
        Some(error) => problem(&error, id, response),
        None => response,
    };
    tracing::debug!(status, millis, "answered");
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The answer, or that there is none in time.
async fn in_time(answer: impl Future<Output = Response>) -> Response {
    match tokio::time::timeout(TIMEOUT, answer).await {
        Ok(response) => response,
        Err(_elapsed) => timed_out().into_response(),
    }
}

fn problem(error: &ApiError, id: RequestId, original: Response) -> Response {
    // What this server does not do is no failure of it.
    if error.status().is_server_error() && error.status() != http::StatusCode::NOT_IMPLEMENTED {
        let cause = std::error::Error::source(error).map(ToString::to_string);
        tracing::error!(code = error.code(), cause, "request failed");
    }
    let (parts, _) = original.into_parts();
    let mut response = error.to_response(Some(&format!("urn:uuid:{id}")));
    for (name, value) in &parts.headers {
        if !response.headers().contains_key(name) && name != http::header::CONTENT_LENGTH {
            response.headers_mut().append(name, value.clone());
        }
    }
    response
}

fn timed_out() -> ApiError {
    let status = http::StatusCode::REQUEST_TIMEOUT;
    ApiError::new(status, "request_timeout", "The request took too long.")
}

/// Answers for paths that nothing serves.
pub async fn no_route() -> Response {
    ApiError::not_found().into_response()
}

/// Answers for methods that a path does not serve.
pub async fn no_method() -> Response {
    method_not_allowed().into_response()
}

/// The problem for methods that a path does not serve.
pub(super) fn method_not_allowed() -> ApiError {
    let status = http::StatusCode::METHOD_NOT_ALLOWED;
    ApiError::new(
        status,
        "method_not_allowed",
        "This path does not serve that method.",
    )
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use bytes::Bytes;
    use futures_util::stream;
    use tokio::time::{Duration, Instant, sleep};

    use super::*;

    /// One byte a second, far below any limit of size.
    #[tokio::test(start_paused = true)]
    async fn attack_55_a_body_that_drips_is_given_up() {
        let drops = stream::unfold((), |()| async {
            sleep(Duration::from_secs(1)).await;
            Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
        });
        let reading = async {
            let _read = to_bytes(Body::from_stream(drops), 1 << 20).await;
            Response::new(Body::empty())
        };
        let started = Instant::now();
        let response = in_time(reading).await;
        assert_eq!(response.status(), http::StatusCode::REQUEST_TIMEOUT);
        assert_eq!(started.elapsed(), TIMEOUT);
    }
}
