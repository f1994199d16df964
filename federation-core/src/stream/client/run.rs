//! Opens the streams that are wanted, and keeps each until it ends.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;
use url::Url;

use super::connector::ConnectError;
use super::driver::{Ending, Intake, Line};
use super::peers::After;
use super::{EPHEMERAL, Handle, PARCELS, Shared, peer_key};
use crate::stream::pace::Pace;
use crate::stream::{CloseReason, Socket};

pub(super) async fn run(shared: &Arc<Shared>, shutdown: CancellationToken) {
    let taken = shared
        .asked
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let Some(mut asked) = taken else { return };
    let mut streams = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            Some(_ended) = streams.join_next() => {}
            Some(origin) = asked.recv() => {
                streams.spawn(keep(Arc::clone(shared), origin, shutdown.clone()));
            }
        }
    }
    for handle in shared.peers().streams() {
        handle.close.cancel();
    }
    while streams.join_next().await.is_some() {}
    *shared.asked.lock().unwrap_or_else(PoisonError::into_inner) = Some(asked);
}

/// Says what the end of a stream means, whatever ends it.
struct Entry {
    shared: Arc<Shared>,
    peer: String,
    after: After,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let shared = &self.shared;
        let now = shared.clock.now();
        let mut peers = shared.peers();
        peers.over(&self.peer, self.after, &shared.config, now);
    }
}

async fn keep(shared: Arc<Shared>, origin: Url, shutdown: CancellationToken) {
    let mut entry = Entry {
        peer: peer_key(&origin),
        // Stands when this ends by a panic.
        after: After::Failed(None),
        shared: Arc::clone(&shared),
    };
    shared.counts.attempts.fetch_add(1, Ordering::Relaxed);
    let opened = tokio::select! {
        biased;
        () = shutdown.cancelled() => return,
        opened = open(&shared, &origin) => opened,
    };
    entry.after = match opened {
        Ok(socket) => serve(&shared, &origin, socket).await,
        Err(error) => {
            tracing::debug!(%origin, error = %error, "no push stream");
            match error {
                ConnectError::Unavailable { retry_after, .. } => After::Failed(retry_after),
                ConnectError::Unsupported | ConnectError::Refused { .. } => After::Never,
            }
        }
    };
}

async fn open(shared: &Shared, origin: &Url) -> Result<Box<dyn Socket>, ConnectError> {
    let within = shared.config.open_within;
    match timeout(within, shared.connector.connect(origin)).await {
        Ok(outcome) => outcome,
        Err(elapsed) => Err(ConnectError::unavailable(elapsed)),
    }
}

async fn serve(shared: &Shared, origin: &Url, socket: Box<dyn Socket>) -> After {
    let _open = crate::metrics::stream_opened(crate::metrics::Side::Holder);
    let config = &shared.config;
    let mut line = Line::new(socket);
    let hello = match line.greet(config).await {
        Ok(hello) => hello,
        Err(reason) => {
            tracing::debug!(%origin, %reason, "a push stream was not greeted");
            line.close(reason, config).await;
            return judge(reason, false);
        }
    };
    let (parcels, parcel_intake) = mpsc::channel(PARCELS);
    let (ephemeral, ephemeral_intake) = mpsc::channel(EPHEMERAL);
    let close = CancellationToken::new();
    let (per_second, burst) = config.ephemeral_pace;
    let now = Instant::now();
    let handle = Handle {
        parcels,
        ephemeral,
        body_bytes: usize::try_from(hello.body_bytes).unwrap_or(usize::MAX),
        agreed: config.ephemeral.common(hello.ephemeral),
        pace: Mutex::new(Pace::new(per_second, burst, now)),
        last_used: Mutex::new(now),
        close: close.clone(),
    };
    let peer = peer_key(origin);
    shared.peers().opened(&peer, handle);
    shared.counts.opened.fetch_add(1, Ordering::Relaxed);
    tracing::info!(%origin, window = hello.window, "a push stream to another node is open");
    let intake = Intake {
        parcels: parcel_intake,
        ephemeral: ephemeral_intake,
    };
    let opened_at = Instant::now();
    let ending = line.drive(hello, intake, config, &close).await;
    shared.peers().closing(&peer);
    let Ending {
        reason,
        by_peer,
        acknowledged,
    } = ending;
    tracing::info!(%origin, %reason, by_peer, acknowledged, "a push stream to another node ended");
    if !by_peer {
        line.close(reason, config).await;
    }
    let lasting = acknowledged > 0 && opened_at.elapsed() >= config.lasting;
    judge(reason, lasting)
}

/// What the end of a stream means for the next.
fn judge(reason: CloseReason, lasting: bool) -> After {
    match reason {
        CloseReason::Done => After::Idle,
        CloseReason::Blocked => After::Never,
        // Another process of this node has the stream now.
        CloseReason::Replaced => After::Failed(None),
        _ if lasting && !reason.is_violation() => After::Interrupted,
        _ => After::Failed(None),
    }
}
