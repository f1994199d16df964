//! An axum router that answers `/.well-known/webfinger` (feature `axum`).

use std::sync::Arc;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;

use crate::MEDIA_TYPE;
use crate::PATH;
use crate::respond::Answer;
use crate::respond::Lookup;
use crate::respond::respond;

/// Routes [`PATH`] to `lookup`, with the media type, the statuses and the CORS header of RFC 7033.
///
/// ```
/// use webfinger::{Jrd, Link, Resource, router::router};
///
/// let app: axum::Router = router(|resource: Resource| async move {
///     let Resource::Account(handle) = resource else { return Ok::<_, std::io::Error>(None) };
///     let actor = format!("https://example.org/users/{}", handle.name());
///     Ok(Some(Jrd::new(handle.acct()).with_link(Link::actor(actor))))
/// });
/// ```
pub fn router<S, L>(lookup: L) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
    L: Lookup + 'static,
{
    let lookup = Arc::new(lookup);
    let answer = move |RawQuery(query): RawQuery| {
        let lookup = Arc::clone(&lookup);
        async move { respond(query.as_deref(), lookup.as_ref()).await }
    };
    Router::new().route(PATH, get(answer))
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = match self {
            Self::Found(document) => match serde_json::to_vec(&document) {
                Ok(body) => ([(header::CONTENT_TYPE, MEDIA_TYPE)], body).into_response(),
                Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            },
            Self::BadRequest(reason) => reason.into_response(),
            Self::NotFound | Self::Failed(_) => ().into_response(),
        };
        *response.status_mut() = status;
        let any = HeaderValue::from_static("*");
        response
            .headers_mut()
            .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, any);
        response
    }
}
