//! Challenges and sessions in memory, for tests and for servers that may forget them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};

use crate::clock::Timestamp;
use crate::fetch::canonical_host;
use crate::handshake::store::{
    ChallengeAdded, HandshakeStore, REVOKED_AT_ONCE, SessionAdded, SessionFilter,
};
use crate::handshake::{
    Challenge, ChallengeId, NodeSession, SessionId, StoredSession, Terms, TokenHash,
};
use crate::store::StoreError;

/// Keeps challenges and sessions in memory; they end with the process.
#[derive(Debug, Default)]
pub struct MemoryHandshakeStore(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
    /// Each with its site, so that it is worked out once.
    challenges: BTreeMap<ChallengeId, (Challenge, String)>,
    sessions: BTreeMap<SessionId, StoredSession>,
    by_token: BTreeMap<[u8; 32], SessionId>,
}

impl MemoryHandshakeStore {
    /// A store with nothing in it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `work` with nobody else in between.
    fn with<'a, T: Send + 'a>(
        &self,
        work: impl FnOnce(&mut Rows) -> T,
    ) -> BoxFuture<'a, Result<T, StoreError>> {
        let rows = self.0.lock();
        let done = work(&mut rows.unwrap_or_else(PoisonError::into_inner));
        ready(Ok(done)).boxed()
    }
}

impl Rows {
    fn add_challenge(&mut self, challenge: Challenge, terms: Terms) -> ChallengeAdded {
        let now = challenge.created_at;
        self.challenges.retain(|_, (other, _)| other.is_open(now));
        let all = || self.challenges.values().map(|(other, _)| other);
        let of_holder = |other: &&Challenge| other.holder == challenge.holder;
        let of_holder: Vec<&Challenge> = all().filter(of_holder).collect();
        let first = |challenges: &mut dyn Iterator<Item = &Challenge>| {
            let first = challenges.map(|other| other.expires_at).min();
            ChallengeAdded::TooMany(first.unwrap_or(challenge.expires_at))
        };
        if reaches(of_holder.len(), terms.challenges_per_holder) {
            return first(&mut of_holder.into_iter());
        }
        let site = challenge.site();
        let of_site = self.challenges.values();
        let of_site = of_site.filter(|(_, other)| *other == site);
        let of_site: Vec<&Challenge> = of_site.map(|(other, _)| other).collect();
        if reaches(of_site.len(), terms.challenges_per_site) {
            return first(&mut of_site.into_iter());
        }
        if reaches(self.challenges.len(), terms.challenges) {
            return first(&mut all());
        }
        self.challenges.insert(challenge.id, (challenge, site));
        ChallengeAdded::Kept
    }

    fn open_session(
        &mut self,
        challenge: ChallengeId,
        stored: StoredSession,
        terms: Terms,
    ) -> SessionAdded {
        let (session, now) = (&stored.session, stored.session.issued_at);
        let open = self.challenges.get(&challenge);
        if !open.is_some_and(|(challenge, _)| challenge.is_open(now)) {
            return SessionAdded::ChallengeGone;
        }
        let live = |other: &&NodeSession| other.holder == session.holder;
        let live: Vec<&NodeSession> = self.live(now).filter(live).collect();
        if reaches(live.len(), terms.sessions_per_holder) {
            return SessionAdded::TooMany;
        }
        let mut same: Vec<_> = live
            .into_iter()
            .filter(|other| other.subject == session.subject)
            .map(|other| (other.issued_at, other.id))
            .collect();
        same.sort_unstable();
        let keep = usize::try_from(terms.sessions_per_subject.max(1)).unwrap_or(usize::MAX) - 1;
        same.truncate(same.len().saturating_sub(keep));
        let ended: Vec<SessionId> = same.into_iter().map(|(_, id)| id).collect();
        self.challenges.remove(&challenge);
        for id in &ended {
            self.revoke(*id, now);
        }
        self.by_token
            .insert(*stored.token_hash.as_bytes(), stored.session.id);
        self.sessions.insert(stored.session.id, stored);
        SessionAdded::Kept(ended)
    }

    fn live(&self, now: Timestamp) -> impl Iterator<Item = &NodeSession> {
        let live = self.sessions.values().filter(move |one| one.is_live(now));
        live.map(|one| &one.session)
    }

    fn revoke(&mut self, id: SessionId, now: Timestamp) -> bool {
        let found = self.sessions.get_mut(&id);
        found.is_some_and(|stored| {
            let first = stored.revoked_at.is_none();
            stored.revoked_at.get_or_insert(now);
            first
        })
    }

