//! All SQL on `sessions` and `refresh_tokens`.

use std::time::Duration;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use openssl::sha::sha256;

use super::clients::{self, ClientRow, SessionKind};
use super::gate::Live;
use super::model::{DeviceName, OpaqueToken, Session};
use crate::accounts::authority::effective;
use crate::base::ids::{ApplicationId, SessionId, UserId};
use crate::base::role::Role;
use crate::base::scope::Scopes;
use crate::platform::db::schema::{
    accepted_terms, authorization_codes, external_identities, refresh_tokens, sessions, users,
};

/// A refresh token as it is stored, with what counts of its session and member.
pub(super) struct StoredRefresh {
    pub(super) session: SessionId,
    pub(super) user: UserId,
    pub(super) application: Option<ApplicationId>,
    pub(super) scopes: Scopes,
    pub(super) used_at: Option<Timestamp>,
    pub(super) replaced_by: Option<Vec<u8>>,
    pub(super) is_live: bool,
}

/// Notes which terms of use a member agreed to.
pub(super) fn accept_terms(
    connection: &mut Connection,
    user: UserId,
    version: &str,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::insert_into(accepted_terms::table)
        .values((
            accepted_terms::user_id.eq(user),
            accepted_terms::version.eq(version),
            accepted_terms::accepted_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// SHA-256 over parts that cannot run into each other.
pub(super) fn digest(parts: &[&str]) -> Vec<u8> {
    sha256(parts.join("\0").as_bytes()).to_vec()
}

/// Opens a session with its first refresh token.
pub(super) fn insert_session(
    connection: &mut Connection,
    user: UserId,
    user_agent: &str,
    refresh: &OpaqueToken,
    lifetime: Duration,
    now: Timestamp,
) -> Result<SessionId, DatabaseError> {
    let id = SessionId::new(now);
    diesel::insert_into(sessions::table)
        .values((
            sessions::id.eq(id),
            sessions::user_id.eq(user),
            sessions::user_agent.eq(user_agent),
            sessions::created_at.eq(now.as_millis()),
            sessions::last_used_at.eq(now.as_millis()),
            sessions::expires_at.eq(now.plus(lifetime).as_millis()),
        ))
        .execute(connection)?;
    insert_refresh(connection, id, refresh, now)?;
    Ok(id)
}

/// Stores a refresh token of a session.
pub(super) fn insert_refresh(
    connection: &mut Connection,
    session: SessionId,
    refresh: &OpaqueToken,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::insert_into(refresh_tokens::table)
        .values((
            refresh_tokens::token_hash.eq(refresh.hash()),
            refresh_tokens::session_id.eq(session),
            refresh_tokens::created_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Session, member, `used_at`, `replaced_by`, `revoked_at`, `expires_at`, `suspended_at`,
/// `deleted_at`, client.
type RefreshRow = (
    SessionId,
    UserId,
    Option<i64>,
    Option<Vec<u8>>,
    Option<i64>,
    i64,
    Option<i64>,
    Option<i64>,
    ClientRow,
);

/// The refresh token with this hash.
pub(super) fn refresh_by_hash(
    connection: &mut Connection,
    hash: &[u8],
    now: Timestamp,
) -> Result<Option<StoredRefresh>, DatabaseError> {
    let row = refresh_tokens::table
        .inner_join(sessions::table.inner_join(users::table))
        .filter(refresh_tokens::token_hash.eq(hash))
        .select((
            sessions::id,
            users::id,
            refresh_tokens::used_at,
            refresh_tokens::replaced_by,
            sessions::revoked_at,
            sessions::expires_at,
            users::suspended_at,
            users::deleted_at,
            (sessions::kind, sessions::application_id, sessions::scopes),
        ));
    let found: Option<RefreshRow> = row.first(connection).optional()?;
    Ok(found.map(
        |(session, user, used, replaced_by, revoked, expires, suspended, deleted, client)| {
            StoredRefresh {
                session,
                user,
                application: client.1,
                scopes: clients::read(session, &client).1,
                used_at: used.map(Timestamp::from_millis),
                replaced_by,
                is_live: revoked.is_none()
                    && expires > now.as_millis()
                    && suspended.is_none()
                    && deleted.is_none(),
            }
        },
    ))
}

/// Marks a refresh token as used for `next`; false when it was already.
pub(super) fn use_refresh(
    connection: &mut Connection,
    hash: &[u8],
    next: &OpaqueToken,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let unused = refresh_tokens::table
        .filter(refresh_tokens::token_hash.eq(hash))
        .filter(refresh_tokens::used_at.is_null());
    let changed = diesel::update(unused)
        .set((
            refresh_tokens::used_at.eq(now.as_millis()),
            refresh_tokens::replaced_by.eq(next.hash()),
        ))
        .execute(connection)?;
    Ok(changed == 1)
}

/// Whether the refresh token with this hash is there and unused.
pub(super) fn is_unused(connection: &mut Connection, hash: &[u8]) -> Result<bool, DatabaseError> {
    let row = refresh_tokens::table
        .filter(refresh_tokens::token_hash.eq(hash))
        .filter(refresh_tokens::used_at.is_null());
    Ok(diesel::select(diesel::dsl::exists(row)).get_result(connection)?)
}

/// Keeps a session alive from now on.
pub(super) fn touch_session(
    connection: &mut Connection,
    session: SessionId,
    lifetime: Duration,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::update(sessions::table.find(session))
        .set((
            sessions::last_used_at.eq(now.as_millis()),
            sessions::expires_at.eq(now.plus(lifetime).as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// What counts of a session, when it lives and its member may act.
pub(super) fn live_session(
    connection: &mut Connection,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<Live>, DatabaseError> {
    let row = sessions::table
        .inner_join(users::table)
        .filter(sessions::id.eq(session))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now.as_millis()))
        .filter(users::suspended_at.is_null())
        .filter(users::deleted_at.is_null())
        .select((
            users::id,
            users::role,
            (sessions::kind, sessions::application_id, sessions::scopes),
        ));
    let found: Option<(UserId, Role, ClientRow)> = row.first(connection).optional()?;
    let Some((user, role, row)) = found else {
        return Ok(None);
    };
    let (client, scopes) = clients::read(session, &row);
    Ok(Some(Live {
        user,
        role,
        privileges: effective(connection, user, role)?,
        client,
        scopes,
    }))
}

/// The sessions of a member that live, newest first.
pub(super) fn list_live(
    connection: &mut Connection,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<Session>, DatabaseError> {
    let rows = sessions::table
        .filter(sessions::user_id.eq(user))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now.as_millis()))
        .order(sessions::id.desc())
        .select(Session::as_select());
    Ok(rows.load(connection)?)
}

/// Ends one session of a member; false when there is none that lives.
///
/// # Errors
/// The database failed.
pub fn revoke(
    connection: &mut Connection,
    user: UserId,
    session: SessionId,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let row = sessions::table
        .filter(sessions::id.eq(session))
        .filter(sessions::user_id.eq(user))
        .filter(sessions::revoked_at.is_null());
    let changed = diesel::update(row)
        .set(sessions::revoked_at.eq(now.as_millis()))
        .execute(connection)?;
    Ok(changed == 1)
}

/// Ends all sessions of a member except one, and the codes by which applications would open more;
/// answers which.
///
/// # Errors
/// The database failed.
pub fn revoke_all_but(
    connection: &mut Connection,
    user: UserId,
    kept: Option<SessionId>,
    now: Timestamp,
) -> Result<Vec<SessionId>, DatabaseError> {
    // First: a code that is being redeemed is waited for, and its session is in the list then.
    let unused = authorization_codes::table
        .filter(authorization_codes::user_id.eq(user))
        .filter(authorization_codes::used_at.is_null());
    diesel::delete(unused).execute(connection)?;
    refuse_until(connection, user, now)?;
    let live = list_live(connection, user, now)?;
    let ended: Vec<SessionId> = live
        .into_iter()
        .map(|session| session.id)
        .filter(|id| Some(*id) != kept)
        .collect();
    for session in &ended {
        revoke(connection, user, *session, now)?;
    }
    Ok(ended)
}

/// Refuses tokens of other issuers for a member that were made until `moment` (I9).
fn refuse_until(
    connection: &mut Connection,
    user: UserId,
    moment: Timestamp,
) -> Result<(), DatabaseError> {
    let row = external_identities::table
        .filter(external_identities::user_id.eq(user))
        .filter(external_identities::not_before.lt(moment.as_millis()));
    diesel::update(row)
        .set(external_identities::not_before.eq(moment.as_millis()))
        .execute(connection)?;
    Ok(())
}

/// Gives the device of a session that lives a name, or takes it away; false when there is none.
pub(super) fn name_device(
    connection: &mut Connection,
    user: UserId,
    session: SessionId,
    name: Option<&DeviceName>,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let row = sessions::table
        .filter(sessions::id.eq(session))
        .filter(sessions::user_id.eq(user))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now.as_millis()));
    let changed = diesel::update(row)
        .set(sessions::device_name.eq(name.map(DeviceName::as_str)))
        .execute(connection)?;
    Ok(changed == 1)
}

/// Removes sessions that ended or expired before a moment, at most `limit`; how many there were.
pub(super) fn prune(
    connection: &mut Connection,
    before: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let mut old: Vec<SessionId> = sessions::table
        .filter(sessions::expires_at.lt(before.as_millis()))
        .order(sessions::expires_at)
        .limit(limit)
        .select(sessions::id)
        .load(connection)?;
    let left = limit.saturating_sub(i64::try_from(old.len()).unwrap_or(limit));
    let ended: Vec<SessionId> = sessions::table
        .filter(sessions::revoked_at.is_not_null())
        .filter(sessions::revoked_at.lt(before.as_millis()))
        .filter(sessions::expires_at.ge(before.as_millis()))
        .order(sessions::revoked_at)
        .limit(left)
        .select(sessions::id)
        .load(connection)?;
    old.extend(ended);
    // Which of them stood for tokens of another issuer is forgotten; that they ended is not.
    let stood: Vec<(UserId, Option<i64>)> = sessions::table
        .filter(sessions::id.eq_any(&old))
        .filter(sessions::kind.eq(SessionKind::External.as_str()))
        .select((sessions::user_id, sessions::revoked_at))
        .load(connection)?;
    let ended = |(user, ended_at): (UserId, Option<i64>)| ended_at.map(|at| (user, at));
    for (user, ended_at) in stood.into_iter().filter_map(ended) {
        refuse_until(connection, user, Timestamp::from_millis(ended_at))?;
    }
    diesel::delete(refresh_tokens::table.filter(refresh_tokens::session_id.eq_any(&old)))
        .execute(connection)?;
    diesel::delete(sessions::table.filter(sessions::id.eq_any(&old))).execute(connection)?;
    Ok(old.len())
}
