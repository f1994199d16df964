//! `POST` to an inbox: from raw bytes to one committed effect, or to a problem that says why not.
//!
//! All inboxes take the same requests: whom an activity is for stands in the activity. [`NodeInbox`]
//! is what they come to, over HTTP and over any other way in.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::routing::post;
use axum::{Extension, Router};
use federation_core::inbox::{InboundRequest, InboxAnswer, InboxService, ReceiveError};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, StatusCode, Uri};

use super::Edge;
use super::dispatch::{self, Effect};
use super::group_inbox;
use super::synchronization;
use crate::accounts::model::Username;
use crate::config::LimitsConfig;
use crate::platform::ctx::Ctx;
use crate::platform::http::body::{self, BodyClass};
use crate::platform::http::error::ApiError;
use crate::platform::http::extract::too_large;
use crate::platform::http::server::PeerAddress;

/// How long a sender waits when nothing better is known.
const RETRY_AFTER: Duration = Duration::from_mins(1);
/// Causes of a failure that are told.
const MAX_CAUSES: usize = 4;

/// The inbox of this node, whichever way a request came.
#[derive(Clone)]
pub struct NodeInbox {
    ctx: Ctx,
    edge: Edge,
}

impl NodeInbox {
    /// The inbox of the node with these handles.
    pub fn new(ctx: Ctx, edge: Edge) -> Self {
        Self { ctx, edge }
    }

    async fn take(&self, request: InboundRequest) -> InboxAnswer {
        let verified = match self.edge.inbox().authenticate(request).await {
            Ok(verified) => verified,
            Err(error) => {
                let detail = explained(&error);
                tracing::info!(code = error.code(), step = ?error.step(), error = %detail, "refused an activity");
                let mut answer = InboxAnswer::from(&error);
                answer.detail = detail;
                if error.is_retryable() {
                    answer = answer.retry_after(error.retry_after().unwrap_or(RETRY_AFTER));
                }
                return answer;
            }
        };
        let told = verified.clone();
        match dispatch::apply(&self.ctx, &self.edge, verified).await {
            Ok(effect) => {
                synchronization::follow_up(&self.ctx, &self.edge, &told);
                if effect == Effect::Joined {
                    group_inbox::joined(&self.ctx, &self.edge, &told);
                }
                InboxAnswer::accepted()
            }
            Err(error) => {
                if error.status().is_server_error() {
                    let cause = error.source().map(ToString::to_string);
                    tracing::error!(code = error.code(), cause, "an activity was not applied");
                }
                let answer = InboxAnswer::refused(error.status(), error.code(), error.detail());
                match error.retry_after() {
                    Some(wait) => answer.retry_after(wait),
                    None => answer,
                }
            }
        }
    }
}

impl InboxService for NodeInbox {
    fn receive(&self, request: InboundRequest) -> BoxFuture<'_, InboxAnswer> {
        Box::pin(federation_core::metrics::answering(self.take(request)))
    }
}

impl fmt::Debug for NodeInbox {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NodeInbox").finish_non_exhaustive()
    }
}

/// The routes of all inboxes.
pub(super) fn router(limits: &LimitsConfig) -> Router<Ctx> {
    Router::new()
        .route("/inbox", post(receive))
        .route("/actor/inbox", post(receive))
        .route("/users/{name}/inbox", post(receive_for))
        .route("/channels/{id}/inbox", post(receive))
        .route("/communities/{slug}/inbox", post(receive))
        .layer(body::limit(BodyClass::Inbox, limits))
}

async fn receive_for(
    ctx: State<Ctx>,
    extensions: (Extension<Edge>, Option<Extension<PeerAddress>>),
    uri: Uri,
    Path(name): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    match name.parse::<Username>() {
        Ok(username) if username.as_str() == name => {
            receive(ctx, extensions, uri, headers, body).await
        }
        _ => Err(ApiError::not_found()),
    }
}

/// 202 once the effect is committed, or when it was before.
async fn receive(
    State(ctx): State<Ctx>,
    (Extension(edge), peer): (Extension<Edge>, Option<Extension<PeerAddress>>),
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<StatusCode, ApiError> {
    let body = body.map_err(|rejection| unreadable(&rejection))?;
    let peer = peer.map(|Extension(PeerAddress(address))| address);
    let source = edge.source(peer, &headers);
    let request = inbound(&ctx, Method::POST, &uri, headers, body, source)?;
    let answer = NodeInbox::new(ctx, edge).receive(request).await;
    if answer.status.is_success() {
        return Ok(answer.status);
    }
    let error = ApiError::new(answer.status, answer.code, answer.detail);
    let error = match answer.retry_after {
        Some(wait) => error.after(wait),
        None => error,
    };
    Err(error.wanting_signature(true))
}

fn inbound(
    ctx: &Ctx,
    method: Method,
    uri: &Uri,
    headers: HeaderMap,
    body: Bytes,
    source: Option<IpAddr>,
) -> Result<InboundRequest, ApiError> {
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let request = InboundRequest::new(method, ctx.origin().url(), target, headers, body)
        .map_err(|error| ApiError::bad_request("invalid_target", error.to_string()))?;
    Ok(match source {
        Some(source) => request.from_source(source),
        None => request,
    })
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
    let refused = ApiError::new(error.status(), error.code(), explained(error));
    if error.is_retryable() {
        refused.after(error.retry_after().unwrap_or(RETRY_AFTER))
    } else {
        refused
    }
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
    peer: Option<Extension<PeerAddress>>,
    uri: &Uri,
    headers: &HeaderMap,
) -> Result<Option<url::Url>, ApiError> {
    if !headers.contains_key("signature") && !headers.contains_key("signature-input") {
        return Ok(None);
    }
    let peer = peer.map(|Extension(PeerAddress(address))| address);
    let source = edge.source(peer, headers);
    let request = inbound(ctx, Method::GET, uri, headers.clone(), Bytes::new(), source)?;
    let (actor, _signature) = edge
        .inbox()
        .identify(&request)
        .await
        .map_err(|error| refusal(&error).wanting_signature(false))?;
    Ok(Some(actor.id.clone()))
}
