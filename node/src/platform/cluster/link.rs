//! The connection to Redis: subscribed, watched, and made anew whenever it breaks.
//!
//! One RESP3 connection carries both directions. It is made here and not by the connection manager
//! of the crate, which goes on without a word when its subscription fails after a reconnect. Here a
//! connection counts only once Redis has confirmed the subscription on it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{
    AsyncConnectionConfig, Client, ConnectionInfo, ProtocolVersion, PushInfo, PushKind, RedisError,
    Value,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::notice::{Envelope, Notice};
use super::{CONNECTED, Cluster};
use crate::base::ids::ProcessId;

/// How long connecting, and each answer, may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// How often a quiet connection is tried.
const HEARTBEAT: Duration = Duration::from_secs(1);
/// How long to wait before the first and the later tries to connect.
const BACKOFF: [Duration; 4] = [
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
];
/// Bytes of a message that are read at most.
const MAX_MESSAGE: usize = 1024 * 1024;

/// The connection to Redis, whether it is there or not.
pub(super) struct Link {
    cluster: Cluster,
    server: ConnectionInfo,
    channel: String,
    own: ProcessId,
}

impl Link {
    pub(super) fn new(
        cluster: Cluster,
        server: ConnectionInfo,
        channel: String,
        own: ProcessId,
    ) -> Self {
        Self {
            cluster,
            server,
            channel,
            own,
        }
    }

    /// Keeps a connection for as long as it is polled.
    pub(super) async fn run(self, mut waiting: mpsc::Receiver<Notice>) {
        let mut failures = 0;
        let mut is_told = false;
        loop {
            let broken = CancellationToken::new();
            let error = match self.connect(&broken).await {
                Ok(connection) => {
                    tracing::info!("connected to the other processes over Redis");
                    (failures, is_told) = (0, false);
                    self.set_connected(true);
                    // What was told meanwhile by others never came here.
                    let _nobody_listens = self.cluster.0.heard.send(Notice::Missed);
                    let error = self.serve(connection, &mut waiting, &broken).await;
                    self.set_connected(false);
                    error
                }
                Err(error) => error,
            };
            // Once for each time Redis goes away, not for each try.
            if !std::mem::replace(&mut is_told, true) {
                let cause = error.map(|error| reason(&error));
                tracing::warn!(
                    cause,
                    "Redis is away; what other processes change shows within half a second"
                );
            }
            while waiting.try_recv().is_ok() {
                self.cluster.0.lost.store(true, Ordering::SeqCst);
            }
            let wait = BACKOFF.get(failures).or(BACKOFF.last());
            tokio::time::sleep(wait.copied().unwrap_or(HEARTBEAT)).await;
            failures += 1;
        }
    }

    /// A connection that is subscribed; `broken` fires when Redis ends it.
    async fn connect(
        &self,
        broken: &CancellationToken,
    ) -> Result<MultiplexedConnection, Option<RedisError>> {
        let server = resp3(self.server.clone());
        let (listener, broken) = (self.listener(), broken.clone());
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_push_sender(move |push: PushInfo| -> Result<(), redis::aio::SendError> {
                if push.kind == PushKind::Disconnection {
                    broken.cancel();
                }
                listener(&push);
                Ok(())
            });
        let connecting = async {
            let client = Client::open(server)?;
            let mut connection = client
                .get_multiplexed_async_connection_with_config(&config)
                .await?;
            connection.subscribe(&self.channel).await?;
            Ok(connection)
        };
        // A server that accepts and then says nothing must not hold up the next try.
        match tokio::time::timeout(PATIENCE.saturating_mul(2), connecting).await {
            Ok(connected) => connected.map_err(Some),
            Err(_elapsed) => Err(None),
        }
    }

    /// Hands on what comes over the channel; it never waits.
    fn listener(&self) -> impl Fn(&PushInfo) + Send + Sync + 'static {
        let (cluster, own) = (self.cluster.clone(), self.own);
        move |push| {
            let (PushKind::Message, Some(Value::BulkString(bytes))) =
                (&push.kind, push.data.get(1))
            else {
                return;
            };
            let read = || {
                let fits = bytes.len() <= MAX_MESSAGE;
                fits.then(|| serde_json::from_slice::<Envelope>(bytes).ok())?
            };
            let notice = match read() {
                Some(envelope) if envelope.from == own => return,
                Some(envelope) => envelope.notice,
                None => Notice::Missed,
            };
            let _nobody_listens = cluster.0.heard.send(notice);
        }
    }

    /// Sends what is to be told until the connection breaks; why it did, when that is known.
    async fn serve(
        &self,
        mut connection: MultiplexedConnection,
        waiting: &mut mpsc::Receiver<Notice>,
        broken: &CancellationToken,
    ) -> Option<RedisError> {
        loop {
            if self.cluster.0.lost.swap(false, Ordering::SeqCst)
                && let Err(error) = self.send(&mut connection, Notice::Missed).await
            {
                self.cluster.0.lost.store(true, Ordering::SeqCst);
                return Some(error);
            }
            tokio::select! {
                () = broken.cancelled() => return None,
                notice = waiting.recv() => {
                    // The sender lives as long as the server.
                    let notice = notice?;
                    if let Err(error) = self.send(&mut connection, notice).await {
                        self.cluster.0.lost.store(true, Ordering::SeqCst);
                        return Some(error);
                    }
                }
                () = tokio::time::sleep(HEARTBEAT) => {
                    let ping = redis::cmd("PING");
                    if let Err(error) = ping.exec_async(&mut connection).await {
                        return Some(error);
                    }
                }
            }
        }
    }

    async fn send(
        &self,
        connection: &mut MultiplexedConnection,
        notice: Notice,
    ) -> Result<(), RedisError> {
        let envelope = Envelope {
            from: self.own,
            notice,
        };
        // Ids and words always serialise.
        let text = serde_json::to_string(&envelope).unwrap_or_default();
        let mut publish = redis::cmd("PUBLISH");
        publish.arg(&self.channel).arg(text);
        publish.exec_async(connection).await
    }

    fn set_connected(&self, connected: bool) {
        self.cluster.0.connected.store(connected, Ordering::SeqCst);
        metrics::gauge!(CONNECTED).set(u8::from(connected));
    }
}

/// The same server, spoken to in the protocol that carries both directions over one connection.
pub(super) fn resp3(server: ConnectionInfo) -> ConnectionInfo {
    let settings = server.redis_settings().clone();
    server.set_redis_settings(settings.set_protocol(ProtocolVersion::RESP3))
}

/// What went wrong, without the address or anything of the URL.
fn reason(error: &RedisError) -> String {
    format!("{:?}", error.kind())
}
