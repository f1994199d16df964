//! Peers that are heard of: whoever is held back is tried again as soon as a word of theirs comes in.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use url::Url;

use super::delivery::peer_of;
use super::store::{DeliveryStore, Heard};
use crate::clock::{Clock, Timestamp};
use crate::fetch::site_of;

/// How often it is looked up for one peer whether it is held back, and a peer of one site made due.
const EVERY: Duration = Duration::from_secs(30);
/// The same after nothing could be done yet.
const SOON: Duration = Duration::from_secs(2);
/// Of how many peers and sites it is remembered when that was.
const MOST: u64 = 10_000;

/// Tells the queue of peers that prove to be there; cheap to clone.
///
/// After an outage a peer may be held back for up to [`WorkerConfig::peer_backoff`]'s longest pause.
/// Who is back usually says something before that, and need not wait for the rest of it. A peer that
/// asked for time has it all the same. A peer is known by the host of its inboxes: one whose keys are on
/// another host waits for its time.
///
/// [`WorkerConfig::peer_backoff`]: super::WorkerConfig::peer_backoff
#[derive(Clone)]
pub struct Contacts {
    store: Arc<dyn DeliveryStore>,
    clock: Arc<dyn Clock>,
    /// When each peer may be looked up again.
    asked: Cache<String, Timestamp>,
    /// When the next peer of each site may be made due.
    woken: Cache<String, Timestamp>,
}

impl Contacts {
    /// Tells `store`.
    pub fn new(store: Arc<dyn DeliveryStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            asked: Cache::new(MOST),
            woken: Cache::new(MOST),
        }
    }

    /// Notes that the server of this URL has just proven to be there.
    ///
    /// # Security
    /// The proof comes first: what anybody could send in the name of a peer is no word of the peer. A
    /// request that somebody repeats counts as one, as long as its signature holds. Whoever is there and
    /// takes nothing gets one attempt in half a minute by this, and so does a site with many names.
    pub async fn heard_of(&self, url: &Url) {
        let (peer, site, now) = (peer_of(url), site_of(url), self.clock.now());
        let is_early = |next: Option<Timestamp>| next.is_some_and(|next| now < next);
        if is_early(self.asked.get(&peer)) || is_early(self.woken.get(&site)) {
            return;
        }
        self.asked.insert(peer.clone(), now.plus(EVERY));
        match self.store.heard_of(peer.clone(), now).await {
            Ok(Heard::Due) => {
                self.woken.insert(site, now.plus(EVERY));
                tracing::info!(%peer, "a peer that was held back is there again");
            }
            Ok(Heard::Nothing) => {}
            Ok(Heard::BeingTried) => self.asked.insert(peer, now.plus(SOON)),
            Err(error) => {
                tracing::warn!(%error, %peer, "a peer that is there stays held back");
                self.asked.insert(peer, now.plus(SOON));
            }
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
