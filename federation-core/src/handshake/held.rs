//! The sessions that this node holds at others: opened at first need, and used until they end.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use url::Url;

use super::client::origin_of;
use crate::clock::{Clock, Timestamp};
use crate::handshake::{ClientError, GrantedSession, HandshakeClient, Scopes};

/// How long before its end a session is not used any more: for requests under way, and for clocks
/// that differ.
const SPARE: Duration = Duration::from_mins(5);
/// How long an issuer that refused is not asked again, when it has not said how long to wait.
const FAILURE_KEPT: Duration = Duration::from_mins(1);
/// How long it is at most, whatever it says.
const MAX_FAILURE_KEPT: Duration = Duration::from_hours(1);

/// The sessions that one node holds at others.
///
/// Tokens are in memory alone: after a start, sessions are opened anew. Callers that need the same
/// session at the same time share one handshake, and so they share a refusal.
pub struct HeldSessions {
    client: HandshakeClient,
    clock: Arc<dyn Clock>,
    held: Cache<Purpose, Entry>,
}

/// What a session is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Purpose {
    issuer: Url,
    subject: Option<Url>,
    scopes: Scopes,
}

#[derive(Clone, Debug)]
struct Entry {
    outcome: Result<Arc<GrantedSession>, Arc<ClientError>>,
    good_until: Timestamp,
}

impl HeldSessions {
    /// Opens sessions with `client`; holds `capacity` of them at most.
    pub fn new(client: HandshakeClient, clock: Arc<dyn Clock>, capacity: u64) -> Self {
        Self {
            client,
            clock,
            held: Cache::new(capacity),
        }
    }

    /// The client that opens them.
    pub const fn client(&self) -> &HandshakeClient {
        &self.client
    }

    /// A session at the node whose origin `issuer` is of, for `subject` or the node itself, that
    /// was asked to allow precisely these scopes.
    ///
    /// # Errors
    /// Why the issuer, or this node, does not open one; remembered for a minute, or for as long
    /// as the issuer asks to wait.
    pub async fn session(
        &self,
        issuer: &Url,
        subject: Option<&Url>,
        scopes: Scopes,
    ) -> Result<Arc<GrantedSession>, Arc<ClientError>> {
        let purpose = Purpose {
            issuer: origin_of(issuer).map_err(Arc::new)?,
            subject: subject.cloned(),
            scopes,
        };
        let now = self.clock.now();
        let selector = self.held.entry_by_ref(&purpose);
        let open = Box::pin(self.open(&purpose));
        let stale = |entry: &Entry| entry.good_until <= now;
        let entry = selector.or_insert_with_if(open, stale).await;
        entry.into_value().outcome
    }

    /// Forgets a session that its issuer does not honour any more.
    pub async fn forget(&self, session: &GrantedSession) {
        // What may be held under this purpose by now is another session, unless it has this id.
        for (purpose, entry) in &self.held {
            let is_it = entry
                .outcome
                .as_ref()
                .is_ok_and(|held| held.id == session.id);
            if is_it {
                self.held.invalidate(purpose.as_ref()).await;
            }
        }
    }

    async fn open(&self, purpose: &Purpose) -> Entry {
        let opening = self
            .client
            .open(&purpose.issuer, purpose.subject.as_ref(), purpose.scopes);
        let outcome = opening.await;
        let now = self.clock.now();
        let good_until = match &outcome {
            Ok(session) => session.expires_at.minus(SPARE),
            Err(error) => {
                let asked = error.retry_after().unwrap_or(FAILURE_KEPT);
                now.plus(asked.min(MAX_FAILURE_KEPT))
            }
        };
        Entry {
            outcome: outcome.map(Arc::new).map_err(Arc::new),
            good_until,
        }
    }
}

impl fmt::Debug for HeldSessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("HeldSessions")
            .field("client", &self.client)
            .field("held", &self.held.entry_count())
            .finish_non_exhaustive()
    }
}
