//! Knows which sessions live, asks the database at most once a second for each, and tells
//! open connections when theirs ends (I9).

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use federation_core::Clock;
use federation_core::store::sql::Database;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use moka::sync::Cache;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::error::AuthError;
use super::store;
use super::token::{Refusal, Tokens};
use crate::base::ids::{SessionId, UserId};
use crate::base::privilege::Privileges;
use crate::base::role::Role;
use crate::base::scope::Scopes;
use crate::platform::http::auth::{Authenticator, Client, CurrentUser, SessionEnd, Watch};
use crate::platform::http::error::ApiError;

/// How long an answer of the database counts: what another process revokes shows after this.
const CACHED_FOR: Duration = Duration::from_secs(1);
/// Sessions whose state is remembered.
const CACHE_CAPACITY: u64 = 50_000;

/// Knows which sessions live.
pub struct Gate {
    db: Database,
    clock: Arc<dyn Clock>,
    tokens: Arc<Tokens>,
    live: Cache<SessionId, Live>,
    /// Moves with every revocation, so that an answer read before one is not remembered after it.
    revocations: AtomicU64,
    watched: Arc<Watched>,
}

/// What counts of a session that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Live {
    pub(super) user: UserId,
    pub(super) role: Role,
}

/// Sessions that open connections hang on.
#[derive(Debug, Default)]
struct Watched {
    sessions: Mutex<HashMap<SessionId, Holders>>,
    first: Notify,
}

#[derive(Debug, Default)]
struct Holders {
    signal: CancellationToken,
    count: usize,
}

impl Gate {
    pub(super) fn new(db: Database, clock: Arc<dyn Clock>, tokens: Arc<Tokens>) -> Self {
        let live = Cache::builder()
            .max_capacity(CACHE_CAPACITY)
            .time_to_live(CACHED_FOR)
            .build();
        Self {
            db,
            clock,
            tokens,
            live,
            revocations: AtomicU64::new(0),
            watched: Arc::default(),
        }
    }

    /// Ends what hangs on these sessions. Call it after the commit that revokes them.
    pub fn revoked(&self, sessions: &[SessionId]) {
        self.revocations.fetch_add(1, Ordering::SeqCst);
        let mut watched = self.watched.lock();
        for session in sessions {
            self.live.invalidate(session);
            if let Some(holders) = watched.remove(session) {
                holders.signal.cancel();
            }
        }
    }

    async fn check(&self, token: &str) -> Result<CurrentUser, AuthError> {
        let claims = match self.tokens.verify(token, self.clock.now()) {
            Err(Refusal::UnknownKey) => {
                self.tokens.reload(&self.db, self.clock.now()).await?;
                self.tokens.verify(token, self.clock.now())
            }
            other => other,
        };
        let claims = claims.map_err(|refusal| match refusal {
            Refusal::Expired => AuthError::TokenExpired,
            Refusal::Invalid | Refusal::UnknownKey => AuthError::InvalidToken,
        })?;
        let live = match self.live.get(&claims.sid) {
            Some(live) => live,
            None => self.load(claims.sid).await?,
        };
        if live.user != claims.sub {
            return Err(AuthError::InvalidToken);
        }
        Ok(CurrentUser {
            id: live.user,
            session: claims.sid,
            role: live.role,
            privileges: Privileges::of_role(live.role),
            scopes: Scopes::all(),
            client: Client::FirstParty,
            expires_at: federation_core::Timestamp::from_millis(claims.exp.saturating_mul(1000)),
        })
    }

    async fn load(&self, session: SessionId) -> Result<Live, AuthError> {
        let before = self.revocations.load(Ordering::SeqCst);
        let now = self.clock.now();
        let found = self
            .db
            .read(move |connection| store::live_session(connection, session, now))
            .await?;
        let live = found.ok_or(AuthError::SessionEnded)?;
        self.live.insert(session, live);
        if self.revocations.load(Ordering::SeqCst) != before {
            self.live.invalidate(&session);
        }
        Ok(live)
    }

    /// Waits until a connection hangs on some session.
    pub(super) async fn something_watched(&self) {
        while self.watched.lock().is_empty() {
            self.watched.first.notified().await;
        }
    }

    /// Of `ended`, ends those that connections hang on.
    pub(super) fn end_watched(&self, ended: Vec<SessionId>) {
        let hit: Vec<SessionId> = {
            let watched = self.watched.lock();
            ended
                .into_iter()
                .filter(|session| watched.contains_key(session))
                .collect()
        };
        if !hit.is_empty() {
            self.revoked(&hit);
        }
    }
}

impl Authenticator for Gate {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<CurrentUser, ApiError>> {
        async move { Ok(self.check(token).await?) }.boxed()
    }

    fn ended(&self, session: SessionId) -> SessionEnd {
        let signal = {
            let mut watched = self.watched.lock();
            let holders = watched.entry(session).or_default();
            holders.count += 1;
            holders.signal.clone()
        };
        self.watched.first.notify_one();
        let place = Place {
            watched: Arc::clone(&self.watched),
            session,
            signal: signal.clone(),
        };
        SessionEnd::new(signal, Some(Box::new(place)))
    }
}

impl Watched {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, Holders>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection that hangs on a session.
#[derive(Debug)]
struct Place {
    watched: Arc<Watched>,
    session: SessionId,
    signal: CancellationToken,
}

impl Watch for Place {}

impl Drop for Place {
    fn drop(&mut self) {
        // After the end of the session somebody may wait under the same id with a new signal.
        if self.signal.is_cancelled() {
            return;
        }
        let mut watched = self.watched.lock();
        if let Some(holders) = watched.get_mut(&self.session) {
            holders.count = holders.count.saturating_sub(1);
            if holders.count == 0 {
                watched.remove(&self.session);
            }
        }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Gate")
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}
