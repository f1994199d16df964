//! All SQL on `personal_tokens`.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{SessionId, UserId};
use crate::platform::db::schema::{personal_tokens, sessions};

/// A token as its member sees it in a list.
#[derive(Queryable)]
pub(super) struct Listed {
    pub(super) id: SessionId,
    pub(super) name: String,
    pub(super) scopes: String,
    pub(super) created_at: i64,
    pub(super) last_used_at: i64,
    pub(super) expires_at: i64,
}

/// Stores the secret half of a token.
pub(super) fn insert(
    connection: &mut Connection,
    session: SessionId,
    hash: &[u8],
    name: &str,
) -> Result<(), DatabaseError> {
    diesel::insert_into(personal_tokens::table)
        .values((
            personal_tokens::session_id.eq(session),
            personal_tokens::token_hash.eq(hash),
            personal_tokens::name.eq(name),
        ))
        .execute(connection)?;
    Ok(())
}

/// The session of a token and when it ends.
pub(super) fn by_hash(
    connection: &mut Connection,
    hash: &[u8],
) -> Result<Option<(SessionId, i64)>, DatabaseError> {
    let row = personal_tokens::table
        .inner_join(sessions::table)
        .filter(personal_tokens::token_hash.eq(hash))
        .select((sessions::id, sessions::expires_at));
    Ok(row.first(connection).optional()?)
}

/// The tokens of a member that live, newest first.
pub(super) fn list(
    connection: &mut Connection,
    user: UserId,
    now: Timestamp,
) -> Result<Vec<Listed>, DatabaseError> {
    let rows = personal_tokens::table
        .inner_join(sessions::table)
        .filter(sessions::user_id.eq(user))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(now.as_millis()))
        .order(sessions::id.desc())
        .select((
            sessions::id,
            personal_tokens::name,
            sessions::scopes,
            sessions::created_at,
            sessions::last_used_at,
            sessions::expires_at,
        ));
    Ok(rows.load(connection)?)
}
