//! `POST` to an inbox: from raw bytes to one committed effect, or to a problem that says why not.
//!
//! All inboxes take the same requests: whom an activity is for stands in the activity.

use std::error::Error;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Extension, Router};
use federation_core::inbox::{InboundRequest, ReceiveError};
use http::{HeaderMap, Method, StatusCode, Uri};

use super::Edge;
use super::dispatch;
use crate::accounts::model::Username;
use crate::config::LimitsConfig;
use crate::platform::ctx::Ctx;
use crate::platform::http::body::{self, BodyClass};
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::too_large;

/// How long a sender waits when nothing better is known.
const RETRY_AFTER: Duration = Duration::from_mins(1);
/// Causes of a failure that are told.
const MAX_CAUSES: usize = 4;

/// The routes of all inboxes.
pub(super) fn router(limits: &LimitsConfig) -> Router<Ctx> {
    Router::new()
        .route("/inbox", post(receive))
        .route("/actor/inbox", post(receive))
        .route("/users/{name}/inbox", post(receive_for))
        .layer(body::limit(BodyClass::Inbox, limits))
}

async fn receive_for(
    ctx: State<Ctx>,
    edge: Extension<Edge>,
    uri: Uri,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    match name.parse::<Username>() {
        Ok(username) if username.as_str() == name => receive(ctx, edge, uri, headers, body).await,
        _ => Err(ApiError::not_found()),
    }
}

/// 202 once the effect is committed, or when it was before.
async fn receive(
    State(ctx): State<Ctx>,
    Extension(edge): Extension<Edge>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let body = body.map_err(|rejection| unreadable(&rejection))?;
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let origin = ctx.origin().url();
    let request = InboundRequest::new(Method::POST, origin, target, headers, body)
        .map_err(|error| ApiError::bad_request("invalid_target", error.to_string()))?;
    let verified = match edge.inbox().authenticate(request).await {
        Ok(verified) => verified,
        Err(error) => {
            tracing::info!(code = error.code(), error = %explained(&error), "refused an activity");
            return Err(refusal(&error));
        }
    };
    dispatch::apply(&ctx, &edge, verified).await?;
    Ok(StatusCode::ACCEPTED)
}

fn unreadable(rejection: &BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        too_large()
    } else {
        ApiError::bad_request("unreadable_body", "The body could not be read.")
    }
}

/// What the sender is told: enough to put it right, nothing of this node's state.
pub(super) fn refusal(error: &ReceiveError) -> ApiError {
    let detail = explained(error);
    if error.is_retryable() {
        let wait = error.retry_after().unwrap_or(RETRY_AFTER);
        return ApiError::unavailable(detail, wait);
    }
    ApiError::new(error.status(), error.code(), detail)
}

/// A failure with its causes, outermost first.
fn explained(error: &ReceiveError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    for _ in 0..MAX_CAUSES {
        let Some(found) = cause else { break };
        text.push_str(": ");
        text.push_str(&found.to_string());
        cause = found.source();
    }
    text
}

/// Who signs a GET; `None` when nobody does.
///
/// # Errors
/// The request is signed, and the signature proves nothing.
pub(super) async fn fetcher(
    ctx: &Ctx,
    edge: &Edge,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Option<url::Url>, ApiError> {
    if !headers.contains_key("signature") && !headers.contains_key("signature-input") {
        return Ok(None);
    }
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let origin = ctx.origin().url();
    let request = InboundRequest::new(Method::GET, origin, target, headers.clone(), Bytes::new())
        .map_err(|error| ApiError::bad_request("invalid_target", error.to_string()))?;
    let (actor, _signature) = edge
        .inbox()
        .identify(&request)
        .await
        .map_err(|error| refusal(&error))?;
    Ok(Some(actor.id.clone()))
}
