//! Looks whether Redis does what a [`Cluster`](super::Cluster) needs, without a word to the others.

use std::time::Duration;

use federation_core::Timestamp;
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ErrorKind, PushInfo, PushKind, RedisError,
    ServerErrorKind, Value,
};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};

use super::channel_of;
use super::link::{PATIENCE, resp3};
use crate::base::ids::ProcessId;
use crate::config::Origin;

/// What comes at once at most: confirmations and one message.
const PUSHES: usize = 16;

/// Redis does what is needed.
#[derive(Clone, Copy, Debug)]
pub struct Probed {
    /// How long connecting, signing in and subscribing took.
    pub connecting: Duration,
    /// How long a message took there and back.
    pub round_trip: Duration,
}

/// Why Redis cannot be used; without anything of the URL.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProbeError {
    /// Nothing answers, or not in time.
    #[error("it cannot be reached")]
    Unreachable,
    /// The name or the password is wrong or missing.
    #[error("it refuses the login")]
    Refused,
    /// The login may not publish or subscribe.
    #[error("the login may not use the channels")]
    NotPermitted,
    /// It does not know the protocol.
    #[error("it does not speak RESP3")]
    TooOld,
    /// It takes a message and does not hand it on.
    #[error("what is published does not come back")]
    Silent,
    /// It refuses something else.
    #[error("it answers {0}")]
    Other(String),
}

impl From<RedisError> for ProbeError {
    fn from(error: RedisError) -> Self {
        match (error.kind(), error.code()) {
            (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS" | "NOAUTH")) => {
                Self::Refused
            }
            (ErrorKind::Server(ServerErrorKind::NoPerm), _) => Self::NotPermitted,
            (ErrorKind::RESP3NotSupported, _) | (_, Some("NOPROTO")) => Self::TooOld,
            (ErrorKind::Io, _) => Self::Unreachable,
            (_, Some(code)) => Self::Other(code.to_owned()),
            (kind, None) => Self::Other(format!("{kind:?}")),
        }
    }
}

/// Connects as a server does, subscribes to a channel beside that of the node, and publishes there.
///
/// # Errors
/// Says what Redis does not do.
pub async fn probe(
    server: ConnectionInfo,
    origin: &Origin,
    now: Timestamp,
) -> Result<Probed, ProbeError> {
    let token = ProcessId::new(now).to_string();
    // Not the channel of the node: its servers would take it for something they missed.
    let channel = format!("{}/probe/{token}", channel_of(origin));
    let (heard, mut pushes) = mpsc::channel(PUSHES);
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(PATIENCE))
        .set_response_timeout(Some(PATIENCE))
        .set_push_sender(move |push: PushInfo| -> Result<(), redis::aio::SendError> {
            let _dropped_when_full = heard.try_send(push);
            Ok(())
        });
    let started = Instant::now();
    let connecting = async {
        let client = Client::open(resp3(server))?;
        let mut connection = client
            .get_multiplexed_async_connection_with_config(&config)
            .await?;
        connection.subscribe(&channel).await?;
        Ok::<_, RedisError>(connection)
    };
    let mut connection = timeout(PATIENCE.saturating_mul(2), connecting)
        .await
        .map_err(|_elapsed| ProbeError::Unreachable)??;
    let connecting = started.elapsed();
    let published = Instant::now();
    let mut publish = redis::cmd("PUBLISH");
    publish.arg(&channel).arg(&token);
    publish.exec_async(&mut connection).await?;
    let comes_back = async {
        while let Some(push) = pushes.recv().await {
            let data = push.data.get(1);
            let is_ours =
                matches!(data, Some(Value::BulkString(bytes)) if bytes == token.as_bytes());
            if push.kind == PushKind::Message && is_ours {
                return Ok(());
            }
        }
        Err(ProbeError::Silent)
    };
    timeout(PATIENCE, comes_back)
        .await
        .map_err(|_elapsed| ProbeError::Silent)??;
    Ok(Probed {
        connecting,
        round_trip: published.elapsed(),
    })
}
