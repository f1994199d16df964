//! Writes down what became of claimed deliveries and what was learned of peers.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use diesel::dsl::not;
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _};

use super::store::OnSettled;
use crate::clock::Timestamp;
use crate::each_backend;
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
        report(connection, update, now)?;
    }
    let held: HashSet<LaneId> = give_back_leases(connection, settlements)?;
    let valid: Vec<&Settlement> = settlements
        .iter()
        .filter(|settlement| held.contains(&settlement.delivery.lane))
        .collect();
    finish(connection, &valid, now)?;
    postpone(connection, &valid, now)?;
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

fn report(
    connection: &mut Connection,
    update: &PeerUpdate,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let now = now.as_millis();
    let host = &update.host;
    each_backend!(connection, c => {
        diesel::insert_into(peers::table)
            .values(peers::host.eq(host))
            .on_conflict_do_nothing()
            .execute(c)
    })?;
    let peer = peers::table.find(host);
    match &update.report {
        PeerReport::Answered { signature_scheme } => {
            diesel::update(peer)
                .set((
                    peers::failures.eq(0),
                    peers::failing_since_at.eq(None::<i64>),
                    peers::retry_at.eq(None::<i64>),
                    peers::last_success_at.eq(now),
                ))
                .execute(connection)?;
            if let Some(scheme) = signature_scheme {
                diesel::update(peer)
                    .set(peers::signature_scheme.eq(scheme))
                    .execute(connection)?;
            }
        }
        PeerReport::Failed {
            error,
            failures,
            retry_at,
        } => {
            diesel::update(peer)
                .set((
                    peers::failures.eq(i32::try_from(*failures).unwrap_or(i32::MAX)),
                    // Parked lanes wait for this moment: only an answer takes it away.
                    retry_at.map(|at| peers::retry_at.eq(at.as_millis())),
                    peers::last_failure_at.eq(now),
                    peers::last_error.eq(error),
                ))
                .execute(connection)?;
            diesel::update(peer.filter(peers::failing_since_at.is_null()))
                .set(peers::failing_since_at.eq(now))
                .execute(connection)?;
        }
    }
    Ok(())
}

/// Ends the leases that are still ours; answers their lanes, which are locked now.
fn give_back_leases(
    connection: &mut Connection,
    settlements: &[Settlement],
) -> Result<HashSet<LaneId>, DatabaseError> {
    let mut leases: BTreeMap<&str, Vec<LaneId>> = BTreeMap::new();
    for settlement in settlements {
        leases
            .entry(&settlement.delivery.lease)
            .or_default()
            .push(settlement.delivery.lane);
    }
    let mut held = HashSet::with_capacity(settlements.len());
    for (lease, lanes) in leases {
        let ours = delivery_lanes::table
            .filter(delivery_lanes::id.eq_any(lanes))
            .filter(delivery_lanes::lease_owner.eq(lease));
        let given: Vec<LaneId> = diesel::update(ours)
            .set(delivery_lanes::lease_owner.eq(None::<String>))
            .returning(delivery_lanes::id)
            .get_results(connection)?;
        held.extend(given);
    }
    Ok(held)
}

/// State, status and error of deliveries that end alike.
type Ending<'a> = (&'a str, Option<u16>, Option<&'a str>);

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
    diesel::update(delivery_lanes::table.filter(delivery_lanes::id.eq_any(lanes.clone())))
        .set((
            delivery_lanes::pending.eq(delivery_lanes::pending - 1),
            delivery_lanes::due_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
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

fn final_state(verdict: Verdict) -> Option<DeliveryState> {
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
