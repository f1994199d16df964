//! What operators ask of the queue: look, try again, tidy up.

use std::collections::HashSet;
use std::iter::once;

use diesel::dsl::{exists, not};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _,
    RunQueryDsl as _, SelectableHelper as _,
};

use super::enqueue::{held_back, take_places};
use super::rows::{DeliveryRow, PeerRow, limit};
use crate::clock::Timestamp;
use crate::outbox::delivery::{Delivery, DeliveryId, PeerHealth};
use crate::outbox::store::{DeliveryFilter, Heard, PeerBounds};
use crate::store::sql::schema::{deliveries, delivery_lanes, fan_outs, outgoing_activities, peers};
use crate::store::sql::{Connection, DatabaseError};

/// Lists deliveries, newest first.
///
/// # Errors
/// [`DatabaseError`] of the statement.
pub fn list(
    connection: &mut Connection,
    filter: &DeliveryFilter,
) -> Result<Vec<Delivery>, DatabaseError> {
    let mut query = deliveries::table
        .order(deliveries::id.desc())
        .limit(limit(filter.limit))
        .select(DeliveryRow::as_select())
        .into_boxed();
    if let Some(state) = filter.state {
        query = query.filter(deliveries::state.eq(state.as_str()));
    }
    if let Some(peer) = &filter.peer {
        query = query.filter(deliveries::peer.eq(peer));
    }
    if let Some(before) = filter.before {
        query = query.filter(deliveries::id.lt(before.to_string()));
    }
    query
        .load(connection)?
        .into_iter()
        .map(DeliveryRow::into_delivery)
        .collect()
}

/// One delivery.
///
/// # Errors
/// [`DatabaseError`] of the statement.
pub fn delivery(
    connection: &mut Connection,
    id: DeliveryId,
) -> Result<Option<Delivery>, DatabaseError> {
    deliveries::table
        .find(id.to_string())
        .select(DeliveryRow::as_select())
        .first(connection)
        .optional()?
        .map(DeliveryRow::into_delivery)
        .transpose()
}

/// Queues a dead or cancelled delivery again, as if it were new; false when it is neither.
///
/// # Errors
/// [`DatabaseError`] of the statements.
pub fn retry(
    connection: &mut Connection,
    id: DeliveryId,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let ended = deliveries::table
        .find(id.to_string())
        .filter(deliveries::state.eq_any(["dead", "cancelled"]));
    let Some((peer, key)) = ended
        .select((deliveries::peer, deliveries::ordering_key))
        .first::<(String, String)>(connection)
        .optional()?
    else {
        return Ok(false);
    };
    let held = held_back(connection, once(peer.as_str()))?;
    let lane = once((peer.as_str(), key.as_str()));
    let places = take_places(connection, lane, &held, now)?;
    let (lane, seq) = places
        .into_values()
        .next()
        .ok_or(DatabaseError::Malformed { what: "lane" })?;
    let queued = diesel::update(
        deliveries::table
            .filter(deliveries::id.eq(id.to_string()))
            .filter(deliveries::state.eq_any(["dead", "cancelled"])),
    )
    .set((
        deliveries::state.eq("queued"),
        deliveries::lane_id.eq(lane),
        deliveries::seq.eq(seq),
        deliveries::attempts.eq(0),
        deliveries::queued_at.eq(now.as_millis()),
        deliveries::settled_at.eq(None::<i64>),
    ))
    .execute(connection)?;
    if queued == 0 {
        // Somebody else was first; the place that was taken for nothing must not stay.
        return Err(DatabaseError::Busy);
    }
    Ok(true)
}

/// Forgets deliveries that left the queue and were made before `before`, and bodies without any.
///
/// At most `at_most` of each; answers how many rows went.
///
/// # Errors
/// [`DatabaseError`] of the statements.
pub fn prune(
    connection: &mut Connection,
    before: Timestamp,
    at_most: u32,
) -> Result<usize, DatabaseError> {
    let old: Vec<String> = deliveries::table
        .filter(deliveries::id.lt(DeliveryId::floor(before).to_string()))
        .filter(deliveries::state.ne("queued"))
        .order(deliveries::id)
        .limit(limit(at_most))
        .select(deliveries::id)
        .load(connection)?;
    // One of them may have been queued again in the meantime.
    let settled = deliveries::table
        .filter(deliveries::id.eq_any(old))
        .filter(deliveries::state.ne("queued"));
    let gone = diesel::delete(settled).execute(connection)?;
    let in_use = deliveries::table
        .filter(deliveries::activity_id.eq(outgoing_activities::id))
        .select(deliveries::id);
    let to_spread = fan_outs::table
        .filter(fan_outs::activity_id.eq(outgoing_activities::id))
        .select(fan_outs::id);
    let unused: Vec<String> = outgoing_activities::table
        .filter(outgoing_activities::created_at.lt(before.as_millis()))
        .filter(not(exists(in_use)))
        .filter(not(exists(to_spread)))
        .order(outgoing_activities::created_at)
        .limit(limit(at_most))
        .select(outgoing_activities::id)
        .load(connection)?;
    let bodies =
        diesel::delete(outgoing_activities::table.filter(outgoing_activities::id.eq_any(unused)))
            .execute(connection)?;
    Ok(gone + bodies)
}

