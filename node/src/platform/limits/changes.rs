//! Changing limits and blocks, for this process at once and for all others by rows.

use std::net::IpAddr;
use std::str::FromStr as _;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, Database, DatabaseError};
use ipnet::IpNet;
use tokio::sync::mpsc;

use super::Limits;
use super::blocks::Blocks;
use super::offenders;
use super::settings::RateSettings;
use super::store::{self, Block, Versions, Violations};
use crate::base::ids::BlockId;
use crate::platform::audit;
use crate::platform::ctx::Ctx;

/// Rows that wait to be written; what comes when they are more is not written down.
pub(super) const WAITING: usize = 4096;
/// Rows written in one transaction.
const WRITTEN_AT_ONCE: usize = 256;
/// How often changes of other processes are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How long it is remembered how often an address was blocked.
pub(super) const VIOLATIONS_KEPT: Duration = Duration::from_hours(90 * 24);
/// Blocks at most.
pub const MOST_BLOCKS: usize = 100_000;

/// What the server itself found out, to be written.
#[derive(Debug)]
pub(super) enum Row {
    /// An address got a warning.
    Violations(Violations),
    /// An address is blocked.
    Block(Block),
}

impl Limits {
    /// Reads settings, blocks and violations.
    ///
    /// # Errors
    /// The database failed.
    pub async fn load(&self, db: &Database, now: Timestamp) -> Result<(), DatabaseError> {
        self.reload(db, now, true, true).await?;
        let since = now.minus(VIOLATIONS_KEPT);
        let most = i64::try_from(offenders::MOST).unwrap_or(i64::MAX);
        let known = db
            .read(move |connection| store::violations_since(connection, since, most))
            .await?;
        for row in known {
            if let Ok(network) = IpNet::from_str(&row.network) {
                self.offenders.remember(network, &row);
            }
        }
        Ok(())
    }

    /// Looks for what other processes changed.
    async fn look(&self, db: &Database, now: Timestamp) -> Result<(), DatabaseError> {
        let found = db.read(store::versions).await?;
        let known = *self.versions.lock().unwrap_or_else(PoisonError::into_inner);
        let (settings, blocks) = (
            found.settings != known.settings,
            found.blocks != known.blocks,
        );
        if settings || blocks {
            self.reload(db, now, settings, blocks).await?;
        }
        Ok(())
    }

    async fn reload(
        &self,
        db: &Database,
        now: Timestamp,
        settings: bool,
        blocks: bool,
    ) -> Result<(), DatabaseError> {
        let (versions, stored, networks) = db
            .read(move |connection| {
                // The versions first: a change in between is found by the next look.
                let versions = store::versions(connection)?;
                let stored = if settings {
                    store::settings(connection)?
                } else {
                    None
                };
                let networks = blocks.then(|| store::networks(connection, now));
                Ok::<_, DatabaseError>((versions, stored, networks.transpose()?))
            })
            .await?;
        if settings {
            self.apply_settings(stored.unwrap_or_default());
        }
        if let Some(networks) = networks {
            let mut fresh = Blocks::default();
            for (network, end) in networks {
                if let Ok(network) = IpNet::from_str(&network) {
                    fresh.insert(network, end.map(Timestamp::from_millis));
                }
            }
            *self.blocks.write().unwrap_or_else(PoisonError::into_inner) = fresh;
            self.held.cut(|address| self.is_blocked(address, now));
        }
        self.set_versions(|known| {
            if settings {
                known.settings = versions.settings;
            }
            if blocks {
                known.blocks = versions.blocks;
            }
        });
        Ok(())
    }

