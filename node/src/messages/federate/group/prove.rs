//! Integrity proofs of what members say in channels (FEP-8b32): with one, every node that gets it
//! from the Group knows whose it is without asking.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::keys::KeyStage;
use federation_core::proof;
use federation_core::signature::{Algorithm, PrivateKey, SigningKey};
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::vocab::{Value, parse_id};
use url::Url;

use crate::accounts;
use crate::base::ids::{ChannelId, UserId};
use crate::channels;
use crate::channels::structure::is_mirror;
use crate::groups;
use crate::platform::ctx::Ctx;
use crate::platform::db::schema::local_keys;

/// How Ed25519 is called where keys are stored.
const ED25519: &str = "ed25519";

/// The actor whose keys have to be there before they say something in this channel; `None` where
/// nothing of it leaves this node.
///
/// # Errors
/// The database failed.
pub(in crate::messages) fn author_to_prove(
    ctx: &Ctx,
    connection: &mut Connection,
    (author, channel): (UserId, ChannelId),
) -> Result<Option<Url>, DatabaseError> {
    let Some(channel) = channels::store::by_id(connection, channel)? else {
        return Ok(None);
    };
    let leaves = channel.actor_uri.is_some()
        && (is_mirror(ctx.origin(), &channel)
            || groups::store::has_followers(connection, channel.id)?);
    if !leaves {
        return Ok(None);
    }
    let author = accounts::store::by_id(connection, author)?;
    let author = author.filter(|author| author.is_local() && author.is_active());
    Ok(author.and_then(|author| parse_id(&author.actor_uri)))
}

/// Puts a proof by `actor` into an activity. Without keys it goes as it is: other nodes then ask this
/// one.
pub(super) fn prove(
    ctx: &Ctx,
    connection: &mut Connection,
    activity: Value,
    actor: &str,
    now: Timestamp,
) -> Result<Value, DatabaseError> {
    let mut map = match activity {
        Value::Object(map) => map,
        other => return Ok(other),
    };
    if let Some(key) = key_of(ctx, connection, actor)?
        && let Err(error) = proof::sign(&mut map, &key, now)
    {
        tracing::warn!(%error, actor, "cannot prove a message");
    }
    Ok(Value::Object(map))
}

/// The Ed25519 key with which an actor of this node proves things now.
fn key_of(
    ctx: &Ctx,
    connection: &mut Connection,
    actor: &str,
) -> Result<Option<SigningKey>, DatabaseError> {
    let row = local_keys::table
        .filter(local_keys::actor_id.eq(actor))
        .filter(local_keys::algorithm.eq(ED25519))
        .filter(local_keys::stage.eq(KeyStage::Current.as_str()))
        .select((local_keys::key_id, local_keys::private_key));
    let row: Option<(String, Vec<u8>)> = row.first(connection).optional()?;
    let Some((id, sealed)) = row else {
        return Ok(None);
    };
    let malformed = || DatabaseError::Malformed { what: "local key" };
    let opened = ctx.keyring().open_sealed(&sealed, id.as_bytes());
    let plain = opened.map_err(|_cannot| malformed())?;
    let key = PrivateKey::from_der(Algorithm::Ed25519, &plain).map_err(|_cannot| malformed())?;
    let id = parse_id(&id).ok_or_else(malformed)?;
    Ok(Some(SigningKey::new(id, key)))
}
