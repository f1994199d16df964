//! Peers that are heard of: whoever is held back is tried again as soon as a word of theirs comes in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use url::Url;

use super::delivery::peer_of;
use super::store::DeliveryStore;
use crate::clock::Clock;

/// How often it is looked up for one peer whether it is held back.
const EVERY: Duration = Duration::from_secs(30);
/// Of how many peers it is remembered when that was.
const MOST: u64 = 10_000;

/// Tells the queue of peers that prove to be there; cheap to clone.
///
/// After an outage a peer may be held back for up to [`WorkerConfig::peer_backoff`]'s longest pause.
/// Who is back usually says something before that, and need not wait for the rest of it.
///
/// [`WorkerConfig::peer_backoff`]: super::WorkerConfig::peer_backoff
#[derive(Clone)]
pub struct Contacts {
    store: Arc<dyn DeliveryStore>,
    clock: Arc<dyn Clock>,
    heard: Cache<String, ()>,
}

impl Contacts {
    /// Tells `store`.
    pub fn new(store: Arc<dyn DeliveryStore>, clock: Arc<dyn Clock>) -> Self {
        let heard = Cache::builder()
            .max_capacity(MOST)
            .time_to_live(EVERY)
            .build();
        Self {
            store,
            clock,
            heard,
        }
    }

    /// Notes that the server of this URL has just proven to be there.
    ///
    /// # Security
    /// The proof comes first: what anybody could send in the name of a peer is no word of the peer. A
    /// peer that is there and takes nothing gets one attempt in half a minute by this, at its own word.
    pub async fn heard_of(&self, url: &Url) {
        let peer = peer_of(url);
        if !self.heard.entry(peer.clone()).or_insert(()).is_fresh() {
            return;
        }
        match self.store.heard_of(peer.clone(), self.clock.now()).await {
            Ok(true) => tracing::info!(%peer, "a peer that was held back is there again"),
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, %peer, "a peer that is there stays held back"),
        }
    }
}

impl fmt::Debug for Contacts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Contacts")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}
