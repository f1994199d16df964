//! The port for connections that become something else than HTTP (RFC 9110 s7.8).

use std::fmt;

use futures_util::future::BoxFuture;
use http::HeaderMap;
use tokio::io::{AsyncRead, AsyncWrite};

use super::error::FetchError;
use super::transport::{OutboundRequest, OutboundResponse};

/// Opens connections to other servers that leave HTTP behind, such as WebSockets.
///
/// # Security
/// The same guard stands before them as before every request of a
/// [`Transport`](super::Transport): URL, address at connect time, TLS, deadline. Redirects are
/// answers, never followed.
pub trait Upgrader: fmt::Debug + Send + Sync + 'static {
    /// Sends a GET that asks for an upgrade; its headers name the protocol.
    ///
    /// The deadline holds until the other side has agreed or answered.
    fn upgrade(&self, request: OutboundRequest) -> BoxFuture<'_, Result<Upgrade, FetchError>>;
}

/// What came of asking for an upgrade.
#[derive(Debug)]
#[non_exhaustive]
pub enum Upgrade {
    /// 101: the connection is the new protocol's.
    Switched(Upgraded),
    /// The server stays with HTTP; its answer, whatever its status.
    Answered(OutboundResponse),
}

/// A connection after the upgrade.
#[non_exhaustive]
pub struct Upgraded {
    /// The headers of the 101.
    pub headers: HeaderMap,
    /// The octets that follow, both ways.
    pub io: Box<dyn Connection>,
}

impl Upgraded {
    /// A connection that was upgraded with these headers.
    pub fn new(headers: HeaderMap, io: Box<dyn Connection>) -> Self {
        Self { headers, io }
    }
}

impl fmt::Debug for Upgraded {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Upgraded").finish_non_exhaustive()
    }
}

/// Octets both ways.
pub trait Connection: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin {}

impl<C: AsyncRead + AsyncWrite + fmt::Debug + Send + Unpin> Connection for C {}
