//! All SQL on `credentials`: the hashes of passwords.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::UserId;
use crate::platform::db::schema::credentials;

/// Stores the password of a new account.
pub(super) fn insert(
    connection: &mut Connection,
    user: UserId,
    password_hash: &str,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::insert_into(credentials::table)
        .values((
            credentials::user_id.eq(user),
            credentials::password_hash.eq(password_hash),
            credentials::updated_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Sets another password where the present one is still `proven`; false when it is not.
pub(super) fn change(
    connection: &mut Connection,
    user: UserId,
    proven: &str,
    password_hash: &str,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let row = credentials::table
        .find(user)
        .filter(credentials::password_hash.eq(proven));
    let changed = diesel::update(row)
        .set((
            credentials::password_hash.eq(password_hash),
            credentials::updated_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(changed == 1)
}

/// Takes a member's password away: until they set one by a code, nobody signs in by one.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    diesel::delete(credentials::table.find(user)).execute(connection)?;
    Ok(())
}

/// Sets a password, whatever there was before.
pub(super) fn set(
    connection: &mut Connection,
    user: UserId,
    password_hash: &str,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let row = (
        credentials::user_id.eq(user),
        credentials::password_hash.eq(password_hash),
        credentials::updated_at.eq(now.as_millis()),
    );
    each_backend!(connection, c => diesel::insert_into(credentials::table)
        .values(row)
        .on_conflict(credentials::user_id)
        .do_update()
        .set((
            credentials::password_hash.eq(password_hash),
            credentials::updated_at.eq(now.as_millis()),
        ))
        .execute(c))?;
    Ok(())
}

/// The hash of a member's password.
pub(super) fn hash_of(
    connection: &mut Connection,
    user: UserId,
) -> Result<Option<String>, DatabaseError> {
    let row = credentials::table
        .find(user)
        .select(credentials::password_hash);
    Ok(row.first(connection).optional()?)
}
