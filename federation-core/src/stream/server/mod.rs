//! The issuer's side: takes streams in, gives each activity to the inbox, answers after the commit.

mod config;
mod session;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use thiserror::Error;
use tokio_util::sync::CancellationToken;
use url::Url;

pub use config::ServerConfig;

use super::frame::{Ephemeral, EphemeralKinds};
use super::{CloseReason, Socket};
use crate::inbox::InboxService;

/// Takes what is worth something now or not at all.
pub trait EphemeralSink: fmt::Debug + Send + Sync + 'static {
    /// The kinds that are taken; others are never sent here.
    fn kinds(&self) -> EphemeralKinds;

    /// Takes one frame about a member of `holder`'s origin; must neither wait nor fail.
    fn take(&self, holder: &Url, frame: Ephemeral);
}

/// Why a stream cannot be taken in.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("{limit} streams are open, which is as many as there may be")]
pub struct TooManyStreams {
    /// How many there may be.
    pub limit: usize,
}

impl TooManyStreams {
    /// Whether there may be a place later: always.
    pub const fn is_retryable(&self) -> bool {
        true
    }
}

/// What a server has done since it started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServerCounts {
    /// Streams that are open now.
    pub open: u64,
    /// Streams that were opened.
    pub opened: u64,
    /// Activities that came by stream.
    pub activities: u64,
    /// Of these, those with a 2xx.
    pub accepted: u64,
    /// Ephemeral frames that were handed on.
    pub ephemeral: u64,
    /// Ephemeral frames that were dropped.
    pub ephemeral_dropped: u64,
}

/// Serves the push streams of other nodes; cheap to clone.
#[derive(Clone)]
pub struct StreamServer(Arc<Inner>);

pub(super) struct Inner {
    inbox: Arc<dyn InboxService>,
    origin: Url,
    ephemeral: Option<Arc<dyn EphemeralSink>>,
    config: ServerConfig,
    /// The open stream of each holder's origin.
    places: Mutex<HashMap<String, (u64, CancellationToken)>>,
    opened: AtomicU64,
    activities: AtomicU64,
    accepted: AtomicU64,
    ephemeral_taken: AtomicU64,
    ephemeral_dropped: AtomicU64,
}

impl StreamServer {
    /// A server that gives activities to `inbox`; `origin` is this node's own.
    pub fn new(inbox: Arc<dyn InboxService>, origin: Url, config: ServerConfig) -> Self {
        Self(Arc::new(Inner {
            inbox,
            origin,
            ephemeral: None,
            config,
            places: Mutex::default(),
            opened: AtomicU64::new(0),
            activities: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            ephemeral_taken: AtomicU64::new(0),
            ephemeral_dropped: AtomicU64::new(0),
        }))
    }

    /// The same server, taking ephemeral frames too. To be called before the first stream.
    #[must_use]
    pub fn with_ephemeral(self, sink: Arc<dyn EphemeralSink>) -> Self {
        let mut server = Self::new(
            Arc::clone(&self.0.inbox),
            self.0.origin.clone(),
            self.0.config.clone(),
        );
        if let Some(inner) = Arc::get_mut(&mut server.0) {
            inner.ephemeral = Some(sink);
        }
        server
    }

    /// The settings.
    pub fn config(&self) -> &ServerConfig {
        &self.0.config
    }

    /// What happened so far.
    pub fn counts(&self) -> ServerCounts {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        ServerCounts {
            open: u64::try_from(self.0.places().len()).unwrap_or(u64::MAX),
            opened: read(&self.0.opened),
            activities: read(&self.0.activities),
            accepted: read(&self.0.accepted),
            ephemeral: read(&self.0.ephemeral_taken),
            ephemeral_dropped: read(&self.0.ephemeral_dropped),
        }
    }

    /// Takes a place for a stream of `holder`, whose session the caller has checked.
    ///
    /// An earlier stream of the same origin is closed: its holder has lost it.
    ///
    /// # Errors
    /// [`TooManyStreams`].
    pub fn admit(&self, holder: &Url) -> Result<Place, TooManyStreams> {
        let key = holder.origin().ascii_serialization();
        let limit = self.0.config.max_streams;
        let mut places = self.0.places();
        if places.len() >= limit && !places.contains_key(&key) {
            return Err(TooManyStreams { limit });
        }
        let id = self.0.opened.fetch_add(1, Ordering::Relaxed);
        let replaced = CancellationToken::new();
        if let Some((_, earlier)) = places.insert(key.clone(), (id, replaced.clone())) {
            earlier.cancel();
        }
        drop(places);
        Ok(Place {
            server: Arc::clone(&self.0),
            holder: holder.clone(),
            key,
            id,
            replaced,
        })
    }

    /// Serves one stream to its end, and says why it ended.
    ///
    /// `ended` completes when the session may be used no longer: revoked, expired, its domain
    /// blocked ([`CloseReason::SessionEnded`], [`CloseReason::Blocked`]), or the server about to
    /// stop ([`CloseReason::GoingAway`], after which what is under way is still acknowledged).
    ///
    /// # Security
    /// Each activity passes the same inbox as a POST. Its signing key must be of the holder's
    /// origin, so that nobody sends here once the holder may not. When `ended` completes nothing
    /// more is read, whatever the stream was waiting for, and what the inbox has not committed is
    /// given up.
    pub async fn serve<S, E>(&self, place: Place, socket: S, ended: E) -> CloseReason
    where
        S: Socket,
        E: Future<Output = CloseReason> + Send,
    {
        let holder = place.holder.clone();
        let reason = session::serve(&self.0, &place, socket, ended).await;
        drop(place);
        tracing::info!(%holder, %reason, "a push stream from another node ended");
        reason
    }
}

impl Inner {
    fn places(&self) -> MutexGuard<'_, HashMap<String, (u64, CancellationToken)>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for StreamServer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("StreamServer")
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}

/// The place of one stream; it is free again when this is dropped.
pub struct Place {
    server: Arc<Inner>,
    holder: Url,
    key: String,
    id: u64,
    replaced: CancellationToken,
}

impl Place {
    /// The node actor whose stream it is.
    pub const fn holder(&self) -> &Url {
        &self.holder
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut places = self.server.places();
        if places.get(&self.key).is_some_and(|(id, _)| *id == self.id) {
            places.remove(&self.key);
        }
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Place")
            .field("holder", &self.holder.as_str())
            .finish_non_exhaustive()
    }
}
