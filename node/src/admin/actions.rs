//! What those who run the node can do: one use case, one function, one transaction.

use std::net::IpAddr;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use http::StatusCode;
use ipnet::IpNet;

use super::error::AdminError;
use super::wire::{BlockView, Chart, NewBlock, Point, Step, Subject};
use crate::base::ids::{BlockId, RequestId, UserId};
use crate::platform::activity::{self, Wanted};
use crate::platform::audit::{self, By, Entry};
use crate::platform::ctx::Ctx;
use crate::platform::http::error::ApiError;
use crate::platform::http::idempotency::{Created, Idempotency};
use crate::platform::limits::canonical;
use crate::platform::limits::changes::MOST_BLOCKS;
use crate::platform::limits::settings::RateSettings;
use crate::platform::limits::store::{self, Block};

/// Characters in a reason at most.
const MAX_REASON: usize = 500;
/// Days of hours that are read at once.
const DAYS_BY_HOUR: u32 = 31;
/// Days of days that are read at once.
const DAYS_BY_DAY: u32 = 800;
/// Subjects shown beside a chart.
const TOP: i64 = 20;
/// Milliseconds in a day.
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Who asks, by which request, from where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller {
    pub(super) user: UserId,
    pub(super) request: Option<RequestId>,
    pub(super) address: Option<IpAddr>,
}

impl Caller {
    fn entry(&self, action: &'static str) -> Entry {
        Entry::new(By::User(self.user), action).asked_by(self.request, self.address)
    }
}

/// Sets the limits, for this process at once and for the others within half a second.
pub(super) async fn set_limits(
    ctx: &Ctx,
    caller: Caller,
    wanted: RateSettings,
) -> Result<Arc<RateSettings>, AdminError> {
    wanted.check().map_err(AdminError::InvalidLimits)?;
    let (now, new) = (ctx.now(), wanted.clone());
    let effect = move |connection: &mut Connection| {
        let before = store::settings(connection)?.unwrap_or_default();
        let json = |settings: &RateSettings| serde_json::to_value(settings).ok();
        let entry = caller.entry("rate_limits.update");
        let entry = entry.change(json(&before), json(&new));
        audit::record(connection, &entry, now)?;
        store::set_settings(connection, &new, now)
    };
    let version = ctx.db().write(effect).await?;
    ctx.limits().settings_changed(wanted, version);
    Ok(ctx.limits().settings())
}

/// Blocks an address or a network, on open sockets too.
pub(super) async fn block(
    ctx: &Ctx,
    caller: Caller,
    new: NewBlock,
    idempotency: Idempotency,
) -> Result<Created, ApiError> {
    let now = ctx.now();
    let network = parse(&new.network)?;
    let reason = new.reason.trim().to_owned();
    let fits = (1..=MAX_REASON).contains(&reason.chars().count());
    if !fits || reason.chars().any(char::is_control) {
        return Err(AdminError::InvalidReason.into());
    }
    if new.expires_at.is_some_and(|end| end <= now) {
        return Err(AdminError::InvalidExpiry.into());
    }
    if !new.force {
        check_own(
            &ctx.config().server.trusted_proxies,
            network,
            caller.address,
        )?;
    }
    let block = Block {
        id: BlockId::new(now),
        network: network.to_string(),
        reason,
        automatic: false,
        created_by: Some(caller.user),
        created_at: now.as_millis(),
        expires_at: new.expires_at.map(Timestamp::as_millis),
    };
    let shared = ctx.clone();
    let effect = move |connection: &mut Connection| {
        let mut version = 0;
        let scope = format!("blocks/{}", caller.user);
        let created = idempotency.once(&shared, connection, &scope, |connection| {
            version = insert(connection, caller, network, &block, now)?;
            Ok((StatusCode::CREATED, BlockView::from(block.clone())))
        })?;
        Ok::<_, ApiError>((created, version))
    };
    let (created, version) = ctx.db().write(effect).await?;
    if !created.is_replay() {
        ctx.limits().blocked(network, new.expires_at, version, now);
    }
    Ok(created)
}

