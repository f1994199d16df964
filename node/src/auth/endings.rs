//! SQL that finds sessions which ended, for those who hang on them.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{SessionId, UserId};
use crate::platform::db::schema::{sessions, users};

/// Sessions that were ended since a moment, by themselves or with their account.
///
/// # Errors
/// The database failed.
pub fn ended_since(
    connection: &mut Connection,
    since: Timestamp,
) -> Result<Vec<SessionId>, DatabaseError> {
    let rows = sessions::table
        .filter(sessions::revoked_at.is_not_null())
        .filter(sessions::revoked_at.ge(since.as_millis()))
        .select(sessions::id);
    let mut ended: Vec<SessionId> = rows.load(connection)?;
    let suspended = users::table
        .filter(users::suspended_at.is_not_null())
        .filter(users::suspended_at.ge(since.as_millis()))
        .select(users::id);
    let deleted = users::table
        .filter(users::deleted_at.is_not_null())
        .filter(users::deleted_at.ge(since.as_millis()))
        .select(users::id);
    let mut accounts: Vec<UserId> = suspended.load(connection)?;
    accounts.extend(deleted.load::<UserId>(connection)?);
    for user in accounts {
        ended.extend(ended_with_account(connection, user)?);
    }
    Ok(ended)
}

/// The sessions of an account that may not act, none when it may.
pub(super) fn ended_with_account(
    connection: &mut Connection,
    user: UserId,
) -> Result<Vec<SessionId>, DatabaseError> {
    let rows = sessions::table
        .inner_join(users::table)
        .filter(sessions::user_id.eq(user))
        .filter(sessions::revoked_at.is_null())
        .filter(
            users::suspended_at
                .is_not_null()
                .or(users::deleted_at.is_not_null()),
        )
        .select(sessions::id);
    Ok(rows.load(connection)?)
}
