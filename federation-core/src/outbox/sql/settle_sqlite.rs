//! Writes settlements to SQLite in a few statements, however many there are.
//!
//! There is one writer, so what is read in a transaction still holds when it writes.

use std::collections::{BTreeMap, HashMap};

use diesel::RunQueryDsl as _;
use diesel::sql_types::{BigInt, Nullable, Text};
use diesel::sqlite::SqliteConnection;

use super::settle::{Ending, final_state};
use super::statement::{Statement, numbers, texts};
use crate::clock::Timestamp;
use crate::outbox::delivery::LaneId;
use crate::outbox::store::{Settlement, Verdict};
use crate::store::sql::DatabaseError;

const LEASES: &str = "SELECT id, lease_owner, pending FROM delivery_lanes \
     WHERE id IN (SELECT value FROM json_each(?))";

const FINISH: &str = "UPDATE deliveries SET state = ?, lane_id = NULL, attempts = attempts + 1, \
     last_status = ?, last_error = ?, settled_at = ? \
     WHERE id IN (SELECT value FROM json_each(?))";

const END: &str = "DELETE FROM delivery_lanes WHERE id IN (SELECT value FROM json_each(?))";

const GO_ON: &str = "UPDATE delivery_lanes SET lease_owner = NULL, pending = pending - 1, \
     due_at = ? WHERE id IN (SELECT value FROM json_each(?))";

const POSTPONE: &str = "UPDATE delivery_lanes SET lease_owner = NULL, due_at = ? WHERE id = ?";

const TRIED: &str = "UPDATE deliveries SET attempts = attempts + 1, last_status = ?, \
     last_error = ? WHERE id = ?";

/// Writes down those settlements whose lease still holds; answers them.
pub(super) fn settle<'a>(
    connection: &mut SqliteConnection,
    settlements: &'a [Settlement],
    now: Timestamp,
) -> Result<Vec<&'a Settlement>, DatabaseError> {
    if settlements.is_empty() {
        return Ok(Vec::new());
    }
    let lanes = settlements.iter().map(|one| one.delivery.lane);
    let leases: Vec<(LaneId, Option<String>, i64)> =
        Statement::<(BigInt, Nullable<Text>, BigInt)>::new(LEASES, [numbers(lanes).into()])
            .load(connection)?;
    let leases: HashMap<LaneId, (Option<String>, i64)> = leases
        .into_iter()
        .map(|(lane, lease, pending)| (lane, (lease, pending)))
        .collect();
    let mut valid = Vec::with_capacity(settlements.len());
    let (mut ended, mut going_on) = (Vec::new(), Vec::new());
    for settlement in settlements {
        let delivery = &settlement.delivery;
        let Some((Some(lease), pending)) = leases.get(&delivery.lane) else {
            continue;
        };
        if *lease != delivery.lease {
            continue;
        }
        valid.push(settlement);
        if settlement.is_final() && *pending <= 1 {
            ended.push(delivery.lane);
        } else if settlement.is_final() {
            going_on.push(delivery.lane);
        }
    }
    // A lane is empty before it ends.
    finish(connection, &valid, now)?;
    if !ended.is_empty() {
        Statement::<()>::new(END, [numbers(ended).into()]).execute(connection)?;
    }
    if !going_on.is_empty() {
        let values = [now.as_millis().into(), numbers(going_on).into()];
        Statement::<()>::new(GO_ON, values).execute(connection)?;
    }
    postpone(connection, &valid, now)?;
    Ok(valid)
}

fn finish(
    connection: &mut SqliteConnection,
    settlements: &[&Settlement],
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let mut alike: BTreeMap<Ending<'_>, Vec<String>> = BTreeMap::new();
    for settlement in settlements {
        if let Some(state) = final_state(settlement.verdict) {
            let error = settlement.error.as_deref();
            alike
                .entry((state.as_str(), settlement.status, error))
                .or_default()
                .push(settlement.delivery.id.to_string());
        }
    }
    for ((state, status, error), ids) in alike {
        let values = [
            state.into(),
            status.into(),
            error.into(),
            now.as_millis().into(),
            texts(ids.iter().map(String::as_str)).into(),
        ];
        Statement::<()>::new(FINISH, values).execute(connection)?;
    }
    Ok(())
}

fn postpone(
    connection: &mut SqliteConnection,
    settlements: &[&Settlement],
    now: Timestamp,
) -> Result<(), DatabaseError> {
    for settlement in settlements {
        let due_at = match settlement.verdict {
            Verdict::Retry(due_at) => due_at,
            Verdict::Release => now,
            Verdict::Delivered | Verdict::Dead => continue,
        };
        let values = [due_at.as_millis().into(), settlement.delivery.lane.into()];
        Statement::<()>::new(POSTPONE, values).execute(connection)?;
        if matches!(settlement.verdict, Verdict::Retry(_)) {
            let values = [
                settlement.status.into(),
                settlement.error.as_deref().into(),
                settlement.delivery.id.to_string().into(),
            ];
            Statement::<()>::new(TRIED, values).execute(connection)?;
        }
    }
    Ok(())
}