/// Forgets peers beyond `bounds` that nothing is queued for; at most `at_most`, answers how many.
///
/// # Errors
/// [`DatabaseError`] of the statements.
pub fn prune_peers(
    connection: &mut Connection,
    bounds: &PeerBounds,
    at_most: u32,
) -> Result<usize, DatabaseError> {
    let known: i64 = peers::table.count().get_result(connection)?;
    let beyond = known.saturating_sub(i64::from(bounds.most));
    let idle = || {
        let queued = delivery_lanes::table
            .filter(delivery_lanes::peer.eq(peers::host))
            .select(delivery_lanes::id);
        peers::table
            .filter(not(exists(queued)))
            .order(peers::touched_at)
            .select(peers::host)
    };
    let mut hosts: HashSet<String> = idle()
        .filter(peers::touched_at.lt(bounds.untouched_since.as_millis()))
        .limit(limit(at_most))
        .load(connection)?
        .into_iter()
        .collect();
    if beyond > 0 {
        let oldest: Vec<String> = idle().limit(beyond.min(limit(at_most))).load(connection)?;
        hosts.extend(oldest);
    }
    if hosts.is_empty() {
        return Ok(0);
    }
    Ok(diesel::delete(peers::table.filter(peers::host.eq_any(hosts))).execute(connection)?)
}

/// Whether a peer is held back for longer than it asked for.
///
/// # Errors
/// [`DatabaseError`] of the statement.
pub(super) fn is_held_back(
    connection: &mut Connection,
    host: &str,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let now = now.as_millis();
    let held = peers::table
        .filter(peers::host.eq(host))
        .filter(peers::retry_at.gt(now))
        .filter(peers::asked_until.is_null().or(peers::asked_until.le(now)));
    Ok(diesel::select(exists(held)).get_result(connection)?)
}

/// Makes a peer due that is held back for longer than it asked for, unless one of its lanes is leased.
///
/// # Errors
/// [`DatabaseError`] of the statements.
pub(super) fn make_due(
    connection: &mut Connection,
    host: &str,
    now: Timestamp,
) -> Result<Heard, DatabaseError> {
    // Holds the row, so that nobody begins to try the peer meanwhile.
    diesel::update(peers::table.filter(peers::host.eq(host)))
        .set(peers::retry_at.eq(peers::retry_at))
        .execute(connection)?;
    if !is_held_back(connection, host, now)? {
        return Ok(Heard::Nothing);
    }
    let under_way = delivery_lanes::table
        .filter(delivery_lanes::peer.eq(host))
        .filter(delivery_lanes::lease_owner.is_not_null());
    if diesel::select(exists(under_way)).get_result(connection)? {
        return Ok(Heard::BeingTried);
    }
    diesel::update(peers::table.filter(peers::host.eq(host)))
        .set(peers::retry_at.eq(now.as_millis()))
        .execute(connection)?;
    Ok(Heard::Due)
}

/// Lists peers by host, after `after`.
///
/// # Errors
/// [`DatabaseError`] of the statement.
pub fn peers(
    connection: &mut Connection,
    after: Option<&str>,
    at_most: u32,
) -> Result<Vec<PeerHealth>, DatabaseError> {
    let mut query = peers::table
        .order(peers::host)
        .limit(limit(at_most))
        .select(PeerRow::as_select())
        .into_boxed();
    if let Some(after) = after {
        query = query.filter(peers::host.gt(after));
    }
    Ok(query
        .load(connection)?
        .into_iter()
        .map(PeerHealth::from)
        .collect())
}

/// What is known of one peer.
///
/// # Errors
/// [`DatabaseError`] of the statement.
pub fn peer(connection: &mut Connection, host: &str) -> Result<Option<PeerHealth>, DatabaseError> {
    Ok(peers::table
        .find(host)
        .select(PeerRow::as_select())
        .first(connection)
        .optional()?
        .map(PeerHealth::from))
}
