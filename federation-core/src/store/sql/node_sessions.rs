//! Sessions of the node handshake as rows, and the store of the handshake on a [`Database`].

use diesel::prelude::*;
use futures_util::future::BoxFuture;
use url::Url;

use super::schema::node_sessions;
use super::{Connection, Database, DatabaseError, challenges};
use crate::clock::Timestamp;
use crate::fetch::canonical_host;
use crate::handshake::{
    Challenge, ChallengeAdded, ChallengeId, HandshakeStore, NodeSession, REVOKED_AT_ONCE,
    SessionAdded, SessionFilter, SessionId, StoredSession, Terms, TokenHash,
};
use crate::store::StoreError;

/// Keeps challenges and sessions in a [`Database`] whose federation migrations have run.
#[derive(Clone, Debug)]
pub struct SqlHandshakeStore(Database);

impl SqlHandshakeStore {
    /// Keeps them in `database`.
    pub fn new(database: Database) -> Self {
        Self(database)
    }

    fn write<T, F>(&self, operation: F) -> BoxFuture<'_, Result<T, StoreError>>
    where
        F: Fn(&mut Connection) -> Result<T, DatabaseError> + Send + 'static,
        T: Send + 'static,
    {
        Box::pin(async move { Ok(self.0.write(operation).await?) })
    }

    fn read<T, F>(&self, query: F) -> BoxFuture<'_, Result<T, StoreError>>
    where
        F: FnOnce(&mut Connection) -> Result<T, DatabaseError> + Send + 'static,
        T: Send + 'static,
    {
        Box::pin(async move { Ok(self.0.read(query).await?) })
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = node_sessions)]
struct SessionRow {
    id: String,
    token_hash: Vec<u8>,
    token_hint: String,
    holder: String,
    host: String,
    subject: Option<String>,
    scopes: String,
    audience: String,
    issued_at: i64,
    expires_at: i64,
    revoked_at: Option<i64>,
    ended_at: i64,
}

impl From<&StoredSession> for SessionRow {
    fn from(stored: &StoredSession) -> Self {
        let session = &stored.session;
        let over = session.expires_at.as_millis();
        let revoked_at = stored.revoked_at.map(Timestamp::as_millis);
        Self {
            id: session.id.to_string(),
            token_hash: stored.token_hash.as_bytes().to_vec(),
            token_hint: session.token_hint.clone(),
            holder: session.holder.to_string(),
            host: canonical_host(session.holder.host_str().unwrap_or_default()),
            subject: session.subject.as_ref().map(Url::to_string),
            scopes: session.scopes.to_string(),
            audience: session.audience.clone(),
            issued_at: session.issued_at.as_millis(),
            expires_at: over,
            revoked_at,
            ended_at: revoked_at.map_or(over, |at| at.min(over)),
        }
    }
}

impl TryFrom<SessionRow> for StoredSession {
    type Error = DatabaseError;

    fn try_from(row: SessionRow) -> Result<Self, DatabaseError> {
        let malformed = || DatabaseError::Malformed {
            what: "node session",
        };
        let url = |text: String| Url::parse(&text).map_err(|_invalid| malformed());
        Ok(Self {
            session: NodeSession {
                id: parse_id(&row.id)?,
                holder: url(row.holder)?,
                subject: row.subject.map(url).transpose()?,
                scopes: row.scopes.parse().map_err(|_unknown| malformed())?,
                audience: row.audience,
                token_hint: row.token_hint,
                issued_at: Timestamp::from_millis(row.issued_at),
                expires_at: Timestamp::from_millis(row.expires_at),
            },
            token_hash: TokenHash::from_slice(&row.token_hash).ok_or_else(malformed)?,
            revoked_at: row.revoked_at.map(Timestamp::from_millis),
        })
    }
}

fn parse_id(text: &str) -> Result<SessionId, DatabaseError> {
    text.parse().map_err(|_invalid| DatabaseError::Malformed {
        what: "id of a node session",
    })
}

/// Uses up the challenge and keeps the session, or neither.
fn open(
    connection: &mut Connection,
    challenge: ChallengeId,
    stored: &StoredSession,
    terms: &Terms,
) -> Result<SessionAdded, DatabaseError> {
    let (session, now) = (&stored.session, stored.session.issued_at);
    let last = |limit: u32| i64::from(limit.max(1)) - 1;
    let live = || {
        node_sessions::table
            .filter(node_sessions::holder.eq(session.holder.as_str()))
            .filter(node_sessions::ended_at.gt(now.as_millis()))
    };
    let one_too_many: Option<String> = live()
        .order(node_sessions::ended_at)
        .offset(last(terms.sessions_per_holder))
        .select(node_sessions::id)
        .first(connection)
        .optional()?;
    if one_too_many.is_some() {
        return Ok(SessionAdded::TooMany);
    }
    if !challenges::take(connection, challenge, now)? {
        return Ok(SessionAdded::ChallengeGone);
    }
    let same = live()
        .order((node_sessions::issued_at.desc(), node_sessions::id.desc()))
        .offset(last(terms.sessions_per_subject))
        .limit(i64::from(REVOKED_AT_ONCE))
        .select(node_sessions::id);
    let older: Vec<String> = match &session.subject {
        Some(subject) => same
            .filter(node_sessions::subject.eq(subject.as_str()))
            .load(connection)?,
        None => same
            .filter(node_sessions::subject.is_null())
            .load(connection)?,
    };
    let ended = older
        .iter()
        .map(|id| parse_id(id))
        .collect::<Result<_, _>>()?;
    revoke(connection, &older, now)?;
    diesel::insert_into(node_sessions::table)
        .values(SessionRow::from(stored))
        .execute(connection)?;
    Ok(SessionAdded::Kept(ended))
}

