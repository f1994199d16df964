//! Sessions in use: authorised at every use, and ended everywhere within a second.
//!
//! The rows are the truth. Nothing is remembered between two uses, so a session that another
//! process has ended opens nothing more; what stays open over time (a push stream) holds a
//! [`SessionWatch`], which [`Sessions::follow`] ends when the row says so.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};
use url::Url;

use super::watched::{Ended, SessionWatch, Watched};
use crate::clock::{Clock, Timestamp};
use crate::fetch::{DomainPolicy, canonical_host};
use crate::handshake::message::{Introspection, RevokeRequest};
use crate::handshake::store::{REVOKED_AT_ONCE, SessionFilter};
use crate::handshake::{
    HandshakeError, HandshakeStore, NodeSession, Scope, SessionId, StoredSession, TokenHash,
};

/// How often the rows of watched sessions are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// Watched sessions whose rows are looked at in one query.
const LOOKED_AT_ONCE: usize = 500;
/// Announced ends that wait for one slow listener before it misses some.
const ANNOUNCED: usize = 1024;
/// Bytes of a presented token that are looked at; longer ones open nothing.
const MAX_TOKEN: usize = 512;

/// The sessions that an issuer has granted; clones share everything.
#[derive(Clone)]
pub struct Sessions(Arc<Parts>);

struct Parts {
    store: Arc<dyn HandshakeStore>,
    blocked: Arc<dyn DomainPolicy>,
    clock: Arc<dyn Clock>,
    watched: Watched,
    announced: broadcast::Sender<SessionId>,
}

impl Sessions {
    /// The sessions in `store`; holders on blocked domains have none.
    pub fn new(
        store: Arc<dyn HandshakeStore>,
        blocked: Arc<dyn DomainPolicy>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self(Arc::new(Parts {
            store,
            blocked,
            clock,
            watched: Watched::default(),
            announced: broadcast::Sender::new(ANNOUNCED),
        }))
    }

    /// The session that a presented token opens, when it is live and allows `scope`.
    ///
    /// # Errors
    /// [`HandshakeError::InvalidToken`], [`HandshakeError::InsufficientScope`],
    /// [`HandshakeError::Blocked`] when the holder's domain is blocked by now, and
    /// [`HandshakeError::Store`].
    ///
    /// # Security
    /// Asks the store at every use: a session that ended opens nothing more, whichever process
    /// ended it.
    pub async fn authorise(
        &self,
        token: &str,
        scope: Scope,
        now: Timestamp,
    ) -> Result<NodeSession, HandshakeError> {
        let Some((stored, hash)) = self.find(token).await? else {
            return Err(HandshakeError::InvalidToken);
        };
        let session = stored.authorise(&hash, scope, now)?;
        self.check_not_blocked(&session.holder)?;
        Ok(session)
    }

    /// Watches a session that something stays open for.
    pub fn watch(&self, session: &NodeSession) -> SessionWatch {
        let clock = Arc::clone(&self.0.clock);
        self.0.watched.watch(session, clock)
    }

    /// The ids of sessions as they are ended, by this process or seen to be ended by another
    /// while they are watched.
    ///
    /// A listener that falls far behind misses some; what must not miss its own end holds a
    /// [`Sessions::watch`].
    pub fn revoked(&self) -> broadcast::Receiver<SessionId> {
        self.0.announced.subscribe()
    }

    /// What `asker` may know of a token (RFC 7662): everything when it holds it or is the
    /// issuer, and else that it opens nothing.
    ///
    /// # Errors
    /// [`HandshakeError::Store`].
    pub async fn introspect(
        &self,
        token: &str,
        asker: &Url,
        issuer: &Url,
        now: Timestamp,
    ) -> Result<Introspection, HandshakeError> {
        let found = self.find(token).await?;
        let known = found.filter(|(stored, hash)| {
            stored.token_hash == *hash
                && stored.is_live(now)
                && stored.is_known_to(asker, issuer)
                && self.check_not_blocked(&stored.session.holder).is_ok()
        });
        Ok(known.map_or(Introspection::Inactive, |(stored, _)| {
            stored.session.introspection()
        }))
    }

