//! Sessions that something stays open for, and the signal that ends it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{Notify, watch};
use url::Url;

use crate::clock::{Clock, Timestamp};
use crate::handshake::{NodeSession, SessionId};

/// Why a watched session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// It was revoked.
    Revoked,
    /// The domain of its holder is blocked.
    Blocked,
    /// Its time is over.
    Expired,
}

/// The sessions that are watched in this process; clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Watched(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    sessions: Mutex<HashMap<SessionId, Entry>>,
    added: Notify,
}

#[derive(Debug)]
struct Entry {
    holder: Url,
    watches: usize,
    ended: watch::Sender<Option<Ended>>,
}

impl Watched {
    pub(super) fn watch(&self, session: &NodeSession, clock: Arc<dyn Clock>) -> SessionWatch {
        let ended = self.with(|sessions| {
            let entry = sessions.entry(session.id).or_insert_with(|| Entry {
                holder: session.holder.clone(),
                watches: 0,
                ended: watch::Sender::new(None),
            });
            entry.watches += 1;
            entry.ended.subscribe()
        });
        self.0.added.notify_one();
        SessionWatch {
            id: session.id,
            expires_at: session.expires_at,
            ended,
            clock,
            watched: self.clone(),
        }
    }

    /// Ends the watches of a session, for a reason that depends on its holder.
    pub(super) fn end(&self, id: SessionId, why: impl FnOnce(&Url) -> Ended) {
        self.with(|sessions| {
            if let Some(entry) = sessions.get(&id) {
                entry.ended.send_replace(Some(why(&entry.holder)));
            }
        });
    }

    /// Waits until something is watched.
    pub(super) async fn something(&self) {
        loop {
            let added = self.0.added.notified();
            if !self.with(|sessions| sessions.is_empty()) {
                return;
            }
            added.await;
        }
    }

    /// Those that are watched and not known to have ended, with their holders.
    pub(super) fn all(&self) -> Vec<(SessionId, Url)> {
        self.with(|sessions| {
            let open = sessions
                .iter()
                .filter(|(_, entry)| entry.ended.borrow().is_none());
            open.map(|(id, entry)| (*id, entry.holder.clone()))
                .collect()
        })
    }

    fn forget(&self, id: SessionId) {
        self.with(|sessions| {
            if let Some(entry) = sessions.get_mut(&id) {
                entry.watches = entry.watches.saturating_sub(1);
                if entry.watches == 0 {
                    sessions.remove(&id);
                }
            }
        });
    }

    fn with<T>(&self, work: impl FnOnce(&mut HashMap<SessionId, Entry>) -> T) -> T {
        let sessions = self.0.sessions.lock();
        work(&mut sessions.unwrap_or_else(PoisonError::into_inner))
    }
}

/// Tells when a session is over; the session counts as watched as long as this lives.
#[derive(Debug)]
pub struct SessionWatch {
    id: SessionId,
    expires_at: Timestamp,
    ended: watch::Receiver<Option<Ended>>,
    clock: Arc<dyn Clock>,
    watched: Watched,
}

impl SessionWatch {
    /// The session.
    pub const fn id(&self) -> SessionId {
        self.id
    }

    /// Completes when the session is revoked or its time is over; may be asked again.
    ///
    /// An end by another process, and one before this watch began, is seen within half a second
    /// while [`Sessions::follow`](super::Sessions::follow) runs.
    pub async fn ended(&mut self) -> Ended {
        let expired = self.clock.sleep_until(self.expires_at);
        tokio::select! {
            biased;
            // The sender lives as long as this is in the map, which it is until it is dropped.
            told = self.ended.wait_for(Option::is_some) => {
                told.ok().and_then(|why| *why).unwrap_or(Ended::Revoked)
            }
            () = expired => Ended::Expired,
        }
    }
}

impl Drop for SessionWatch {
    fn drop(&mut self) {
        self.watched.forget(self.id);
    }
}