    fn revoke_matching(&mut self, filter: &SessionFilter, now: Timestamp) -> Vec<SessionId> {
        let limit = usize::try_from(REVOKED_AT_ONCE).unwrap_or(usize::MAX);
        let fits = self.live(now).filter(|session| matches(session, filter));
        let ids: Vec<SessionId> = fits.map(|session| session.id).take(limit).collect();
        for id in &ids {
            self.revoke(*id, now);
        }
        ids
    }

    fn prune(&mut self, before: Timestamp, limit: usize) -> usize {
        let challenges = self.challenges.values().map(|(challenge, _)| challenge);
        let over = challenges.filter(|challenge| !challenge.is_open(before));
        let over: Vec<ChallengeId> = over.map(|challenge| challenge.id).take(limit).collect();
        for id in &over {
            self.challenges.remove(id);
        }
        let sessions = self.sessions.values();
        let ended = sessions.filter(|stored| ended_at(stored) < before);
        let ended: Vec<(SessionId, TokenHash)> = ended
            .map(|stored| (stored.session.id, stored.token_hash))
            .take(limit)
            .collect();
        for (id, hash) in &ended {
            self.sessions.remove(id);
            self.by_token.remove(hash.as_bytes());
        }
        over.len().max(ended.len())
    }
}

fn reaches(count: usize, limit: u32) -> bool {
    usize::try_from(limit).is_ok_and(|limit| count >= limit)
}

fn ended_at(stored: &StoredSession) -> Timestamp {
    let expires_at = stored.session.expires_at;
    stored
        .revoked_at
        .map_or(expires_at, |at| at.min(expires_at))
}

fn matches(session: &NodeSession, filter: &SessionFilter) -> bool {
    match filter {
        SessionFilter::Holder(holder) => session.holder == *holder,
        SessionFilter::Subject(subject) => session.subject.as_ref() == Some(subject),
        SessionFilter::Host(host) => {
            canonical_host(session.holder.host_str().unwrap_or_default()) == *host
        }
    }
}

impl HandshakeStore for MemoryHandshakeStore {
    fn add_challenge(
        &self,
        challenge: Challenge,
        terms: Terms,
    ) -> BoxFuture<'_, Result<ChallengeAdded, StoreError>> {
        self.with(|rows| rows.add_challenge(challenge, terms))
    }

    fn challenge(&self, id: ChallengeId) -> BoxFuture<'_, Result<Option<Challenge>, StoreError>> {
        self.with(|rows| {
            let found = rows.challenges.get(&id);
            found.map(|(challenge, _)| challenge.clone())
        })
    }

    fn end_challenge(&self, id: ChallengeId) -> BoxFuture<'_, Result<(), StoreError>> {
        self.with(|rows| {
            rows.challenges.remove(&id);
        })
    }

    fn open_session(
        &self,
        challenge: ChallengeId,
        session: StoredSession,
        terms: Terms,
    ) -> BoxFuture<'_, Result<SessionAdded, StoreError>> {
        self.with(|rows| rows.open_session(challenge, session, terms))
    }

    fn by_token(
        &self,
        token: TokenHash,
    ) -> BoxFuture<'_, Result<Option<StoredSession>, StoreError>> {
        self.with(|rows| {
            let id = rows.by_token.get(token.as_bytes())?;
            rows.sessions.get(id).cloned()
        })
    }

    fn session(&self, id: SessionId) -> BoxFuture<'_, Result<Option<StoredSession>, StoreError>> {
        self.with(|rows| rows.sessions.get(&id).cloned())
    }

    fn revoke(&self, id: SessionId, now: Timestamp) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.with(|rows| rows.revoke(id, now))
    }

    fn revoke_matching(
        &self,
        filter: SessionFilter,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<SessionId>, StoreError>> {
        self.with(|rows| rows.revoke_matching(&filter, now))
    }

    fn ended_among(
        &self,
        mut ids: Vec<SessionId>,
    ) -> BoxFuture<'_, Result<Vec<SessionId>, StoreError>> {
        self.with(|rows| {
            let live = |id: &SessionId| {
                let found = rows.sessions.get(id);
                found.is_some_and(|stored| stored.revoked_at.is_none())
            };
            ids.retain(|id| !live(id));
            ids
        })
    }

    fn prune(&self, before: Timestamp, limit: u32) -> BoxFuture<'_, Result<usize, StoreError>> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        self.with(|rows| rows.prune(before, limit))
    }
}