/// Marks sessions as revoked that are not; how many there were.
fn revoke(
    connection: &mut Connection,
    ids: &[String],
    now: Timestamp,
) -> Result<usize, DatabaseError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let rows = node_sessions::table
        .filter(node_sessions::id.eq_any(ids))
        .filter(node_sessions::revoked_at.is_null());
    let revoked = diesel::update(rows)
        .set((
            node_sessions::revoked_at.eq(now.as_millis()),
            node_sessions::ended_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(revoked)
}

fn revoke_matching(
    connection: &mut Connection,
    filter: &SessionFilter,
    now: Timestamp,
) -> Result<Vec<SessionId>, DatabaseError> {
    let live = node_sessions::table
        .filter(node_sessions::ended_at.gt(now.as_millis()))
        .limit(i64::from(REVOKED_AT_ONCE))
        .select(node_sessions::id);
    let ids: Vec<String> = match filter {
        SessionFilter::Holder(holder) => live
            .filter(node_sessions::holder.eq(holder.as_str()))
            .load(connection)?,
        SessionFilter::Subject(subject) => live
            .filter(node_sessions::subject.eq(subject.as_str()))
            .load(connection)?,
        SessionFilter::Host(host) => live.filter(node_sessions::host.eq(host)).load(connection)?,
    };
    revoke(connection, &ids, now)?;
    ids.iter().map(|id| parse_id(id)).collect()
}

fn ended_among(
    connection: &mut Connection,
    mut ids: Vec<SessionId>,
) -> Result<Vec<SessionId>, DatabaseError> {
    let names: Vec<String> = ids.iter().map(SessionId::to_string).collect();
    let mut live: Vec<String> = node_sessions::table
        .filter(node_sessions::id.eq_any(names))
        .filter(node_sessions::revoked_at.is_null())
        .select(node_sessions::id)
        .load(connection)?;
    live.sort_unstable();
    ids.retain(|id| live.binary_search(&id.to_string()).is_err());
    Ok(ids)
}

fn prune(
    connection: &mut Connection,
    before: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let ended: Vec<String> = node_sessions::table
        .filter(node_sessions::ended_at.lt(before.as_millis()))
        .order(node_sessions::ended_at)
        .limit(limit)
        .select(node_sessions::id)
        .load(connection)?;
    if ended.is_empty() {
        return Ok(0);
    }
    let rows = node_sessions::table.filter(node_sessions::id.eq_any(ended));
    Ok(diesel::delete(rows).execute(connection)?)
}

impl HandshakeStore for SqlHandshakeStore {
    fn add_challenge(
        &self,
        challenge: Challenge,
        terms: Terms,
    ) -> BoxFuture<'_, Result<ChallengeAdded, StoreError>> {
        self.write(move |c| challenges::add(c, &challenge, &terms))
    }

    fn challenge(&self, id: ChallengeId) -> BoxFuture<'_, Result<Option<Challenge>, StoreError>> {
        self.read(move |c| challenges::find(c, id))
    }

    fn end_challenge(&self, id: ChallengeId) -> BoxFuture<'_, Result<(), StoreError>> {
        Box::pin(async move {
            // Anybody may name an id: those that there are not cost a look, and no write.
            let found = self.0.read(move |c| challenges::find(c, id)).await?;
            if found.is_some() {
                self.0.write(move |c| challenges::end(c, id)).await?;
            }
            Ok(())
        })
    }

    fn open_session(
        &self,
        challenge: ChallengeId,
        session: StoredSession,
        terms: Terms,
    ) -> BoxFuture<'_, Result<SessionAdded, StoreError>> {
        self.write(move |c| open(c, challenge, &session, &terms))
    }

    fn by_token(
        &self,
        token: TokenHash,
    ) -> BoxFuture<'_, Result<Option<StoredSession>, StoreError>> {
        self.read(move |c| {
            let row: Option<SessionRow> = node_sessions::table
                .filter(node_sessions::token_hash.eq(token.as_bytes().as_slice()))
                .select(SessionRow::as_select())
                .first(c)
                .optional()?;
            row.map(StoredSession::try_from).transpose()
        })
    }

    fn session(&self, id: SessionId) -> BoxFuture<'_, Result<Option<StoredSession>, StoreError>> {
        self.read(move |c| {
            let row: Option<SessionRow> = node_sessions::table
                .find(id.to_string())
                .select(SessionRow::as_select())
                .first(c)
                .optional()?;
            row.map(StoredSession::try_from).transpose()
        })
    }

    fn revoke(&self, id: SessionId, now: Timestamp) -> BoxFuture<'_, Result<bool, StoreError>> {
        self.write(move |c| Ok(revoke(c, &[id.to_string()], now)? > 0))
    }

    fn revoke_matching(
        &self,
        filter: SessionFilter,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<SessionId>, StoreError>> {
        self.write(move |c| revoke_matching(c, &filter, now))
    }

    fn ended_among(
        &self,
        ids: Vec<SessionId>,
    ) -> BoxFuture<'_, Result<Vec<SessionId>, StoreError>> {
        self.read(move |c| ended_among(c, ids))
    }

    fn prune(&self, before: Timestamp, limit: u32) -> BoxFuture<'_, Result<usize, StoreError>> {
        let limit = i64::from(limit);
        self.write(move |c| {
            let challenges = challenges::prune(c, before, limit)?;
            Ok(challenges.max(prune(c, before, limit)?))
        })
    }
}
