//! The keys of access tokens in the database: P-256, the private half sealed by the key ring.

use std::sync::Arc;
use std::time::Duration;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, Database};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::PKey;

use crate::auth::error::AuthError;
use crate::base::ids::TokenKeyId;
use crate::platform::db::schema::token_keys;
use crate::platform::sealing::Keyring;

/// How long a key signs before a new one takes over at the next start.
const ROTATE_AFTER: Duration = Duration::from_hours(90 * 24);
/// How many keys are kept: tokens live minutes, so older ones have none.
const KEEP: i64 = 8;

/// The keys as they were loaded.
pub(super) struct StoredKeys {
    /// The id of the key that signs.
    pub(super) signing_id: String,
    /// Its private half, DER.
    pub(super) signing_key: Vec<u8>,
    /// Ids and public halves (DER, RFC 5280 `SubjectPublicKeyInfo`) of all keys that verify.
    pub(super) public_keys: Vec<(String, Vec<u8>)>,
}

struct NewKey {
    id: TokenKeyId,
    public: Vec<u8>,
    sealed: Vec<u8>,
}

pub(super) async fn load_or_make(
    db: &Database,
    now: Timestamp,
    keyring: &Arc<Keyring>,
) -> Result<StoredKeys, AuthError> {
    let fresh = now.minus(ROTATE_AFTER).as_millis();
    let newest = db.read(move |connection| newest(connection, fresh)).await?;
    let (id, sealed) = if let Some(found) = newest {
        found
    } else {
        let new = make(now, keyring)?;
        db.write(move |connection| insert_unless_fresh(connection, &new, now, fresh))
            .await?
    };
    let place = place(id);
    let signing_key = keyring.open_sealed(&sealed, place.as_bytes())?;
    Ok(StoredKeys {
        signing_id: id.to_string(),
        signing_key,
        public_keys: public_keys(db).await?,
    })
}

pub(super) async fn public_keys(db: &Database) -> Result<Vec<(String, Vec<u8>)>, AuthError> {
    db.read(|connection| {
        let rows = token_keys::table
            .order(token_keys::id.desc())
            .limit(KEEP)
            .select((token_keys::id, token_keys::public_key));
        Ok(rows.load(connection)?)
    })
    .await
}

/// What the seal of a private key is bound to.
fn place(id: TokenKeyId) -> String {
    format!("token_keys/sealed_private_key/{id}")
}

fn newest(
    connection: &mut Connection,
    fresh: i64,
) -> Result<Option<(TokenKeyId, Vec<u8>)>, AuthError> {
    let row = token_keys::table
        .filter(token_keys::created_at.gt(fresh))
        .order(token_keys::id.desc())
        .select((token_keys::id, token_keys::sealed_private_key));
    Ok(row.first(connection).optional()?)
}

fn make(now: Timestamp, keyring: &Keyring) -> Result<NewKey, AuthError> {
    let id = TokenKeyId::new(now);
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
    let private = key.private_key_to_pkcs8()?;
    let sealed = keyring.seal(&private, place(id).as_bytes())?;
    Ok(NewKey {
        id,
        public: key.public_key_to_der()?,
        sealed,
    })
}

/// Two processes that start together may both make a key; both verify, so either may sign.
fn insert_unless_fresh(
    connection: &mut Connection,
    new: &NewKey,
    now: Timestamp,
    fresh: i64,
) -> Result<(TokenKeyId, Vec<u8>), AuthError> {
    if let Some(found) = newest(connection, fresh)? {
        return Ok(found);
    }
    diesel::insert_into(token_keys::table)
        .values((
            token_keys::id.eq(new.id),
            token_keys::public_key.eq(&new.public),
            token_keys::sealed_private_key.eq(&new.sealed),
            token_keys::created_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok((new.id, new.sealed.clone()))
}
