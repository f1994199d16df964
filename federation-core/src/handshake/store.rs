//! The port behind which challenges and sessions are kept.

use std::fmt;

use futures_util::future::BoxFuture;
use url::Url;

use crate::clock::Timestamp;
use crate::handshake::{Challenge, ChallengeId, SessionId, StoredSession, Terms, TokenHash};
use crate::store::StoreError;

/// Sessions that one call of [`HandshakeStore::revoke_matching`] ends at most.
pub const REVOKED_AT_ONCE: u32 = 500;

/// What became of a new challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an issuer acts on each")]
pub enum ChallengeAdded {
    /// It is kept.
    Kept,
    /// There are too many; the first of them is over at this moment.
    TooMany(Timestamp),
}

/// What became of a new session.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "an issuer acts on each")]
pub enum SessionAdded {
    /// It is kept and its challenge used up; these older ones of the same pair ended for it.
    Kept(Vec<SessionId>),
    /// The challenge was not there any more; nothing has happened.
    ChallengeGone,
    /// The holder has too many sessions; nothing has happened.
    TooMany,
}

/// Which sessions to end.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionFilter {
    /// All of this holder.
    Holder(Url),
    /// All for this subject.
    Subject(Url),
    /// All of holders on this host, which is in canonical spelling and without port.
    Host(String),
}

/// Keeps challenges and sessions.
///
/// Whoever implements it keeps two promises: each call happens as a whole or not at all, and of
/// any number of [`HandshakeStore::open_session`] with one challenge, one alone finds it.
pub trait HandshakeStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps a challenge, unless its holder, the holders of its site ([`Challenge::site`]) or all
    /// holders together have as many open ones as the terms allow. Also removes a few that are over, so that they never pile up.
    fn add_challenge(
        &self,
        challenge: Challenge,
        terms: Terms,
    ) -> BoxFuture<'_, Result<ChallengeAdded, StoreError>>;

    /// The challenge with this id, over or not.
    fn challenge(&self, id: ChallengeId) -> BoxFuture<'_, Result<Option<Challenge>, StoreError>>;

    /// Removes a challenge; nothing happens when it is not there.
    fn end_challenge(&self, id: ChallengeId) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Uses up a challenge that is open at the session's beginning, and keeps the session, in one.
    ///
    /// # Security
    /// The removal of the challenge decides, not a look at it before.
    fn open_session(
        &self,
        challenge: ChallengeId,
        session: StoredSession,
        terms: Terms,
    ) -> BoxFuture<'_, Result<SessionAdded, StoreError>>;

    /// The session whose token has this digest, live or not.
    fn by_token(
        &self,
        token: TokenHash,
    ) -> BoxFuture<'_, Result<Option<StoredSession>, StoreError>>;

    /// The session with this id, live or not.
    fn session(&self, id: SessionId) -> BoxFuture<'_, Result<Option<StoredSession>, StoreError>>;

    /// Ends a session; whether it was not ended before.
    fn revoke(&self, id: SessionId, now: Timestamp) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Ends at most [`REVOKED_AT_ONCE`] live sessions that fit; their ids.
    fn revoke_matching(
        &self,
        filter: SessionFilter,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<SessionId>, StoreError>>;

    /// Which of these sessions are revoked, or not there any more.
    fn ended_among(&self, ids: Vec<SessionId>)
    -> BoxFuture<'_, Result<Vec<SessionId>, StoreError>>;

    /// Removes challenges that are over and sessions that ended before `before`, at most `limit`
    /// of each; the most of one kind.
    fn prune(&self, before: Timestamp, limit: u32) -> BoxFuture<'_, Result<usize, StoreError>>;
}
