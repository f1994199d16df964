//! All SQL on `external_identities`, `external_sessions` and `external_states`.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{ExternalIdentityId, SessionId, UserId};
use crate::platform::db::schema::{
    credentials, external_identities, external_sessions, external_states, sessions,
};

/// Who signs in by an issuer.
#[derive(Clone, Debug, Queryable)]
pub(super) struct Identity {
    pub(super) id: ExternalIdentityId,
    pub(super) issuer: String,
    pub(super) user: UserId,
    pub(super) created_at: i64,
    pub(super) last_used_at: i64,
}

/// Uses up a sign-in that came back; false when it did before.
pub(super) fn use_state(
    connection: &mut Connection,
    hash: &[u8],
    expires_at: i64,
) -> Result<bool, DatabaseError> {
    let new = (
        external_states::state_hash.eq(hash),
        external_states::expires_at.eq(expires_at),
    );
    let inserted = each_backend!(connection, c => diesel::insert_into(external_states::table)
        .values(new)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}

/// Keeps, sealed, who came back, until the sign-in ends.
pub(super) fn keep_person(
    connection: &mut Connection,
    hash: &[u8],
    sealed: &[u8],
) -> Result<(), DatabaseError> {
    diesel::update(external_states::table.find(hash))
        .set(external_states::sealed_person.eq(Some(sealed)))
        .execute(connection)?;
    Ok(())
}

/// Who came back and has not signed in yet, sealed.
pub(super) fn kept_person(
    connection: &mut Connection,
    hash: &[u8],
) -> Result<Option<Vec<u8>>, DatabaseError> {
    let row = external_states::table
        .find(hash)
        .select(external_states::sealed_person);
    let kept = row.first::<Option<Vec<u8>>>(connection).optional()?;
    Ok(kept.flatten())
}

/// Forgets who came back; false when that happened before.
pub(super) fn forget_person(
    connection: &mut Connection,
    hash: &[u8],
) -> Result<bool, DatabaseError> {
    let row = external_states::table
        .filter(external_states::state_hash.eq(hash))
        .filter(external_states::sealed_person.is_not_null());
    let changed = diesel::update(row)
        .set(external_states::sealed_person.eq(None::<&[u8]>))
        .execute(connection)?;
    Ok(changed == 1)
}

/// Who this person of an issuer is here.
pub(super) fn by_subject(
    connection: &mut Connection,
    issuer: &str,
    subject: &str,
) -> Result<Option<Identity>, DatabaseError> {
    let row = external_identities::table
        .filter(external_identities::issuer.eq(issuer))
        .filter(external_identities::subject.eq(subject))
        .select((
            external_identities::id,
            external_identities::issuer,
            external_identities::user_id,
            external_identities::created_at,
            external_identities::last_used_at,
        ));
    Ok(row.first(connection).optional()?)
}

/// Links a person of an issuer to an account; false when they are linked already.
pub(super) fn insert(
    connection: &mut Connection,
    (issuer, subject): (&str, &str),
    user: UserId,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let new = (
        external_identities::id.eq(ExternalIdentityId::new(now)),
        external_identities::issuer.eq(issuer),
        external_identities::subject.eq(subject),
        external_identities::user_id.eq(user),
        external_identities::created_at.eq(now.as_millis()),
        external_identities::last_used_at.eq(now.as_millis()),
    );
    let inserted = each_backend!(connection, c => diesel::insert_into(external_identities::table)
        .values(new)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}

/// Says that a link was used.
pub(super) fn touch(
    connection: &mut Connection,
    id: ExternalIdentityId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::update(external_identities::table.find(id))
        .set(external_identities::last_used_at.eq(now.as_millis()))
        .execute(connection)?;
    Ok(())
}

/// The links of a member, newest first.
pub(super) fn list(
    connection: &mut Connection,
    user: UserId,
) -> Result<Vec<Identity>, DatabaseError> {
    let rows = external_identities::table
        .filter(external_identities::user_id.eq(user))
        .order(external_identities::id.desc())
        .select((
            external_identities::id,
            external_identities::issuer,
            external_identities::user_id,
            external_identities::created_at,
            external_identities::last_used_at,
        ));
    Ok(rows.load(connection)?)
}

/// Removes a link of a member; false when there is none such.
pub(super) fn remove(
    connection: &mut Connection,
    user: UserId,
    id: ExternalIdentityId,
) -> Result<bool, DatabaseError> {
    let row = external_identities::table
        .filter(external_identities::id.eq(id))
        .filter(external_identities::user_id.eq(user));
    Ok(diesel::delete(row).execute(connection)? == 1)
}

/// How many links a member has; until the transaction ends, nobody else takes one away.
pub(super) fn hold(connection: &mut Connection, user: UserId) -> Result<usize, DatabaseError> {
    let rows = external_identities::table.filter(external_identities::user_id.eq(user));
    // Writing what is there locks the rows on either database.
    let unchanged = external_identities::user_id.eq(user);
    Ok(diesel::update(rows).set(unchanged).execute(connection)?)
}

/// Whether a member can sign in by a password.
pub(super) fn has_password(
    connection: &mut Connection,
    user: UserId,
) -> Result<bool, DatabaseError> {
    let row = credentials::table.find(user).select(credentials::user_id);
    Ok(row.first::<UserId>(connection).optional()?.is_some())
}

/// Until when tokens of a person are refused.
pub(super) fn not_before(
    connection: &mut Connection,
    id: ExternalIdentityId,
) -> Result<i64, DatabaseError> {
    let row = external_identities::table
        .find(id)
        .select(external_identities::not_before);
    Ok(row.first(connection).optional()?.unwrap_or_default())
}

/// The session that stands for tokens of a person and client: when it ends, and when it was ended.
pub(super) fn standing(
    connection: &mut Connection,
    identity: ExternalIdentityId,
    client: &str,
) -> Result<Option<(SessionId, i64, Option<i64>)>, DatabaseError> {
    let session = external_sessions::table
        .filter(external_sessions::identity_id.eq(identity))
        .filter(external_sessions::client.eq(client))
        .select(external_sessions::session_id);
    let Some(session) = session.first::<SessionId>(connection).optional()? else {
        return Ok(None);
    };
    let row = sessions::table.find(session).select((
        sessions::id,
        sessions::expires_at,
        sessions::revoked_at,
    ));
    Ok(row.first(connection).optional()?)
}

/// Lets another session stand for tokens of a person and client.
pub(super) fn set_standing(
    connection: &mut Connection,
    identity: ExternalIdentityId,
    client: &str,
    session: SessionId,
) -> Result<(), DatabaseError> {
    let new = (
        external_sessions::identity_id.eq(identity),
        external_sessions::client.eq(client),
        external_sessions::session_id.eq(session),
    );
    each_backend!(connection, c => diesel::insert_into(external_sessions::table)
        .values(new)
        .on_conflict((external_sessions::identity_id, external_sessions::client))
        .do_update()
        .set(external_sessions::session_id.eq(session))
        .execute(c))?;
    Ok(())
}

/// Removes sign-ins that can no longer come back, at most `limit`; how many there were.
pub(super) fn prune(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let old: Vec<Vec<u8>> = external_states::table
        .filter(external_states::expires_at.lt(now.as_millis()))
        .order(external_states::expires_at)
        .limit(limit)
        .select(external_states::state_hash)
        .load(connection)?;
    diesel::delete(external_states::table.filter(external_states::state_hash.eq_any(&old)))
        .execute(connection)?;
    Ok(old.len())
}
