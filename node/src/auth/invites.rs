//! Invitations to open an account: a code that is good once, kept as SHA-256.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::error::AuthError;
use super::model::{INVITE_LIFETIME, OpaqueToken, hash_of};
use crate::base::ids::{InviteId, UserId};
use crate::platform::db::schema::invites;

/// Stores a new invitation; its code is good once within [`INVITE_LIFETIME`].
///
/// # Errors
/// The database failed.
pub fn insert(
    connection: &mut Connection,
    code: &OpaqueToken,
    now: Timestamp,
) -> Result<InviteId, DatabaseError> {
    let id = InviteId::new(now);
    diesel::insert_into(invites::table)
        .values((
            invites::id.eq(id),
            invites::code_hash.eq(code.hash()),
            invites::created_at.eq(now.as_millis()),
            invites::expires_at.eq(now.plus(INVITE_LIFETIME).as_millis()),
        ))
        .execute(connection)?;
    Ok(id)
}

/// Uses up the invitation behind `code` for a new account.
pub(super) fn redeem(
    connection: &mut Connection,
    code: Option<&str>,
    user: UserId,
    now: Timestamp,
) -> Result<(), AuthError> {
    let code = code.ok_or(AuthError::InvalidInvite)?;
    let good = invites::table
        .filter(invites::code_hash.eq(hash_of(code)))
        .filter(invites::used_at.is_null())
        .filter(invites::expires_at.gt(now.as_millis()));
    let changed = diesel::update(good)
        .set((
            invites::used_at.eq(now.as_millis()),
            invites::used_by.eq(user),
        ))
        .execute(connection)?;
    if changed == 1 {
        Ok(())
    } else {
        Err(AuthError::InvalidInvite)
    }
}
