//! ActivityPub documents as responses, and whether a request asks for one.

use axum::response::{IntoResponse, Response};
use federation_core::vocab::Value;
use http::header::{ACCEPT, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::platform::http::error::ApiError;

/// The media type of everything served to other nodes (`ActivityPub` s3.2).
pub(super) const ACTIVITY_JSON: &str = "application/activity+json";

/// What documents depend on, for caches between the nodes.
const VARIES: HeaderValue = HeaderValue::from_static("Accept, Signature");

/// A document for other nodes.
pub(super) fn document(status: StatusCode, value: &Value) -> Response {
    let body = value.to_string();
    let media_type = HeaderValue::from_static(ACTIVITY_JSON);
    (status, [(CONTENT_TYPE, media_type), (VARY, VARIES)], body).into_response()
}

/// Goes on only when the client takes `ActivityStreams`.
///
/// # Errors
/// 406 for a client that names other media types alone.
pub(super) fn require_activity(headers: &HeaderMap) -> Result<(), ApiError> {
    let mut ranges = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .peekable();
    if ranges.peek().is_none() || ranges.any(takes_activity) {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::NOT_ACCEPTABLE,
        "not_acceptable",
        "This is served as application/activity+json.",
    ))
}

/// Whether a media range of `Accept` (RFC 9110 s12.5.1) covers what is served.
fn takes_activity(range: &str) -> bool {
    let mut parts = range.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let refused = parts.any(|parameter| {
        matches!(parameter.split_once('='), Some((name, weight))
            if name.trim().eq_ignore_ascii_case("q") && weight.trim().parse() == Ok(0.0_f32))
    });
    let known = [
        ACTIVITY_JSON,
        "application/ld+json",
        "application/json",
        "application/*",
        "*/*",
    ];
    !refused && known.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_servers_and_browsers_send() {
        let answer = |accept: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT, HeaderValue::from_static(accept));
            require_activity(&headers).is_ok()
        };
        assert!(answer("application/activity+json, application/ld+json"));
        assert!(answer(
            r#"application/ld+json; profile="https://www.w3.org/ns/activitystreams""#
        ));
        assert!(answer("text/html,application/xml;q=0.9,*/*;q=0.8"));
        assert!(!answer("text/html"));
        assert!(!answer("text/html, */*;q=0"));
        assert!(require_activity(&HeaderMap::new()).is_ok());
    }
}
