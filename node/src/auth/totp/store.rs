//! All SQL on `totp_secrets`, and the check of a second factor.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::code::{DIGITS, matching_step};
use crate::auth::error::AuthError;
use crate::auth::recovery;
use crate::base::ids::UserId;
use crate::platform::db::schema::totp_secrets as table;
use crate::platform::sealing::Keyring;

/// What a member showed beside their password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondFactor {
    /// Nothing: they have set up none.
    NotAsked,
    /// A code of their app.
    Code,
    /// One of their recovery codes, which is used up.
    RecoveryCode,
}

/// A secret that is not confirmed yet, or is in use.
pub(super) struct Stored {
    sealed: Vec<u8>,
    last_step: i64,
    pub(super) is_confirmed: bool,
}

/// Uses up a code or recovery code of a member who has set up a second factor.
///
/// # Errors
/// [`AuthError::OtpRequired`] when one is needed and none came, [`AuthError::WrongOtp`] when it is
/// wrong or was used before.
pub fn check(
    connection: &mut Connection,
    keyring: &Keyring,
    user: UserId,
    sent: Option<&str>,
    now: Timestamp,
) -> Result<SecondFactor, AuthError> {
    let Some(stored) = find(connection, user)?.filter(|stored| stored.is_confirmed) else {
        return Ok(SecondFactor::NotAsked);
    };
    let sent = sent.ok_or(AuthError::OtpRequired)?.trim();
    let is_code = sent.len() == DIGITS && sent.bytes().all(|byte| byte.is_ascii_digit());
    if !is_code {
        let counts = recovery::redeem(connection, user, sent, now)?;
        return counts
            .then_some(SecondFactor::RecoveryCode)
            .ok_or(AuthError::WrongOtp);
    }
    let secret = keyring.open_sealed(&stored.sealed, place(user).as_bytes())?;
    let step = matching_step(&secret, sent, now)?
        .filter(|step| *step > stored.last_step)
        .ok_or(AuthError::WrongOtp)?;
    if use_step(connection, user, step)? {
        Ok(SecondFactor::Code)
    } else {
        Err(AuthError::WrongOtp)
    }
}

/// Whether a member is asked for a second factor.
///
/// # Errors
/// The database failed.
pub fn is_asked(connection: &mut Connection, user: UserId) -> Result<bool, DatabaseError> {
    Ok(find(connection, user)?.is_some_and(|stored| stored.is_confirmed))
}

/// What the seal of a secret is bound to.
fn place(user: UserId) -> String {
    format!("totp_secrets/sealed_secret/{user}")
}

/// The secret of a member, confirmed or not.
pub(super) fn find(
    connection: &mut Connection,
    user: UserId,
) -> Result<Option<Stored>, DatabaseError> {
    let row = table::table.find(user).select((
        table::sealed_secret,
        table::last_step,
        table::confirmed_at,
    ));
    let row: Option<(Vec<u8>, i64, Option<i64>)> = row.first(connection).optional()?;
    Ok(row.map(|(sealed, last_step, confirmed_at)| Stored {
        sealed,
        last_step,
        is_confirmed: confirmed_at.is_some(),
    }))
}

/// Stores a secret that is not confirmed yet in place of an older such one; false when the member
/// has one in use.
pub(super) fn begin(
    connection: &mut Connection,
    keyring: &Keyring,
    user: UserId,
    secret: &[u8],
    now: Timestamp,
) -> Result<bool, AuthError> {
    let sealed = keyring.seal(secret, place(user).as_bytes())?;
    let row = (
        table::user_id.eq(user),
        table::sealed_secret.eq(&sealed),
        table::created_at.eq(now.as_millis()),
        table::last_step.eq(0),
    );
    each_backend!(connection, c => diesel::insert_into(table::table)
        .values(row)
        .on_conflict(table::user_id)
        .do_nothing()
        .execute(c))?;
    let waiting = table::table
        .find(user)
        .filter(table::confirmed_at.is_null());
    let changed = diesel::update(waiting)
        .set((
            table::sealed_secret.eq(&sealed),
            table::created_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(changed == 1)
}

/// Puts a secret into use by its first code, which counts as used.
///
/// # Errors
/// No secret waits for it, or the code is wrong.
pub(super) fn confirm(
    connection: &mut Connection,
    keyring: &Keyring,
    user: UserId,
    code: &str,
    now: Timestamp,
) -> Result<(), AuthError> {
    let stored = find(connection, user)?.ok_or(AuthError::TotpNotEnabled)?;
    if stored.is_confirmed {
        return Err(AuthError::TotpEnabled);
    }
    let secret = keyring.open_sealed(&stored.sealed, place(user).as_bytes())?;
    let step = matching_step(&secret, code.trim(), now)?.ok_or(AuthError::WrongCode)?;
    let waiting = table::table
        .find(user)
        .filter(table::sealed_secret.eq(&stored.sealed))
        .filter(table::confirmed_at.is_null());
    let changed = diesel::update(waiting)
        .set((
            table::confirmed_at.eq(Some(now.as_millis())),
            table::last_step.eq(step),
        ))
        .execute(connection)?;
    if changed == 1 {
        Ok(())
    } else {
        Err(AuthError::TotpEnabled)
    }
}

/// Whether this call was the first to use a code of this step.
fn use_step(connection: &mut Connection, user: UserId, step: i64) -> Result<bool, DatabaseError> {
    let unused = table::table.find(user).filter(table::last_step.lt(step));
    let changed = diesel::update(unused)
        .set(table::last_step.eq(step))
        .execute(connection)?;
    Ok(changed == 1)
}

/// Forgets the secret of a member.
pub(super) fn remove(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    diesel::delete(table::table.find(user)).execute(connection)?;
    Ok(())
}