    fn set_versions(&self, change: impl FnOnce(&mut Versions)) {
        change(&mut self.versions.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn apply_settings(&self, settings: RateSettings) {
        let mut held = self
            .settings
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(settings);
    }

    /// Counts by these settings from now on; to be called when they are committed as `version`.
    pub fn settings_changed(&self, settings: RateSettings, version: i64) {
        self.apply_settings(settings);
        self.set_versions(|known| {
            if known.settings.saturating_add(1) == version {
                known.settings = version;
            }
        });
    }

    /// Refuses a network from now on, on open sockets too; to be called when its row is committed.
    pub fn blocked(&self, network: IpNet, end: Option<Timestamp>, version: i64, now: Timestamp) {
        self.block(network, end, now);
        self.blocks_are(version);
    }

    /// Answers a network again; to be called when the removal of its row is committed.
    pub fn unblocked(&self, network: IpNet, version: i64) {
        let mut blocks = self.blocks.write().unwrap_or_else(PoisonError::into_inner);
        blocks.remove(network);
        drop(blocks);
        self.offenders.forget(network);
        self.blocks_are(version);
    }

    fn blocks_are(&self, version: i64) {
        self.set_versions(|known| {
            if known.blocks.saturating_add(1) == version {
                known.blocks = version;
            }
        });
    }

    pub(super) fn block(&self, network: IpNet, end: Option<Timestamp>, now: Timestamp) {
        let mut blocks = self.blocks.write().unwrap_or_else(PoisonError::into_inner);
        blocks.insert(network, end);
        drop(blocks);
        self.held.cut(|address: IpAddr| {
            network.contains(&address.to_canonical()) && self.is_blocked(address, now)
        });
    }

    /// How many networks are blocked.
    pub fn blocks(&self) -> usize {
        let blocks = self.blocks.read().unwrap_or_else(PoisonError::into_inner);
        blocks.len()
    }

    /// Blocks an address that goes on beyond all limits.
    pub(super) fn block_by_itself(&self, network: IpNet, now: Timestamp, length: Duration) {
        if self.blocks() >= MOST_BLOCKS {
            tracing::warn!(%network, "there are too many blocks to make another one");
            return;
        }
        let end = now.plus(length);
        tracing::warn!(%network, until = %end, "blocked an address that goes on beyond all limits");
        self.block(network, Some(end), now);
        self.write_down(Row::Block(Block {
            id: BlockId::new(now),
            network: network.to_string(),
            reason: "went on beyond all limits".to_owned(),
            automatic: true,
            created_by: None,
            created_at: now.as_millis(),
            expires_at: Some(end.as_millis()),
        }));
    }

    pub(super) fn write_down(&self, row: Row) {
        // It counts in memory in any case.
        if self.rows.try_send(row).is_err() {
            tracing::debug!("too many violations to write all of them down");
        }
    }
}

/// Writes down what the server itself found out, and follows changes of other processes.
pub async fn follow(ctx: Ctx) {
    let limits = Arc::clone(ctx.limits());
    let taken = limits.written.lock().map(|mut rows| rows.take());
    let Some(mut rows) = taken.ok().flatten() else {
        return;
    };
    let shutdown = ctx.tasks().shutdown().clone();
    loop {
        let mut batch = Vec::new();
        tokio::select! {
            _some = rows.recv_many(&mut batch, WRITTEN_AT_ONCE) => {
                write(&ctx, batch).await;
            }
            () = ctx.clock().sleep_until(ctx.now().plus(LOOK_EVERY)) => {
                if let Err(error) = limits.look(ctx.db(), ctx.now()).await {
                    tracing::warn!(%error, "cannot look for changed limits");
                }
            }
            () = shutdown.cancelled() => {
                drain(&ctx, &mut rows).await;
                return;
            }
        }
    }
}

async fn drain(ctx: &Ctx, rows: &mut mpsc::Receiver<Row>) {
    let mut batch = Vec::new();
    while let Ok(row) = rows.try_recv() {
        batch.push(row);
    }
    write(ctx, batch).await;
}

/// Whether an administrator blocked the same network, which no block of the server's replaces.
fn is_blocked_by_hand(
    connection: &mut Connection,
    block: &Block,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let Ok(network) = IpNet::from_str(&block.network) else {
        return Ok(false);
    };
    let known = store::block_of(connection, network)?;
    Ok(known.is_some_and(|known| {
        let lasts = known.expires_at.is_none_or(|end| end > now.as_millis());
        !known.automatic && lasts
    }))
}

async fn write(ctx: &Ctx, batch: Vec<Row>) {
    if batch.is_empty() {
        return;
    }
    let now = ctx.now();
    let effect = move |connection: &mut Connection| {
        for row in &batch {
            match row {
                Row::Violations(row) => store::set_violations(connection, row)?,
                Row::Block(block) => {
                    if is_blocked_by_hand(connection, block, now)? {
                        continue;
                    }
                    store::insert_block(connection, block)?;
                    let entry = audit::Entry::new(audit::By::System, "address.block")
                        .on("network", &block.network);
                    audit::record(connection, &entry, now)?;
                }
            }
        }
        Ok::<_, DatabaseError>(())
    };
    if let Err(error) = ctx.db().write(effect).await {
        tracing::warn!(%error, "cannot write down who asks too much");
    }
}

/// Removes what is past its time, at most `limit` of each kind; how many there were of the more
/// numerous.
///
/// # Errors
/// The database failed.
pub fn prune(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    store::prune(connection, now, now.minus(VIOLATIONS_KEPT), limit)
}
