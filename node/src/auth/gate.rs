//! Knows which sessions live, asks the database at most twice a second for each, and tells open
//! connections, and the other processes, when one ends (I9).

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use federation_core::store::sql::{Connection, Database};
use federation_core::{Clock, Timestamp};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use moka::sync::Cache;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::endings;
use super::error::AuthError;
use super::foreign::Foreign;
use super::operations;
use super::personal;
use super::store;
use super::token::{Refusal, Tokens};
use super::uses::Uses;
use super::visitors::Visiting;
use crate::base::ids::{SessionId, UserId};
use crate::base::privilege::Privileges;
use crate::base::role::Role;
use crate::base::scope::Scopes;
use crate::platform::cluster::{Cluster, Notice};
use crate::platform::http::auth::{Authenticator, Client, CurrentUser, SessionEnd, Watch};
use crate::platform::http::error::ApiError;

/// How long an answer of the database counts: what another process revokes shows after this.
const CACHED_FOR: Duration = Duration::from_millis(500);
/// Sessions in one notice to other processes.
const TOLD_AT_ONCE: usize = 500;
/// Sessions whose state is remembered.
const CACHE_CAPACITY: u64 = 50_000;

/// Knows which sessions live.
pub struct Gate {
    pub(super) db: Database,
    pub(super) clock: Arc<dyn Clock>,
    tokens: Arc<Tokens>,
    cluster: Cluster,
    pub(super) uses: Uses,
    live: Cache<SessionId, Live>,
    /// Moves with every revocation, so that an answer read before one is not remembered after it.
    revocations: AtomicU64,
    watched: Arc<Watched>,
    /// The sessions of personal access tokens.
    pub(super) personal: personal::Known,
    /// Tells of tokens of another issuer.
    pub(super) foreign: Foreign,
    /// Tells of members of other nodes.
    pub(super) visiting: Visiting,
}

/// What counts of a session that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Live {
    pub(super) user: UserId,
    pub(super) role: Role,
    pub(super) privileges: Privileges,
    pub(super) client: Client,
    pub(super) scopes: Scopes,
}

impl Live {
    /// The member who speaks by this session.
    pub(super) fn member(&self, session: SessionId, expires_at: Timestamp) -> CurrentUser {
        CurrentUser {
            id: self.user,
            session,
            role: self.role,
            privileges: self.privileges,
            scopes: self.scopes,
            client: self.client,
            expires_at,
        }
    }
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
    pub(super) fn new(
        db: Database,
        clock: Arc<dyn Clock>,
        tokens: Arc<Tokens>,
        cluster: Cluster,
    ) -> Self {
        let live = Cache::builder()
            .max_capacity(CACHE_CAPACITY)
            .time_to_live(CACHED_FOR)
            .build();
        Self {
            db,
            clock,
            tokens,
            cluster,
            uses: Uses::new(),
            live,
            revocations: AtomicU64::new(0),
            watched: Arc::default(),
            personal: personal::Known::new(CACHE_CAPACITY),
            foreign: Foreign::default(),
            visiting: Visiting::default(),
        }
    }

    /// Ends what hangs on these sessions, here and in other processes. Call it after the commit that
    /// revokes them.
    pub fn revoked(&self, sessions: &[SessionId]) {
        self.end(sessions);
        for ids in sessions.chunks(TOLD_AT_ONCE) {
            let ids = ids.to_vec();
            self.cluster.tell(Notice::SessionsRevoked { ids });
        }
    }

    /// Takes up that an account was suspended, deleted or given another role, here and in other
    /// processes. Call it after the commit.
    ///
    /// # Errors
    /// The database failed; what is remembered is forgotten all the same, and open connections end
    /// at the next look.
    pub async fn account_changed(&self, user: UserId) -> Result<(), AuthError> {
        self.cluster.tell(Notice::AccountChanged { user });
        self.recheck_account(user).await
    }

    /// Takes up that roles changed, here and in other processes. Call it after the commit.
    pub fn roles_changed(&self) {
        self.forget_all();
        self.cluster.tell(Notice::RolesChanged);
    }

