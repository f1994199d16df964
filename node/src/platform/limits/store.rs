//! All SQL on `rate_limits`, `blocked_addresses` and `address_violations`.

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::{Timestamp, each_backend};
use ipnet::IpNet;

use super::settings::RateSettings;
use crate::base::ids::{BlockId, UserId};
use crate::base::page::PageQuery;
use crate::platform::db::schema::{address_violations, blocked_addresses, rate_limits};

/// The row of the settings.
const SETTINGS: &str = "settings";
/// The row whose version says that blocks changed.
const BLOCKS: &str = "blocks";

/// The numbers of the last changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Versions {
    pub(super) settings: i64,
    pub(super) blocks: i64,
}

/// A block as a row.
#[derive(Clone, Debug, Queryable)]
pub struct Block {
    /// Its id.
    pub id: BlockId,
    /// The network in CIDR notation.
    pub network: String,
    /// Why.
    pub reason: String,
    /// Whether the server made it by itself.
    pub automatic: bool,
    /// Who made it otherwise.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: i64,
    /// When it ends, if it does.
    pub expires_at: Option<i64>,
}

/// How often an address went beyond the limits.
#[derive(Clone, Debug, Queryable)]
pub(super) struct Violations {
    pub(super) network: String,
    pub(super) warnings: i32,
    pub(super) blocks: i32,
    pub(super) last_at: i64,
}

pub(super) fn versions(connection: &mut Connection) -> Result<Versions, DatabaseError> {
    let rows: Vec<(String, i64)> = rate_limits::table
        .select((rate_limits::name, rate_limits::version))
        .load(connection)?;
    let of = |wanted: &str| {
        let found = rows.iter().find(|(name, _)| name == wanted);
        found.map_or(0, |(_, version)| *version)
    };
    Ok(Versions {
        settings: of(SETTINGS),
        blocks: of(BLOCKS),
    })
}

/// The settings as they were set last; `None` when they never were, or cannot be read.
///
/// # Errors
/// The database failed.
pub fn settings(connection: &mut Connection) -> Result<Option<RateSettings>, DatabaseError> {
    let row = rate_limits::table.find(SETTINGS).select(rate_limits::value);
    let text: Option<String> = row.first(connection).optional()?;
    Ok(text.and_then(|text| match serde_json::from_str(&text) {
        Ok(settings) => Some(settings),
        Err(error) => {
            tracing::error!(%error, "the stored rate limits cannot be read; the defaults count");
            None
        }
    }))
}

/// Writes the settings; the version they got.
///
/// # Errors
/// The database failed.
pub fn set_settings(
    connection: &mut Connection,
    settings: &RateSettings,
    now: Timestamp,
) -> Result<i64, DatabaseError> {
    let value = serde_json::to_string(settings).unwrap_or_default();
    bump(connection, SETTINGS, &value, now)
}

fn bump(
    connection: &mut Connection,
    name: &str,
    value: &str,
    now: Timestamp,
) -> Result<i64, DatabaseError> {
    each_backend!(connection, c => diesel::insert_into(rate_limits::table)
        .values((
            rate_limits::name.eq(name),
            rate_limits::value.eq(value),
            rate_limits::version.eq(1_i64),
            rate_limits::updated_at.eq(now.as_millis()),
        ))
        .on_conflict(rate_limits::name)
        .do_update()
        .set((
            rate_limits::value.eq(value),
            rate_limits::version.eq(rate_limits::version + 1),
            rate_limits::updated_at.eq(now.as_millis()),
        ))
        .execute(c))?;
    let row = rate_limits::table.find(name).select(rate_limits::version);
    Ok(row.first(connection)?)
}

/// Every block that counts now, with its end.
pub(super) fn networks(
    connection: &mut Connection,
    now: Timestamp,
) -> Result<Vec<(String, Option<i64>)>, DatabaseError> {
    let live = blocked_addresses::expires_at
        .is_null()
        .or(blocked_addresses::expires_at.gt(now.as_millis()));
    Ok(blocked_addresses::table
        .filter(live)
        .select((blocked_addresses::network, blocked_addresses::expires_at))
        .load(connection)?)
}

/// The block of exactly this network, even when its time is up.
///
/// # Errors
/// The database failed.
pub fn block_of(
    connection: &mut Connection,
    network: IpNet,
) -> Result<Option<Block>, DatabaseError> {
    let row = blocked_addresses::table
        .filter(blocked_addresses::network.eq(network.to_string()))
        .select(blocked_addresses::all_columns);
    Ok(row.first(connection).optional()?)
}

