//! Takes deliveries out of the queue that nobody is sending: too old, or no longer wanted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::dsl::{exists, not};
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _, SelectableHelper as _};
use url::Url;

use super::expand;
use super::rows::{CHUNK, DeliveryRow, limit};
use super::store::OnSettled;
use crate::clock::Timestamp;
use crate::outbox::delivery::{DeliveryState, LaneId};
use crate::store::sql::schema::{deliveries, delivery_lanes, outgoing_activities, peers};
use crate::store::sql::{Connection, DatabaseError};

/// Gives up deliveries queued before `before`; at most `at_most`, answers how many.
///
/// Lanes that are parked although their peer is not held back are due again.
///
/// # Errors
/// [`DatabaseError`] of the statements.
pub fn expire(
    connection: &mut Connection,
    before: Timestamp,
    at_most: u32,
    now: Timestamp,
    on_settled: Option<&OnSettled>,
) -> Result<usize, DatabaseError> {
    heal(connection, now)?;
    let old: Vec<(String, Option<LaneId>)> = deliveries::table
        .filter(deliveries::lane_id.is_not_null())
        .filter(deliveries::queued_at.lt(before.as_millis()))
        .order(deliveries::queued_at)
        .limit(limit(at_most))
        .select((deliveries::id, deliveries::lane_id))
        .load(connection)?;
    let end = End {
        state: DeliveryState::Dead,
        error: "given up: it could not be delivered in time",
        now,
    };
    withdraw(connection, &old, &end, on_settled)
}

/// Lets go of lanes that nothing would look at until they are too old.
fn heal(connection: &mut Connection, now: Timestamp) -> Result<(), DatabaseError> {
    let held_back = peers::table
        .filter(peers::host.eq(delivery_lanes::peer))
        .filter(peers::retry_at.is_not_null())
        .select(peers::host);
    let forgotten = delivery_lanes::table
        .filter(delivery_lanes::parked)
        .filter(not(exists(held_back)));
    diesel::update(forgotten)
        .set((
            delivery_lanes::parked.eq(false),
            delivery_lanes::due_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Withdraws what is queued about `object_id` and not being sent; answers how many. What is not
/// spread over the lanes yet is forgotten and not counted.
///
/// # Errors
/// [`DatabaseError`] of the statements.
pub fn cancel_for_object(
    connection: &mut Connection,
    object_id: &Url,
    now: Timestamp,
    on_settled: Option<&OnSettled>,
) -> Result<usize, DatabaseError> {
    // First, so that nothing of it is spread after this has looked.
    expand::cancel(connection, object_id)?;
    let about: Vec<(String, Option<LaneId>)> = deliveries::table
        .inner_join(outgoing_activities::table)
        .filter(outgoing_activities::object_id.eq(object_id.as_str()))
        .filter(deliveries::lane_id.is_not_null())
        .select((deliveries::id, deliveries::lane_id))
        .load(connection)?;
    let end = End {
        state: DeliveryState::Cancelled,
        error: "withdrawn before it was sent",
        now,
    };
    withdraw(connection, &about, &end, on_settled)
}

struct End {
    state: DeliveryState,
    error: &'static str,
    now: Timestamp,
}

fn withdraw(
    connection: &mut Connection,
    found: &[(String, Option<LaneId>)],
    end: &End,
    on_settled: Option<&OnSettled>,
) -> Result<usize, DatabaseError> {
    let mut withdrawn = 0;
    for chunk in found.chunks(CHUNK) {
        let lanes: BTreeSet<LaneId> = chunk.iter().filter_map(|(_, lane)| *lane).collect();
        // A change of nothing locks the rows and shows them as they are then.
        let locked: Vec<(LaneId, Option<String>)> =
            diesel::update(delivery_lanes::table.filter(delivery_lanes::id.eq_any(lanes)))
                .set(delivery_lanes::last_seq.eq(delivery_lanes::last_seq))
                .returning((delivery_lanes::id, delivery_lanes::lease_owner))
                .get_results(connection)?;
        let locked: HashMap<LaneId, bool> = locked
            .into_iter()
            .map(|(lane, owner)| (lane, owner.is_some()))
            .collect();
        let ids = chunk.iter().map(|(id, _)| id.as_str());
        let queued: Vec<(DeliveryRow, Option<LaneId>, i64)> = deliveries::table
            .filter(deliveries::id.eq_any(ids))
            .filter(deliveries::lane_id.is_not_null())
            .select((
                DeliveryRow::as_select(),
                deliveries::lane_id,
                deliveries::seq,
            ))
            .load(connection)?;
        let mut free = Vec::with_capacity(queued.len());
        for (row, lane, seq) in queued {
            let Some(lane) = lane else { continue };
            let under_way = match locked.get(&lane) {
                Some(true) => is_head(connection, lane, seq)?,
                Some(false) => false,
                // It went into another lane in the meantime.
                None => true,
            };
            if !under_way {
                free.push((row, lane));
            }
        }
        withdrawn += free.len();
        take_out(connection, free, end, on_settled)?;
    }
    Ok(withdrawn)
}

fn is_head(connection: &mut Connection, lane: LaneId, seq: i64) -> Result<bool, DatabaseError> {
    let first: i64 = deliveries::table
        .filter(deliveries::lane_id.eq(lane))
        .order(deliveries::seq)
        .select(deliveries::seq)
        .first(connection)?;
    Ok(first == seq)
}

fn take_out(
    connection: &mut Connection,
    rows: Vec<(DeliveryRow, LaneId)>,
    end: &End,
    on_settled: Option<&OnSettled>,
) -> Result<(), DatabaseError> {
    let mut counts: BTreeMap<LaneId, i64> = BTreeMap::new();
    for (_, lane) in &rows {
        *counts.entry(*lane).or_default() += 1;
    }
    let ids: Vec<&str> = rows.iter().map(|(row, _)| row.id.as_str()).collect();
    diesel::update(deliveries::table.filter(deliveries::id.eq_any(ids)))
        .set((
            deliveries::state.eq(end.state.as_str()),
            deliveries::lane_id.eq(None::<i64>),
            deliveries::last_error.eq(end.error),
            deliveries::settled_at.eq(end.now.as_millis()),
        ))
        .execute(connection)?;
    for (lane, count) in &counts {
        diesel::update(delivery_lanes::table.find(lane))
            .set(delivery_lanes::pending.eq(delivery_lanes::pending - count))
            .execute(connection)?;
    }
    let empty = delivery_lanes::table
        .filter(delivery_lanes::id.eq_any(counts.into_keys()))
        .filter(delivery_lanes::pending.eq(0));
    diesel::delete(empty).execute(connection)?;
    if let Some(on_settled) = on_settled {
        for (row, _) in rows {
            let mut delivery = row.into_delivery()?;
            delivery.state = end.state;
            delivery.last_error = Some(end.error.to_owned());
            on_settled(connection, &delivery.into())?;
        }
    }
    Ok(())
}
