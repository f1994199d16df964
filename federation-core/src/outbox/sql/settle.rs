//! Writes down what became of claimed deliveries and what was learned of peers.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use diesel::dsl::not;
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _};

use super::store::OnSettled;
use super::{report, settle_sqlite};
use crate::clock::Timestamp;
use crate::outbox::delivery::{DeliveryState, LaneId, SettledDelivery};
use crate::outbox::store::{PeerReport, PeerUpdate, Settlement, Verdict};
use crate::store::sql::schema::{deliveries, delivery_lanes, peers};
use crate::store::sql::{Connection, DatabaseError};

/// Applies the reports on peers, then the settlements, then holds back or lets go lanes.
///
/// Rows of peers are locked before rows of lanes, as in `enqueue`.
pub(super) fn settle(
    connection: &mut Connection,
    settlements: &[Settlement],
    updates: &[PeerUpdate],
    now: Timestamp,
    on_settled: Option<&OnSettled>,
) -> Result<(), DatabaseError> {
    for update in updates {
        report::report(connection, update, now)?;
    }
    let valid = match connection {
        Connection::Sqlite(c) => settle_sqlite::settle(c, settlements, now)?,
        Connection::Postgres(_) => {
            let held: HashSet<LaneId> = give_back_leases(connection, settlements, now)?;
            let valid: Vec<&Settlement> = settlements
                .iter()
                .filter(|settlement| held.contains(&settlement.delivery.lane))
                .collect();
            finish(connection, &valid, now)?;
            postpone(connection, &valid, now)?;
            valid
        }
    };
    for update in updates {
        if matches!(update.report, PeerReport::Answered { .. }) {
            let waiting = delivery_lanes::table
                .filter(delivery_lanes::peer.eq(&update.host))
                .filter(delivery_lanes::parked);
            diesel::update(waiting)
                .set((
                    delivery_lanes::parked.eq(false),
                    delivery_lanes::due_at.eq(now.as_millis()),
                ))
                .execute(connection)?;
        }
    }
    hold_back(connection, &valid, updates)?;
    if let Some(on_settled) = on_settled {
        for settlement in valid {
            if let Some(settled) = settled(settlement) {
                on_settled(connection, &settled)?;
            }
        }
    }
    Ok(())
}

/// Ends the leases that are still ours, and takes what is final off the count of its lane; answers
/// the lanes, which are locked now.
fn give_back_leases(
    connection: &mut Connection,
    settlements: &[Settlement],
    now: Timestamp,
) -> Result<HashSet<LaneId>, DatabaseError> {
    let mut leases: BTreeMap<(&str, bool), Vec<LaneId>> = BTreeMap::new();
    for settlement in settlements {
        leases
            .entry((&settlement.delivery.lease, settlement.is_final()))
            .or_default()
            .push(settlement.delivery.lane);
    }
    let mut held = HashSet::with_capacity(settlements.len());
    for ((lease, is_final), lanes) in leases {
        let ours = delivery_lanes::table
            .filter(delivery_lanes::id.eq_any(lanes))
            .filter(delivery_lanes::lease_owner.eq(lease));
        let free = delivery_lanes::lease_owner.eq(None::<String>);
        let given: Vec<LaneId> = if is_final {
            diesel::update(ours)
                .set((
                    free,
                    delivery_lanes::pending.eq(delivery_lanes::pending - 1),
                    delivery_lanes::due_at.eq(now.as_millis()),
                ))
                .returning(delivery_lanes::id)
                .get_results(connection)?
        } else {
            diesel::update(ours)
                .set(free)
                .returning(delivery_lanes::id)
                .get_results(connection)?
        };
        held.extend(given);
    }
    Ok(held)
}

/// State, status and error of deliveries that end alike.
pub(super) type Ending<'a> = (&'a str, Option<u16>, Option<&'a str>);