/// The block with this id.
///
/// # Errors
/// The database failed.
pub fn block_by_id(
    connection: &mut Connection,
    id: BlockId,
) -> Result<Option<Block>, DatabaseError> {
    let row = blocked_addresses::table.find(id);
    Ok(row.first(connection).optional()?)
}

/// How many blocks there are.
///
/// # Errors
/// The database failed.
pub fn count(connection: &mut Connection) -> Result<i64, DatabaseError> {
    Ok(blocked_addresses::table.count().get_result(connection)?)
}

/// Stores a block in the place of an older one of the same network; the version of all blocks.
///
/// # Errors
/// The database failed.
pub fn insert_block(connection: &mut Connection, block: &Block) -> Result<i64, DatabaseError> {
    let old = blocked_addresses::network.eq(&block.network);
    diesel::delete(blocked_addresses::table.filter(old)).execute(connection)?;
    diesel::insert_into(blocked_addresses::table)
        .values((
            blocked_addresses::id.eq(block.id),
            blocked_addresses::network.eq(&block.network),
            blocked_addresses::reason.eq(&block.reason),
            blocked_addresses::automatic.eq(block.automatic),
            blocked_addresses::created_by.eq(block.created_by),
            blocked_addresses::created_at.eq(block.created_at),
            blocked_addresses::expires_at.eq(block.expires_at),
        ))
        .execute(connection)?;
    bump(
        connection,
        BLOCKS,
        "{}",
        Timestamp::from_millis(block.created_at),
    )
}

/// Removes a block; the version of all blocks.
///
/// # Errors
/// The database failed.
pub fn delete_block(
    connection: &mut Connection,
    id: BlockId,
    now: Timestamp,
) -> Result<i64, DatabaseError> {
    diesel::delete(blocked_addresses::table.find(id)).execute(connection)?;
    bump(connection, BLOCKS, "{}", now)
}

/// A part of all blocks, the newest first, with one more than asked for when there is more.
///
/// # Errors
/// The database failed.
pub fn list(
    connection: &mut Connection,
    page: &PageQuery<BlockId>,
) -> Result<Vec<Block>, DatabaseError> {
    let limit = i64::from(page.limit()).saturating_add(1);
    let mut rows = blocked_addresses::table.limit(limit).into_boxed();
    if let Some(before) = page.before {
        rows = rows.filter(blocked_addresses::id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(blocked_addresses::id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(blocked_addresses::id.asc())
    } else {
        rows.order(blocked_addresses::id.desc())
    };
    Ok(rows.load(connection)?)
}

/// Who went beyond the limits since then, at most `limit` of them.
pub(super) fn violations_since(
    connection: &mut Connection,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<Violations>, DatabaseError> {
    Ok(address_violations::table
        .filter(address_violations::last_at.ge(since.as_millis()))
        .order(address_violations::last_at.desc())
        .limit(limit)
        .load(connection)?)
}

/// Writes what is known of an address.
pub(super) fn set_violations(
    connection: &mut Connection,
    row: &Violations,
) -> Result<(), DatabaseError> {
    let values = (
        address_violations::warnings.eq(row.warnings),
        address_violations::blocks.eq(row.blocks),
        address_violations::last_at.eq(row.last_at),
    );
    each_backend!(connection, c => diesel::insert_into(address_violations::table)
        .values((address_violations::network.eq(&row.network), values))
        .on_conflict(address_violations::network)
        .do_update()
        .set(values)
        .execute(c))?;
    Ok(())
}

/// Removes blocks that ended and violations before `forgotten`, at most `limit` of each; how many
/// there were of the more numerous.
///
/// # Errors
/// The database failed.
pub(super) fn prune(
    connection: &mut Connection,
    now: Timestamp,
    forgotten: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let ended: Vec<BlockId> = blocked_addresses::table
        .filter(blocked_addresses::expires_at.le(now.as_millis()))
        .limit(limit)
        .select(blocked_addresses::id)
        .load(connection)?;
    diesel::delete(blocked_addresses::table.filter(blocked_addresses::id.eq_any(&ended)))
        .execute(connection)?;
    let old: Vec<String> = address_violations::table
        .filter(address_violations::last_at.lt(forgotten.as_millis()))
        .limit(limit)
        .select(address_violations::network)
        .load(connection)?;
    diesel::delete(address_violations::table.filter(address_violations::network.eq_any(&old)))
        .execute(connection)?;
    Ok(ended.len().max(old.len()))
}
