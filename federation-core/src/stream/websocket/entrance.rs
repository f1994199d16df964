//! The route of the push stream, for axum.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use http::header::{AUTHORIZATION, HeaderValue, UPGRADE, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::opening;
use super::socket::WebSocket;
use crate::clock::Clock;
use crate::handshake::{
    Ended, HandshakeError, NodeSession, Problem, Scope, SessionWatch, Sessions,
};
use crate::outbox::Contacts;
use crate::stream::{CloseReason, PATH, Place, StreamServer};

/// How long the connection may take to become a WebSocket.
const UPGRADE_WITHIN: Duration = Duration::from_secs(10);
/// How long a holder waits for a place.
const RETRY_AFTER: Duration = Duration::from_mins(1);

/// What the route of the push stream needs; cheap to clone.
#[derive(Clone)]
pub struct Entrance {
    server: StreamServer,
    sessions: Sessions,
    clock: Arc<dyn Clock>,
    tasks: TaskTracker,
    shutdown: CancellationToken,
    contacts: Option<Contacts>,
}

impl Entrance {
    /// Lets those in whom `sessions` knows, and serves them in `tasks` until `shutdown`.
    pub fn new(
        server: StreamServer,
        sessions: Sessions,
        clock: Arc<dyn Clock>,
        tasks: TaskTracker,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            server,
            sessions,
            clock,
            tasks,
            shutdown,
            contacts: None,
        }
    }

    /// The same entrance, which tells the queue of deliveries who came in.
    #[must_use]
    pub fn noting(mut self, contacts: Contacts) -> Self {
        self.contacts = Some(contacts);
        self
    }

    /// The server behind it.
    pub const fn server(&self) -> &StreamServer {
        &self.server
    }

    async fn admit(&self, headers: &HeaderMap) -> Result<(NodeSession, Place), Problem> {
        let token = bearer(headers).unwrap_or_default();
        let now = self.clock.now();
        let session = self.sessions.authorise(token, Scope::Stream, now).await;
        let session = session.map_err(|error: HandshakeError| Problem::from(&error))?;
        if session.subject.is_some() {
            return Err(Problem {
                status: StatusCode::FORBIDDEN,
                code: "not_a_node_session",
                detail: "the session is for a user; a stream is a node's".to_owned(),
                retry_after: None,
            });
        }
        let place = self.server.admit(&session.holder).map_err(|full| Problem {
            status: StatusCode::SERVICE_UNAVAILABLE,
            code: "too_many_streams",
            detail: full.to_string(),
            retry_after: Some(RETRY_AFTER),
        })?;
        Ok((session, place))
    }

    async fn serve(self, upgrade: OnUpgrade, mut watch: SessionWatch, place: Place) {
        let upgraded = tokio::time::timeout(UPGRADE_WITHIN, upgrade).await;
        let Ok(Ok(connection)) = upgraded else {
            tracing::debug!(holder = %place.holder(), "a connection did not become a WebSocket");
            return;
        };
        let limit = self.server.config().max_message_bytes();
        let socket = WebSocket::server(TokioIo::new(connection), limit).await;
        let ended = async {
            tokio::select! {
                biased;
                why = watch.ended() => match why {
                    Ended::Blocked => CloseReason::Blocked,
                    Ended::Revoked | Ended::Expired => CloseReason::SessionEnded,
                },
                () = self.shutdown.cancelled() => CloseReason::GoingAway,
            }
        };
        self.server.serve(place, socket, ended).await;
    }
}

impl fmt::Debug for Entrance {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Entrance")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

/// The route of the push stream, to be merged at the root of a server.
///
/// ```
/// use axum::Router;
/// use federation_core::stream::{Entrance, router};
///
/// fn application(entrance: Entrance) -> Router {
///     Router::new().merge(router(entrance))
/// }
/// ```
pub fn router<S>(entrance: Entrance) -> Router<S>
where
    S: Clone + Send + Sync + 'static,
{
    Router::new().route(PATH, get(open)).with_state(entrance)
}

async fn open(State(entrance): State<Entrance>, request: axum::extract::Request) -> Response {
    let (mut parts, _no_body) = request.into_parts();
    match accept(entrance, &mut parts).await {
        Ok(response) => response,
        Err(problem) => {
            tracing::info!(code = problem.code, "refused a push stream");
            refuse(&problem)
        }
    }
}

/// # Security
/// The token is read from `Authorization` alone, so that it is in no log of requests.
async fn accept(entrance: Entrance, parts: &mut Parts) -> Result<Response, Problem> {
    let not_a_socket = || Problem {
        status: StatusCode::UPGRADE_REQUIRED,
        code: "not_a_websocket",
        detail: format!(
            "open this address as a WebSocket with the protocol {}",
            crate::stream::PROTOCOL
        ),
        retry_after: None,
    };
    let agreed = opening::agree(&parts.headers).ok_or_else(not_a_socket)?;
    let upgrade = parts.extensions.remove::<OnUpgrade>();
    let upgrade = upgrade.ok_or_else(not_a_socket)?;
    let (session, place) = entrance.admit(&parts.headers).await?;
    if let Some(contacts) = &entrance.contacts {
        contacts.heard_of(&session.holder).await;
    }
    let watch = entrance.sessions.watch(&session);
    let tasks = entrance.tasks.clone();
    tasks.spawn(entrance.serve(upgrade, watch, place));
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    *response.headers_mut() = agreed;
    Ok(response)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (scheme, token) = values.next()?.to_str().ok()?.split_once(' ')?;
    let only = values.next().is_none() && scheme.eq_ignore_ascii_case("bearer");
    only.then(|| token.trim())
}

fn refuse(problem: &Problem) -> Response {
    let mut response = problem.to_response().map(Body::from);
    let headers = response.headers_mut();
    match problem.status {
        StatusCode::UNAUTHORIZED => {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        StatusCode::UPGRADE_REQUIRED => {
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        _ => {}
    }
    response
}
