//! Opens push streams: a node session by the handshake, then a WebSocket through the guard.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, HeaderValue};
use http::{HeaderMap, StatusCode};
use thiserror::Error;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use url::Url;

use super::opening;
use super::socket::WebSocket;
use crate::clock::Clock;
use crate::fetch::{FetchError, FetchLimits, OutboundRequest, OutboundResponse, Upgrade, Upgrader};
use crate::handshake::{ClientError, GrantedSession, HeldSessions, Scope};
use crate::stream::{ConnectError, MAX_TEXT_BYTES, PATH, Socket, StreamConnector};

/// Time for the upgrade.
const DEADLINE: Duration = Duration::from_secs(10);
/// Bytes of a refusal that are read.
const MAX_REFUSAL: usize = 16 * 1024;

/// Why an upgrade came to nothing that may come to something later.
#[derive(Debug, Error)]
enum Interrupted {
    #[error("the peer answered {0}")]
    Status(StatusCode),
    #[error("the answer is not that of a WebSocket")]
    NotAgreed,
}

/// The [`StreamConnector`] of a node: sessions for the node itself, sockets through the guard.
pub struct NodeConnector {
    sessions: Arc<HeldSessions>,
    upgrader: Arc<dyn Upgrader>,
    clock: Arc<dyn Clock>,
}

impl NodeConnector {
    /// A connector that opens and keeps sessions in `sessions`.
    pub fn new(
        sessions: Arc<HeldSessions>,
        upgrader: Arc<dyn Upgrader>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            sessions,
            upgrader,
            clock,
        }
    }

    async fn session(&self, origin: &Url) -> Result<Arc<GrantedSession>, ConnectError> {
        let scopes = Scope::Stream.into();
        let session = self.sessions.session(origin, None, scopes).await;
        let session = session.map_err(|error| no_session(&error))?;
        if session.scopes.contains(Scope::Stream) {
            return Ok(session);
        }
        let code = "no_scope".to_owned();
        Err(ConnectError::Refused { code })
    }

    /// Asks for the socket; `None` when the session opens nothing any longer.
    async fn socket(
        &self,
        origin: &Url,
        session: &GrantedSession,
    ) -> Result<Option<Box<dyn Socket>>, ConnectError> {
        let key = generate_key();
        let headers = headers(&key, session.token.as_str());
        let headers = headers.map_err(ConnectError::unavailable)?;
        let mut url = origin.clone();
        url.set_path(PATH);
        let limits = FetchLimits::document()
            .with_deadline(DEADLINE)
            .with_max_bytes(MAX_REFUSAL)
            .with_max_redirects(0);
        let request = OutboundRequest::get(url, limits).with_headers(headers);
        match self.upgrader.upgrade(request).await {
            Ok(Upgrade::Switched(switched)) if opening::is_agreed(&switched.headers, &key) => {
                let socket = WebSocket::client(switched.io, MAX_TEXT_BYTES).await;
                Ok(Some(Box::new(socket)))
            }
            Ok(Upgrade::Switched(_)) => Err(ConnectError::unavailable(Interrupted::NotAgreed)),
            Ok(Upgrade::Answered(answer)) if answer.status == StatusCode::UNAUTHORIZED => Ok(None),
            Ok(Upgrade::Answered(answer)) => Err(self.refused(&answer)),
            Err(error) => Err(no_connection(error)),
        }
    }

    fn refused(&self, answer: &OutboundResponse) -> ConnectError {
        let status = answer.status;
        if status == StatusCode::FORBIDDEN {
            let code = "forbidden".to_owned();
            ConnectError::Refused { code }
        } else if status.is_server_error() && status != StatusCode::NOT_IMPLEMENTED
            || status == StatusCode::TOO_MANY_REQUESTS
        {
            ConnectError::Unavailable {
                retry_after: answer.retry_after(self.clock.now()),
                source: Interrupted::Status(status).into(),
            }
        } else {
            ConnectError::Unsupported
        }
    }

    async fn open(&self, origin: &Url) -> Result<Box<dyn Socket>, ConnectError> {
        let session = self.session(origin).await?;
        if let Some(socket) = self.socket(origin, &session).await? {
            return Ok(socket);
        }
        // The peer has ended the session that was held; one more may be asked for.
        self.sessions.forget(&session).await;
        let session = self.session(origin).await?;
        let code = "invalid_token".to_owned();
        let socket = self.socket(origin, &session).await?;
        socket.ok_or(ConnectError::Refused { code })
    }
}

impl StreamConnector for NodeConnector {
    fn connect<'a>(
        &'a self,
        origin: &'a Url,
    ) -> BoxFuture<'a, Result<Box<dyn Socket>, ConnectError>> {
        Box::pin(self.open(origin))
    }
}

impl fmt::Debug for NodeConnector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("NodeConnector")
            .field("upgrader", &self.upgrader)
            .finish_non_exhaustive()
    }
}

fn headers(key: &str, token: &str) -> Result<HeaderMap, http::header::InvalidHeaderValue> {
    let mut headers = opening::request(key)?;
    let mut bearer = HeaderValue::from_str(&format!("Bearer {token}"))?;
    bearer.set_sensitive(true);
    headers.insert(AUTHORIZATION, bearer);
    Ok(headers)
}

fn no_session(error: &Arc<ClientError>) -> ConnectError {
    match error.as_ref() {
        error if error.is_unsupported() => ConnectError::Unsupported,
        ClientError::NotAnOrigin => ConnectError::Unsupported,
        ClientError::Refused { code, .. } if !error.is_retryable() => {
            ConnectError::Refused { code: code.clone() }
        }
        _ => ConnectError::Unavailable {
            retry_after: error.retry_after(),
            source: Arc::clone(error).into(),
        },
    }
}

fn no_connection(error: FetchError) -> ConnectError {
    match error {
        FetchError::Refused(_) => ConnectError::Refused {
            code: "guard".to_owned(),
        },
        error => ConnectError::unavailable(error),
    }
}
