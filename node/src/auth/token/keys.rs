//! The keys of access tokens in the database: P-256, the private half sealed by the key ring.
//!
//! A new key is listed for a while before it signs, so that every process and everybody who reads
//! the key set knows it by then; the old one stays listed until the last token it signed has ended.

use std::time::Duration;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, Database};
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::PKey;

use super::LONGEST_LIFETIME;
use crate::auth::error::AuthError;
use crate::base::ids::TokenKeyId;
use crate::platform::db::schema::token_keys;
use crate::platform::sealing::Keyring;

/// How old the newest key gets before another one is made.
const ROTATE_AFTER: Duration = Duration::from_hours(90 * 24);
/// How long a key is listed before it signs.
const LISTED_FIRST: Duration = Duration::from_mins(10);
/// How long the one before it stays listed after that: longer than any token, and some for clocks
/// that differ.
const LISTED_ON: Duration = LONGEST_LIFETIME.saturating_add(Duration::from_mins(10));

/// A key as it is stored.
#[derive(Clone)]
pub(super) struct StoredKey {
    pub(super) id: TokenKeyId,
    /// DER (RFC 5280 `SubjectPublicKeyInfo`).
    pub(super) public: Vec<u8>,
    sealed: Vec<u8>,
    created_at: Timestamp,
}

impl StoredKey {
    fn make(now: Timestamp, keyring: &Keyring) -> Result<Self, AuthError> {
        let id = TokenKeyId::new(now);
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        let private = key.private_key_to_pkcs8()?;
        Ok(Self {
            id,
            public: key.public_key_to_der()?,
            sealed: keyring.seal(&private, place(id).as_bytes())?,
            created_at: now,
        })
    }

    /// The private half, DER (PKCS #8).
    pub(super) fn private(&self, keyring: &Keyring) -> Result<Vec<u8>, AuthError> {
        Ok(keyring.open_sealed(&self.sealed, place(self.id).as_bytes())?)
    }
}

/// What the seal of a private key is bound to.
fn place(id: TokenKeyId) -> String {
    format!("token_keys/sealed_private_key/{id}")
}

/// The key that signs at `now`, of `keys` from new to old.
///
/// The newest that has been listed long enough; while there is none, the oldest, which every process
/// knows longest.
pub(super) fn signing(keys: &[StoredKey], now: Timestamp) -> Option<&StoredKey> {
    let listed = |key: &&StoredKey| key.created_at.plus(LISTED_FIRST) <= now;
    keys.iter().find(listed).or(keys.last())
}

/// Loads the keys from new to old, after making one when the newest is old and removing those whose
/// last token has ended.
pub(super) async fn load(
    db: &Database,
    now: Timestamp,
    keyring: &Keyring,
) -> Result<Vec<StoredKey>, AuthError> {
    let keys = db.read(all).await?;
    if has_fresh(&keys, now) && retired(&keys, now).is_none() {
        return Ok(keys);
    }
    let new = StoredKey::make(now, keyring)?;
    db.write(move |connection| {
        // Another process may have done it meanwhile. Two that do it at once make two keys, which
        // both verify; one of them signs in all processes.
        let mut keys = all(connection)?;
        if !has_fresh(&keys, now) {
            insert(connection, &new)?;
            keys.insert(0, new.clone());
        }
        if let Some(last) = retired(&keys, now) {
            let gone: Vec<TokenKeyId> = keys.drain(last..).map(|key| key.id).collect();
            diesel::delete(token_keys::table.filter(token_keys::id.eq_any(gone)))
                .execute(connection)?;
        }
        Ok(keys)
    })
    .await
}

fn has_fresh(keys: &[StoredKey], now: Timestamp) -> bool {
    let newest = keys.first();
    newest.is_some_and(|key| now.since(key.created_at) < ROTATE_AFTER)
}

/// From which place on keys are of no use: the one before has signed for long enough.
fn retired(keys: &[StoredKey], now: Timestamp) -> Option<usize> {
    let signs_long = LISTED_FIRST.saturating_add(LISTED_ON);
    let newer = keys
        .iter()
        .position(|key| key.created_at.plus(signs_long) <= now)?;
    Some(newer.saturating_add(1)).filter(|place| *place < keys.len())
}

fn all(connection: &mut Connection) -> Result<Vec<StoredKey>, AuthError> {
    let rows = token_keys::table.order(token_keys::id.desc()).select((
        token_keys::id,
        token_keys::public_key,
        token_keys::sealed_private_key,
        token_keys::created_at,
    ));
    let rows: Vec<(TokenKeyId, Vec<u8>, Vec<u8>, i64)> = rows.load(connection)?;
    let key = |(id, public, sealed, created_at)| StoredKey {
        id,
        public,
        sealed,
        created_at: Timestamp::from_millis(created_at),
    };
    Ok(rows.into_iter().map(key).collect())
}

fn insert(connection: &mut Connection, new: &StoredKey) -> Result<(), AuthError> {
    diesel::insert_into(token_keys::table)
        .values((
            token_keys::id.eq(new.id),
            token_keys::public_key.eq(&new.public),
            token_keys::sealed_private_key.eq(&new.sealed),
            token_keys::created_at.eq(new.created_at.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}
