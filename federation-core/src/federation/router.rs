//! The routes of a federation for axum (feature `axum`).

use std::convert::Infallible;
use std::future::ready;
use std::net::SocketAddr;

use super::error::HandlerError;
use super::service::Federation;
use super::storage::FederationStore;
use crate::discovery::{self, Account, Accounts, NodeInfo};
use crate::inbox::{InboundRequest, InboxAnswer, InboxService as _};
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Router};
use http::header::{CONTENT_TYPE, RETRY_AFTER, VARY};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use serde_json::{Value, json};
use url::Url;

const ACTIVITY_JSON: HeaderValue = HeaderValue::from_static("application/activity+json");
const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Who is at the other end of the connection, when the application's server says so.
type Peer = Extension<ConnectInfo<SocketAddr>>;

impl<S: FederationStore> Federation<S> {
    /// Everything that other servers ask for, to be merged into the application's own router:
    /// WebFinger, NodeInfo, host-meta, the documents of actors, their outboxes, and the inboxes.
    pub fn router(&self) -> Router {
        let accounts = self.clone();
        let site = self.0.places.site();
        let described = NodeInfo::new(self.0.software.clone(), false);
        let describe = move || ready(Ok::<_, Infallible>(described.clone()));
        let inboxes = Router::new()
            .route("/inbox", post(receive::<S>))
            .route("/actor/inbox", post(receive::<S>))
            .route("/users/{name}/inbox", post(receive_for::<S>))
            .layer(DefaultBodyLimit::max(self.inbox().config().max_body_bytes));
        Router::new()
            .route("/actor", get(show_server::<S>))
            .route("/actor/outbox", get(show_outbox::<S>))
            .route("/users/{name}", get(show_actor::<S>))
            .route("/users/{name}/outbox", get(show_outbox::<S>))
            .merge(inboxes)
            .with_state(self.clone())
            .merge(discovery::router(&site, describe, accounts))
    }
}

impl<S: FederationStore> Accounts for Federation<S> {
    type Error = HandlerError;

    async fn by_name(&self, name: &str) -> Result<Option<Account>, HandlerError> {
        let found = self.0.actors.profile(&name.to_ascii_lowercase()).await?;
        Ok(found.map(|profile| {
            let actor = self.0.places.actor(profile.name());
            Account::new(profile.name(), actor)
        }))
    }

    async fn by_url(&self, url: &Url) -> Result<Option<Account>, HandlerError> {
        match self.0.places.name_of(url) {
            Some(name) => self.by_name(name).await,
            None => Ok(None),
        }
    }
}

async fn receive_for<S: FederationStore>(
    state: State<Federation<S>>,
    Path(name): Path<String>,
    peer: Option<Peer>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    match state.0.0.actors.profile(&name).await {
        Ok(Some(_there)) => receive(state, peer, uri, headers, body).await,
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => problem(&error.answer()),
    }
}

/// 202 once the effect is committed, or when it was before (I1).
async fn receive<S: FederationStore>(
    State(federation): State<Federation<S>>,
    peer: Option<Peer>,
    uri: Uri,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Response {
    let body = match body {
        Ok(body) => body,
        Err(rejection) => {
            let status = rejection.status();
            return problem(&InboxAnswer::refused(
                status,
                "unreadable_body",
                "the body cannot be read",
            ));
        }
    };
    let origin = federation.0.places.origin();
    let source = peer.map(|Extension(ConnectInfo(address))| {
        let proxies = &federation.0.proxies;
        proxies.source(address.ip(), &headers)
    });
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let answer = match InboundRequest::new(Method::POST, origin, target, headers, body) {
        Ok(request) => {
            let request = match source {
                Some(source) => request.from_source(source),
                None => request,
            };
            federation.receive(request).await
        }
        Err(error) => {
            InboxAnswer::refused(StatusCode::BAD_REQUEST, "invalid_target", error.to_string())
        }
    };
    if answer.status.is_success() {
        return answer.status.into_response();
    }
    problem(&answer)
}

/// A problem document (RFC 9457).
fn problem(answer: &InboxAnswer) -> Response {
    let status = answer.status;
    let body = json!({
        "title": status.canonical_reason().unwrap_or_default(),
        "status": status.as_u16(),
        "code": answer.code,
        "detail": answer.detail,
    });
    let mut response = (status, body.to_string()).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, PROBLEM_JSON);
    if let Some(wait) = answer.retry_after {
        headers.insert(RETRY_AFTER, wait.as_secs().max(1).into());
    }
    response
}

async fn show_actor<S: FederationStore>(
    State(federation): State<Federation<S>>,
    Path(name): Path<String>,
) -> Response {
    match federation.document(&name).await {
        Ok(Some(actor)) => document(&actor.to_value()),
        Ok(None) => StatusCode::NOT_FOUND.into_response(),
        Err(error) => problem(&error.answer()),
    }
}

/// Shown without a signature: two servers that both ask for one before they show anything could
/// never get to know each other.
async fn show_server<S: FederationStore>(State(federation): State<Federation<S>>) -> Response {
    match federation.server_document().await {
        Ok(actor) => document(&actor.to_value()),
        Err(error) => problem(&error.answer()),
    }
}

/// An outbox that shows nothing to anybody, which is what a reader without rights sees
/// (ActivityPub s5.1).
async fn show_outbox<S: FederationStore>(
    State(federation): State<Federation<S>>,
    uri: Uri,
) -> Response {
    document(&json!({
        "@context": crate::vocab::ACTIVITY_STREAMS,
        "id": federation.0.places.at(uri.path()).as_str(),
        "type": "OrderedCollection",
        "orderedItems": [],
    }))
}

fn document(value: &Value) -> Response {
    let varies = HeaderValue::from_static("Accept");
    let headers = [(CONTENT_TYPE, ACTIVITY_JSON), (VARY, varies)];
    (headers, value.to_string()).into_response()
}