    /// Takes up what another process tells.
    ///
    /// # Security
    /// A notice says where to look and no more: connections end when the rows say so, so nobody is
    /// signed out by a notice alone.
    pub(super) async fn heard(&self, notice: Notice) -> Result<(), AuthError> {
        match notice {
            Notice::SessionsRevoked { ids } => {
                self.forget(&ids);
                let now = self.clock.now();
                let watched = self.watched.of(ids);
                let read = move |connection: &mut Connection| -> Result<_, AuthError> {
                    let lives = |session: &SessionId| {
                        Ok(store::live_session(connection, *session, now)?.is_some())
                    };
                    let lives: Result<Vec<bool>, AuthError> = watched.iter().map(lives).collect();
                    let both = watched.into_iter().zip(lives?);
                    Ok(both
                        .filter_map(|(id, lives)| (!lives).then_some(id))
                        .collect())
                };
                let ended: Vec<SessionId> = self.db.read(read).await?;
                self.end(&ended);
            }
            Notice::AccountChanged { user } => self.recheck_account(user).await?,
            Notice::RolesChanged | Notice::Missed => self.forget_all(),
            _ => {}
        }
        Ok(())
    }

    async fn recheck_account(&self, user: UserId) -> Result<(), AuthError> {
        self.forget_all();
        let read = move |connection: &mut Connection| endings::ended_with_account(connection, user);
        let ended = self.db.read(read).await?;
        self.end_watched(ended);
        Ok(())
    }

    /// Asks the database again about these sessions, also where an answer is under way.
    fn forget(&self, sessions: &[SessionId]) {
        self.revocations.fetch_add(1, Ordering::SeqCst);
        for session in sessions {
            self.live.invalidate(session);
        }
    }

    /// Asks the database again about every session; what is remembered is half a second old at most.
    fn forget_all(&self) {
        self.revocations.fetch_add(1, Ordering::SeqCst);
        self.live.invalidate_all();
    }

    fn end(&self, sessions: &[SessionId]) {
        self.forget(sessions);
        let mut watched = self.watched.lock();
        for session in sessions {
            if let Some(holders) = watched.remove(session) {
                holders.signal.cancel();
            }
        }
    }

    /// Who shows this token, whoever made it.
    async fn judge(&self, token: &str) -> Result<CurrentUser, ApiError> {
        if Self::is_personal(token) {
            return Ok(self.check_personal(token).await?);
        }
        if let Some(visitor) = self.visiting.check(token).await? {
            return Ok(visitor);
        }
        match self.check(token).await {
            Err(AuthError::InvalidToken) => self.foreign.check(self, token).await,
            other => Ok(other?),
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
        let mut live = self.live(claims.sid).await?;
        if live.user != claims.sub {
            return Err(AuthError::InvalidToken);
        }
        if let Some(narrowed) = claims.scopes {
            let both = live.scopes.iter().filter(|scope| narrowed.contains(*scope));
            live.scopes = both.collect();
        }
        let expires_at = Timestamp::from_millis(claims.exp.saturating_mul(1000));
        Ok(live.member(claims.sid, expires_at))
    }

    /// What counts of a session, remembered or asked for now.
    pub(super) async fn live(&self, session: SessionId) -> Result<Live, AuthError> {
        match self.live.get(&session) {
            Some(live) => Ok(live),
            None => self.load(session).await,
        }
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
        let hit = self.watched.of(ended);
        if !hit.is_empty() {
            self.end(&hit);
        }
    }
}

impl Authenticator for Gate {
    fn authenticate<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<CurrentUser, ApiError>> {
        async move {
            let judged = self.judge(token).await;
            operations::count_check(judged.as_ref().err());
            judged
        }
        .boxed()
    }

    fn used(&self, session: SessionId, from: Option<IpAddr>) {
        self.uses.note(session, from, self.clock.now());
    }

    fn ended(&self, member: &CurrentUser) -> SessionEnd {
        let session = member.session;
        if member.client == Client::Visit {
            return self.visiting.ended(session);
        }
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
    /// Those of `sessions` that connections hang on.
    fn of(&self, sessions: Vec<SessionId>) -> Vec<SessionId> {
        let watched = self.lock();
        let mut sessions = sessions;
        sessions.retain(|session| watched.contains_key(session));
        sessions
    }

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