    /// Ends a session in the name of `asker` (RFC 7009); unknown ones are no fault.
    ///
    /// # Errors
    /// [`HandshakeError::NotTheHolder`] when it is neither holder nor issuer;
    /// [`HandshakeError::Store`].
    pub async fn revoke_for(
        &self,
        named: &RevokeRequest,
        asker: &Url,
        issuer: &Url,
        now: Timestamp,
    ) -> Result<(), HandshakeError> {
        let found = match named {
            RevokeRequest::Token(token) => self
                .find(token)
                .await?
                .filter(|(stored, hash)| stored.token_hash == *hash)
                .map(|(stored, _)| stored),
            RevokeRequest::SessionId(Some(id)) => self.0.store.session(*id).await?,
            RevokeRequest::SessionId(None) => None,
        };
        let Some(stored) = found else { return Ok(()) };
        if !stored.is_known_to(asker, issuer) {
            return Err(HandshakeError::NotTheHolder);
        }
        self.revoke(stored.session.id, now).await?;
        Ok(())
    }

    /// Ends a session and everything open in it; whether it was not ended before.
    ///
    /// # Errors
    /// [`HandshakeError::Store`].
    pub async fn revoke(&self, id: SessionId, now: Timestamp) -> Result<bool, HandshakeError> {
        let first = self.0.store.revoke(id, now).await?;
        self.announce(&[id]);
        if first {
            info!(session.id = %id, "a node session was ended");
        }
        Ok(first)
    }

    /// Ends every session that fits, such as those of a subject that is gone; how many.
    ///
    /// # Errors
    /// [`HandshakeError::Store`]; those before it are ended.
    pub async fn revoke_all(
        &self,
        filter: SessionFilter,
        now: Timestamp,
    ) -> Result<usize, HandshakeError> {
        let mut ended = 0;
        loop {
            let some = self.0.store.revoke_matching(filter.clone(), now).await?;
            self.announce(&some);
            ended += some.len();
            if some.len() < usize::try_from(REVOKED_AT_ONCE).unwrap_or(usize::MAX) {
                return Ok(ended);
            }
        }
    }

    /// Ends watches whose session was ended by another process, or whose holder is blocked by
    /// now, until `shutdown`; sleeps while nothing is watched.
    ///
    /// One such task runs in each process.
    pub async fn follow(&self, shutdown: CancellationToken) {
        let work = async {
            loop {
                self.0.watched.something().await;
                if let Err(error) = self.look().await {
                    warn!(%error, "cannot look for node sessions that were ended");
                }
                let next = self.0.clock.now().plus(LOOK_EVERY);
                self.0.clock.sleep_until(next).await;
            }
        };
        shutdown.run_until_cancelled(work).await;
    }

    /// Tells everybody in this process that these sessions are ended.
    pub(super) fn announce(&self, ended: &[SessionId]) {
        for id in ended {
            self.0.watched.end(*id, |holder| {
                if self.check_not_blocked(holder).is_err() {
                    Ended::Blocked
                } else {
                    Ended::Revoked
                }
            });
            // Nobody listens: then nobody has to hear of it.
            let _nobody = self.0.announced.send(*id);
        }
    }

    async fn look(&self) -> Result<(), HandshakeError> {
        let watched = self.0.watched.all();
        for (id, holder) in &watched {
            if self.check_not_blocked(holder).is_err() {
                self.revoke(*id, self.0.clock.now()).await?;
            }
        }
        for some in watched.chunks(LOOKED_AT_ONCE) {
            let ids = some.iter().map(|(id, _)| *id).collect();
            let ended = self.0.store.ended_among(ids).await?;
            self.announce(&ended);
        }
        Ok(())
    }

    async fn find(
        &self,
        token: &str,
    ) -> Result<Option<(StoredSession, TokenHash)>, HandshakeError> {
        if token.len() > MAX_TOKEN {
            return Ok(None);
        }
        let hash = TokenHash::of(token);
        let found = self.0.store.by_token(hash).await?;
        Ok(found.map(|stored| (stored, hash)))
    }

    fn check_not_blocked(&self, holder: &Url) -> Result<(), HandshakeError> {
        let host = holder.host_str().unwrap_or_default();
        if self.0.blocked.is_blocked(host) {
            let host = canonical_host(host);
            return Err(HandshakeError::Blocked { host });
        }
        Ok(())
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Sessions")
            .field("store", &self.0.store)
            .finish_non_exhaustive()
    }
}
