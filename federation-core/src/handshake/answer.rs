//! Calls and answers as HTTP, free of any framework.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use serde::Serialize;

use crate::handshake::{
    CHALLENGE_PATH, HandshakeError, INTROSPECT_PATH, Issuer, REVOKE_PATH, VERIFY_PATH,
};
use crate::inbox::InboundRequest;
use crate::metrics;

/// A refusal as it is answered (RFC 9457): every answer that is one also carries it as an
/// extension, for servers that add to their problem documents.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Problem {
    /// The status.
    pub status: StatusCode,
    /// A stable word for programs.
    pub code: &'static str,
    /// What is wrong, for people.
    pub detail: String,
    /// How long to wait before the same call.
    pub retry_after: Option<Duration>,
}

impl From<&HandshakeError> for Problem {
    fn from(error: &HandshakeError) -> Self {
        Self {
            status: error.status(),
            code: error.code(),
            detail: error.detail(),
            retry_after: error.retry_after(),
        }
    }
}

#[derive(Serialize)]
struct ProblemJson<'a> {
    r#type: &'static str,
    title: &'a str,
    status: u16,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    instance: Option<&'a str>,
    code: &'static str,
}

impl Problem {
    /// The whole answer, `application/problem+json`.
    pub fn to_response(&self) -> Response<Bytes> {
        self.to_response_as(None)
    }

    /// The whole answer, with an `instance` that names this occurrence, such as the id of the
    /// request.
    pub fn to_response_as(&self, instance: Option<&str>) -> Response<Bytes> {
        let json = ProblemJson {
            r#type: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            detail: &self.detail,
            instance,
            code: self.code,
        };
        let body = serde_json::to_vec(&json).unwrap_or_default();
        let mut response = answer(self.status, "application/problem+json", body);
        let headers = response.headers_mut();
        if let Some(wait) = self.retry_after {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs().max(1)));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Signature"));
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("POST"));
        }
        response.extensions_mut().insert(self.clone());
        response
    }
}

impl Issuer {
    /// Answers a request to one of the four paths, whatever comes.
    pub async fn answer(&self, request: &InboundRequest) -> Response<Bytes> {
        match self.dispatch(request).await {
            Ok(response) => {
                count(request.path(), "ok");
                response
            }
            Err(error) => {
                count(request.path(), error.code());
                if error.status().is_server_error() {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    tracing::warn!(code = error.code(), %error, cause, "a call of the handshake failed");
                } else {
                    let detail = error.detail();
                    tracing::info!(
                        code = error.code(),
                        detail,
                        "refused a call of the handshake"
                    );
                }
                Problem::from(&error).to_response()
            }
        }
    }

    async fn dispatch(&self, request: &InboundRequest) -> Result<Response<Bytes>, HandshakeError> {
        let path = request.path();
        let known = [CHALLENGE_PATH, VERIFY_PATH, INTROSPECT_PATH, REVOKE_PATH];
        if !known.contains(&path) {
            return Err(HandshakeError::NoSuchCall);
        }
        if *request.method() != Method::POST {
            return Err(HandshakeError::NotPost);
        }
        if !is_json(request.headers()) {
            return Err(HandshakeError::MediaType);
        }
        let json = |status, body| Ok(answer(status, "application/json", body));
        match path {
            CHALLENGE_PATH => json(
                StatusCode::CREATED,
                self.challenge(request).await?.to_json(),
            ),
            VERIFY_PATH => json(StatusCode::CREATED, self.verify(request).await?.to_json()),
            INTROSPECT_PATH => json(StatusCode::OK, self.introspect(request).await?.to_json()),
            _ => {
                self.revoke(request).await?;
                json(StatusCode::OK, b"{}".to_vec())
            }
        }
    }
}

/// Counts an answer to one of the four calls; other paths are none of the handshake's.
pub(super) fn count(path: &str, outcome: &'static str) {
    let call = match path {
        CHALLENGE_PATH => "challenge",
        VERIFY_PATH => "verify",
        INTROSPECT_PATH => "introspect",
        REVOKE_PATH => "revoke",
        _ => return,
    };
    metrics::handshake_answered(call, outcome);
}

fn answer(status: StatusCode, media_type: &'static str, body: Vec<u8>) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether the body is announced as JSON (RFC 9110 s8.3); parameters such as `charset` may stand.
fn is_json(headers: &HeaderMap) -> bool {
    let announced = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = announced.and_then(|text| text.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("application/json"))
}
