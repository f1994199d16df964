//! Figures of the queue, read through the indexes of what is live.

use std::time::Duration;

use diesel::dsl::{count_star, min};
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _,
    SelectableHelper as _,
};

use super::rows::PeerRow;
use crate::clock::Timestamp;
use crate::outbox::delivery::PeerHealth;
use crate::outbox::statistics::{PeerCounts, PeerStatistics, QueueStats};
use crate::store::sql::schema::{deliveries, delivery_lanes, fan_outs, peers};
use crate::store::sql::{Connection, DatabaseError};

/// What is known of one peer, with what is queued for it; `None` when neither is anything.
///
/// # Errors
/// [`DatabaseError`] of the statements.
pub fn peer_statistics(
    connection: &mut Connection,
    host: &str,
) -> Result<Option<PeerStatistics>, DatabaseError> {
    let known: Option<(PeerRow, i64, i64, i64, Option<i32>)> = peers::table
        .find(host)
        .select((
            PeerRow::as_select(),
            peers::delivered,
            peers::failed,
            peers::refused,
            peers::latency_ms,
        ))
        .first(connection)
        .optional()?;
    let lanes: Vec<i64> = delivery_lanes::table
        .filter(delivery_lanes::peer.eq(host))
        .select(delivery_lanes::pending)
        .load(connection)?;
    if known.is_none() && lanes.is_empty() {
        return Ok(None);
    }
    let oldest: Option<i64> = delivery_lanes::table
        .inner_join(deliveries::table)
        .filter(delivery_lanes::peer.eq(host))
        .select(min(deliveries::queued_at))
        .first(connection)?;
    let (health, counts) = if let Some((row, delivered, failed, refused, latency_ms)) = known {
        let counts = PeerCounts {
            delivered: whole(delivered),
            failed: whole(failed),
            refused: whole(refused),
            latency: latency_ms
                .and_then(|latency| u64::try_from(latency).ok())
                .map(Duration::from_millis),
        };
        (PeerHealth::from(row), counts)
    } else {
        let health = PeerHealth {
            host: host.to_owned(),
            ..PeerHealth::default()
        };
        (health, PeerCounts::default())
    };
    Ok(Some(PeerStatistics {
        health,
        counts,
        queued: whole(lanes.iter().sum()),
        lanes: u64::try_from(lanes.len()).unwrap_or(u64::MAX),
        oldest_queued_at: oldest.map(Timestamp::from_millis),
    }))
}

/// The queue as a whole; costs what is queued and dead, not what was delivered.
///
/// # Errors
/// [`DatabaseError`] of the statements.
pub fn queue_stats(connection: &mut Connection) -> Result<QueueStats, DatabaseError> {
    let queued: i64 = deliveries::table
        .filter(deliveries::lane_id.is_not_null())
        .select(count_star())
        .first(connection)?;
    let oldest: Option<i64> = deliveries::table
        .filter(deliveries::lane_id.is_not_null())
        .order(deliveries::queued_at)
        .select(deliveries::queued_at)
        .first(connection)
        .optional()?;
    let due: Option<i64> = delivery_lanes::table
        .filter(diesel::dsl::not(delivery_lanes::parked))
        .filter(delivery_lanes::lease_owner.is_null())
        .order(delivery_lanes::due_at)
        .select(delivery_lanes::due_at)
        .first(connection)
        .optional()?;
    let fan_outs: i64 = fan_outs::table.count().get_result(connection)?;
    let held_back: i64 = peers::table
        .filter(peers::retry_at.is_not_null())
        .select(count_star())
        .first(connection)?;
    let known: i64 = peers::table.count().get_result(connection)?;
    let dead: i64 = deliveries::table
        .filter(deliveries::state.eq("dead"))
        // Says what the state says already, in the words of the index.
        .filter(deliveries::state.ne("delivered"))
        .select(count_star())
        .first(connection)?;
    Ok(QueueStats {
        queued: whole(queued),
        oldest_queued_at: oldest.map(Timestamp::from_millis),
        oldest_due_at: due.map(Timestamp::from_millis),
        fan_outs: whole(fan_outs),
        held_back_peers: whole(held_back),
        dead: whole(dead),
        peers: whole(known),
    })
}

fn whole(stored: i64) -> u64 {
    u64::try_from(stored).unwrap_or(0)
}