/// Takes delivered and dead ones out of their lanes, and ends lanes that are empty then.
fn finish(
    connection: &mut Connection,
    settlements: &[&Settlement],
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let mut alike: BTreeMap<Ending<'_>, Vec<String>> = BTreeMap::new();
    let mut lanes = Vec::new();
    for settlement in settlements {
        if let Some(state) = final_state(settlement.verdict) {
            alike
                .entry((
                    state.as_str(),
                    settlement.status,
                    settlement.error.as_deref(),
                ))
                .or_default()
                .push(settlement.delivery.id.to_string());
            lanes.push(settlement.delivery.lane);
        }
    }
    for ((state, status, error), ids) in alike {
        diesel::update(deliveries::table.filter(deliveries::id.eq_any(ids)))
            .set((
                deliveries::state.eq(state),
                deliveries::lane_id.eq(None::<i64>),
                deliveries::attempts.eq(deliveries::attempts + 1),
                deliveries::last_status.eq(status.map(i32::from)),
                deliveries::last_error.eq(error),
                deliveries::settled_at.eq(now.as_millis()),
            ))
            .execute(connection)?;
    }
    if lanes.is_empty() {
        return Ok(());
    }
    let empty = delivery_lanes::table
        .filter(delivery_lanes::id.eq_any(lanes))
        .filter(delivery_lanes::pending.eq(0));
    diesel::delete(empty).execute(connection)?;
    Ok(())
}

/// Lets the lanes of the others wait as long as they were told.
fn postpone(
    connection: &mut Connection,
    settlements: &[&Settlement],
    now: Timestamp,
) -> Result<(), DatabaseError> {
    for settlement in settlements {
        let due_at = match settlement.verdict {
            Verdict::Retry(due_at) => due_at,
            Verdict::Release => now,
            Verdict::Delivered | Verdict::Dead => continue,
        };
        diesel::update(delivery_lanes::table.find(settlement.delivery.lane))
            .set(delivery_lanes::due_at.eq(due_at.as_millis()))
            .execute(connection)?;
        if matches!(settlement.verdict, Verdict::Retry(_)) {
            diesel::update(deliveries::table.find(settlement.delivery.id.to_string()))
                .set((
                    deliveries::attempts.eq(deliveries::attempts + 1),
                    deliveries::last_status.eq(settlement.status.map(i32::from)),
                    deliveries::last_error.eq(&settlement.error),
                ))
                .execute(connection)?;
        }
    }
    Ok(())
}

/// Parks the free lanes of peers that are held back.
fn hold_back(
    connection: &mut Connection,
    settlements: &[&Settlement],
    updates: &[PeerUpdate],
) -> Result<(), DatabaseError> {
    let waiting = settlements
        .iter()
        .filter(|settlement| final_state(settlement.verdict).is_none())
        .map(|settlement| settlement.delivery.peer.as_str());
    let failed = updates
        .iter()
        .filter(|update| matches!(update.report, PeerReport::Failed { .. }))
        .map(|update| update.host.as_str());
    let hosts: BTreeSet<&str> = waiting.chain(failed).collect();
    if hosts.is_empty() {
        return Ok(());
    }
    let held: Vec<String> = peers::table
        .filter(peers::host.eq_any(hosts))
        .filter(peers::retry_at.is_not_null())
        .select(peers::host)
        .load(connection)?;
    if held.is_empty() {
        return Ok(());
    }
    let free = delivery_lanes::table
        .filter(delivery_lanes::peer.eq_any(held))
        .filter(not(delivery_lanes::parked))
        .filter(delivery_lanes::lease_owner.is_null());
    diesel::update(free)
        .set(delivery_lanes::parked.eq(true))
        .execute(connection)?;
    Ok(())
}

pub(super) fn final_state(verdict: Verdict) -> Option<DeliveryState> {
    match verdict {
        Verdict::Delivered => Some(DeliveryState::Delivered),
        Verdict::Dead => Some(DeliveryState::Dead),
        Verdict::Retry(_) | Verdict::Release => None,
    }
}

fn settled(settlement: &Settlement) -> Option<SettledDelivery> {
    let state = final_state(settlement.verdict)?;
    let delivery = &settlement.delivery;
    Some(SettledDelivery {
        delivery_id: delivery.id,
        activity_id: delivery.activity_id.clone(),
        inbox: delivery.inbox.clone(),
        recipients: delivery.recipients.clone(),
        state,
        attempts: delivery.attempts.saturating_add(1),
        last_status: settlement.status,
        last_error: settlement.error.clone(),
    })
}
