//! All SQL on `local_keys`.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::made::MadeKey;
use crate::platform::db::schema::local_keys;

/// A key as it comes out of the database, still sealed.
#[derive(Clone, Debug, Queryable, Selectable)]
#[diesel(table_name = local_keys)]
pub(super) struct StoredKey {
    pub(super) key_id: String,
    pub(super) algorithm: String,
    pub(super) private_key: Vec<u8>,
}

/// The keys of an actor that are in use.
pub(super) fn of_actor(
    connection: &mut Connection,
    actor_id: &str,
) -> Result<Vec<StoredKey>, DatabaseError> {
    Ok(local_keys::table
        .filter(local_keys::actor_id.eq(actor_id))
        .filter(local_keys::retired_at.is_null())
        .order(local_keys::created_at.desc())
        .limit(8)
        .select(StoredKey::as_select())
        .load(connection)?)
}

/// Keeps a new key unless one of that id is there.
pub(super) fn insert_if_absent(
    connection: &mut Connection,
    actor_id: &str,
    key: &MadeKey,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let row = (
        local_keys::key_id.eq(&key.key_id),
        local_keys::actor_id.eq(actor_id),
        local_keys::algorithm.eq(key.algorithm),
        local_keys::private_key.eq(&key.sealed_private_key),
        local_keys::public_key.eq(&key.public_key),
        local_keys::created_at.eq(now.as_millis()),
    );
    each_backend!(connection, c => diesel::insert_into(local_keys::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}