fn insert(
    connection: &mut Connection,
    caller: Caller,
    network: IpNet,
    block: &Block,
    now: Timestamp,
) -> Result<i64, AdminError> {
    let before = store::block_of(connection, network)?;
    // One that the server made by itself, or whose time is up, gives way.
    let stays = before
        .filter(|old| !old.automatic && old.expires_at.is_none_or(|end| end > now.as_millis()));
    if stays.is_some() {
        return Err(AdminError::Blocked);
    }
    if usize::try_from(store::count(connection)?).unwrap_or(0) >= MOST_BLOCKS {
        return Err(AdminError::TooMany);
    }
    let after = serde_json::json!({
        "reason": block.reason,
        "expires_at": block.expires_at.map(Timestamp::from_millis),
    });
    let entry = caller.entry("address.block").on("network", &block.network);
    audit::record(connection, &entry.change(None, Some(after)), now)?;
    Ok(store::insert_block(connection, block)?)
}

/// Lifts a block.
pub(super) async fn unblock(ctx: &Ctx, caller: Caller, id: BlockId) -> Result<(), AdminError> {
    let now = ctx.now();
    let effect = move |connection: &mut Connection| {
        let block = store::block_by_id(connection, id)?.ok_or(AdminError::NotFound)?;
        let before = serde_json::json!({"reason": block.reason});
        let entry = caller
            .entry("address.unblock")
            .on("network", &block.network);
        audit::record(connection, &entry.change(Some(before), None), now)?;
        let version = store::delete_block(connection, id, now)?;
        Ok::<_, AdminError>((block.network, version))
    };
    let (network, version) = ctx.db().write(effect).await?;
    if let Ok(network) = IpNet::from_str(&network) {
        ctx.limits().unblocked(network, version);
    }
    Ok(())
}

/// An address or a network.
fn parse(text: &str) -> Result<IpNet, AdminError> {
    let network = IpNet::from_str(text);
    let network = network.or_else(|_| IpAddr::from_str(text).map(IpNet::from));
    network
        .map(canonical)
        .map_err(|_neither| AdminError::InvalidNetwork)
}

/// Refuses a block that would shut out whoever makes it.
fn check_own(proxies: &[IpNet], network: IpNet, own: Option<IpAddr>) -> Result<(), AdminError> {
    if own.is_some_and(|own| network.contains(&own.to_canonical())) {
        return Err(AdminError::OwnAddress("your own address"));
    }
    for loopback in ["127.0.0.0/8", "::1/128"]
        .map(IpNet::from_str)
        .into_iter()
        .flatten()
    {
        if network.contains(&loopback.network()) || loopback.contains(&network.network()) {
            return Err(AdminError::OwnAddress("addresses of this machine"));
        }
    }
    let held = |proxy: &IpNet| {
        let proxy = canonical(*proxy);
        network.contains(&proxy.network()) || proxy.contains(&network.network())
    };
    if proxies.iter().any(held) {
        return Err(AdminError::OwnAddress("a proxy of server.trusted_proxies"));
    }
    Ok(())
}

/// What was counted over a time.
pub(super) async fn chart(ctx: &Ctx, wanted: Wanted, by: Step) -> Result<Chart, AdminError> {
    let days = match by {
        Step::Hour => DAYS_BY_HOUR,
        Step::Day => DAYS_BY_DAY,
    };
    let longest = Duration::from_hours(24).saturating_mul(days);
    if wanted.from >= wanted.to || wanted.to.since(wanted.from) > longest {
        return Err(AdminError::InvalidRange(days));
    }
    let asked = wanted.clone();
    let (hours, top) = ctx
        .db()
        .read(move |connection| {
            let hours = activity::hours(connection, &asked)?;
            let top = activity::top(connection, &asked, TOP)?;
            Ok::<_, DatabaseError>((hours, top))
        })
        .await?;
    let mut points: Vec<Point> = Vec::new();
    for (hour, count) in hours {
        let at = match by {
            Step::Hour => hour,
            Step::Day => hour - hour.rem_euclid(DAY),
        };
        let at = Timestamp::from_millis(at);
        match points.last_mut().filter(|last| last.at == at) {
            Some(last) if wanted.kind.is_level() => last.count = last.count.max(count),
            Some(last) => last.count = last.count.saturating_add(count),
            None => points.push(Point { at, count }),
        }
    }
    let top = top.into_iter();
    Ok(Chart {
        kind: wanted.kind,
        by,
        from: wanted.from,
        to: wanted.to,
        points,
        top: top
            .map(|(subject, count)| Subject { subject, count })
            .collect(),
    })
}
