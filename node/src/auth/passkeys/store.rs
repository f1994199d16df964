//! All SQL on `passkeys` and `used_challenges`.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};
use webauthn_rs::prelude::Passkey;

use crate::auth::error::AuthError;
use crate::base::ids::{PasskeyId, UserId};
use crate::platform::db::schema::{passkeys as table, used_challenges};

/// Passkeys that a member has at most.
const MOST: i64 = 20;

/// A passkey as its member sees it.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = table)]
pub(super) struct Known {
    pub(super) id: PasskeyId,
    pub(super) name: String,
    pub(super) created_at: i64,
    pub(super) last_used_at: Option<i64>,
}

/// A passkey with whose it is.
#[derive(Clone, Debug)]
pub(super) struct Stored {
    pub(super) id: PasskeyId,
    pub(super) user: UserId,
    pub(super) passkey: Passkey,
}

/// Stores a new passkey.
///
/// # Errors
/// The member has too many, or it is known already.
pub(super) fn insert(
    connection: &mut Connection,
    user: UserId,
    passkey: &Passkey,
    name: &str,
    now: Timestamp,
) -> Result<Known, AuthError> {
    let owned = table::table.filter(table::user_id.eq(user));
    let count: i64 = owned.count().get_result(connection)?;
    if count >= MOST {
        return Err(AuthError::TooManyPasskeys);
    }
    let known = Known {
        id: PasskeyId::new(now),
        name: name.to_owned(),
        created_at: now.as_millis(),
        last_used_at: None,
    };
    let credential =
        serde_json::to_string(passkey).map_err(|_no_json| AuthError::InvalidPasskey)?;
    let row = (
        table::id.eq(known.id),
        table::user_id.eq(user),
        table::credential_id.eq(passkey.cred_id().as_slice()),
        table::credential.eq(credential),
        table::counter.eq(0),
        table::name.eq(name),
        table::created_at.eq(now.as_millis()),
    );
    let inserted = each_backend!(connection, c => diesel::insert_into(table::table)
        .values(row)
        .on_conflict(table::credential_id)
        .do_nothing()
        .execute(c))?;
    if inserted == 1 {
        Ok(known)
    } else {
        Err(AuthError::PasskeyTaken)
    }
}

/// The passkey with this credential id, whoever's it is.
pub(super) fn by_credential(
    connection: &mut Connection,
    credential_id: &[u8],
) -> Result<Option<Stored>, DatabaseError> {
    let row = table::table
        .filter(table::credential_id.eq(credential_id))
        .select((table::id, table::user_id, table::credential));
    let row: Option<(PasskeyId, UserId, String)> = row.first(connection).optional()?;
    let Some((id, user, credential)) = row else {
        return Ok(None);
    };
    let malformed = |_not_one| DatabaseError::Malformed { what: "passkey" };
    let passkey = serde_json::from_str(&credential).map_err(malformed)?;
    Ok(Some(Stored { id, user, passkey }))
}

/// The credential ids of a member.
pub(super) fn credential_ids(
    connection: &mut Connection,
    user: UserId,
) -> Result<Vec<Vec<u8>>, DatabaseError> {
    let rows = table::table
        .filter(table::user_id.eq(user))
        .select(table::credential_id);
    Ok(rows.load(connection)?)
}

/// Notes a use; false when an authenticator that counts did not count up, as a copy would not.
pub(super) fn note_use(
    connection: &mut Connection,
    stored: &Stored,
    counter: u32,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let malformed = |_no_json| DatabaseError::Malformed { what: "passkey" };
    let credential = serde_json::to_string(&stored.passkey).map_err(malformed)?;
    let counter = i64::from(counter);
    let row = table::table.find(stored.id).filter(
        table::counter
            .lt(counter)
            .or(table::counter.eq(0).and(table::counter.eq(counter))),
    );
    let changed = diesel::update(row)
        .set((
            table::counter.eq(counter),
            table::credential.eq(credential),
            table::last_used_at.eq(Some(now.as_millis())),
        ))
        .execute(connection)?;
    Ok(changed == 1)
}

/// The passkeys of a member, oldest first.
pub(super) fn list(connection: &mut Connection, user: UserId) -> Result<Vec<Known>, DatabaseError> {
    let rows = table::table
        .filter(table::user_id.eq(user))
        .order(table::id)
        .select(Known::as_select());
    Ok(rows.load(connection)?)
}

/// Names a passkey of a member anew; `None` when they have no such one.
pub(super) fn rename(
    connection: &mut Connection,
    user: UserId,
    id: PasskeyId,
    name: &str,
) -> Result<Option<Known>, DatabaseError> {
    let row = table::table.find(id).filter(table::user_id.eq(user));
    diesel::update(row)
        .set(table::name.eq(name))
        .execute(connection)?;
    let row = table::table
        .find(id)
        .filter(table::user_id.eq(user))
        .select(Known::as_select());
    Ok(row.first(connection).optional()?)
}

/// Forgets a passkey of a member; whether they had it.
pub(super) fn remove(
    connection: &mut Connection,
    user: UserId,
    id: PasskeyId,
) -> Result<bool, DatabaseError> {
    let row = table::table.find(id).filter(table::user_id.eq(user));
    Ok(diesel::delete(row).execute(connection)? == 1)
}

/// Uses up a challenge; false when it was answered before.
pub(super) fn use_challenge(
    connection: &mut Connection,
    hash: &[u8],
    expires_at: Timestamp,
) -> Result<bool, DatabaseError> {
    let row = (
        used_challenges::challenge_hash.eq(hash),
        used_challenges::expires_at.eq(expires_at.as_millis()),
    );
    let inserted = each_backend!(connection, c => diesel::insert_into(used_challenges::table)
        .values(row)
        .on_conflict(used_challenges::challenge_hash)
        .do_nothing()
        .execute(c))?;
    Ok(inserted == 1)
}

/// Forgets challenges that nobody may answer any more, at most `limit`; how many there were.
pub(in crate::auth) fn prune(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let old: Vec<Vec<u8>> = used_challenges::table
        .filter(used_challenges::expires_at.lt(now.as_millis()))
        .order(used_challenges::expires_at)
        .limit(limit)
        .select(used_challenges::challenge_hash)
        .load(connection)?;
    let old = used_challenges::table.filter(used_challenges::challenge_hash.eq_any(old));
    Ok(diesel::delete(old).execute(connection)?)
}
