//! What a claim asks SQLite, in statements that are prepared once.
//!
//! There is one writer, so what is read in a transaction still holds when it writes.

use diesel::connection::DefaultLoadingMode;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel::sqlite::SqliteConnection;
use diesel::{OptionalExtension as _, RunQueryDsl as _};

use super::claim::Candidate;
use super::heads::Head;
use super::rows::PeerRow;
use super::statement::{Statement, numbers, texts};
use crate::clock::Timestamp;
use crate::outbox::delivery::LaneId;
use crate::outbox::room::Room;
use crate::outbox::store::{Claim, NextDue};
use crate::store::sql::DatabaseError;

const NEXT_LANE: &str = "SELECT due_at FROM delivery_lanes WHERE NOT parked AND due_at > ? \
     ORDER BY due_at LIMIT 1";
const NEXT_PEER: &str = "SELECT retry_at FROM peers WHERE retry_at > ? ORDER BY retry_at LIMIT 1";
const NEXT_FAN_OUT: &str = "SELECT due_at FROM fan_outs ORDER BY due_at LIMIT 1";

// Without a limit: who reads stops when it has seen enough.
const DUE: &str = "SELECT l.id, l.peer, p.failures, p.last_success_at FROM delivery_lanes l \
     LEFT JOIN peers p ON p.host = l.peer WHERE NOT l.parked AND l.due_at <= ? ORDER BY l.due_at";
const DUE_AND_WELL: &str = "SELECT l.id, l.peer, p.failures, p.last_success_at \
     FROM delivery_lanes l LEFT JOIN peers p ON p.host = l.peer \
     WHERE NOT l.parked AND l.due_at <= ? AND coalesce(p.failures, 0) = 0 ORDER BY l.due_at";

const LEASE: &str = "UPDATE delivery_lanes SET due_at = ?, lease_owner = ? \
     WHERE id IN (SELECT value FROM json_each(?))";

// A cross join keeps its order: from each lane to the first place in it.
const HEADS: &str = "SELECT d.id, d.lane_id, d.peer, d.inbox, d.recipients, d.activity_id, \
     d.attempts, d.last_status, d.queued_at FROM json_each(?) AS lane CROSS JOIN deliveries AS d \
     WHERE d.lane_id = lane.value \
     AND d.seq = (SELECT min(f.seq) FROM deliveries AS f WHERE f.lane_id = lane.value)";

const ACTIVITIES: &str = "SELECT id, actor_id, body FROM outgoing_activities \
     WHERE id IN (SELECT value FROM json_each(?))";

const HEALTH: &str = "SELECT host, failures, failing_since_at, retry_at, last_success_at, \
     last_failure_at, last_error, signature_scheme FROM peers \
     WHERE host IN (SELECT value FROM json_each(?))";

/// What is due next; of lanes and peers, after `after`.
pub(super) fn next_due(
    connection: &mut SqliteConnection,
    after: Timestamp,
) -> Result<NextDue, DatabaseError> {
    let mut first = |text, values: Option<i64>| -> Result<Option<i64>, DatabaseError> {
        let statement = match values {
            Some(after) => Statement::<BigInt>::new(text, [after.into()]),
            None => Statement::<BigInt>::new(text, []),
        };
        Ok(statement.get_result(connection).optional()?)
    };
    let lane = first(NEXT_LANE, Some(after.as_millis()))?;
    let peer = first(NEXT_PEER, Some(after.as_millis()))?;
    let earliest = lane.into_iter().chain(peer).min();
    Ok(NextDue {
        delivery: earliest.map(Timestamp::from_millis),
        fan_out: first(NEXT_FAN_OUT, None)?.map(Timestamp::from_millis),
    })
}

/// The lanes due longest, twice as many as there is room for.
pub(super) fn candidates(
    connection: &mut SqliteConnection,
    room: &Room,
    now: Timestamp,
) -> Result<Vec<Candidate>, DatabaseError> {
    type Row = (BigInt, Text, Nullable<Integer>, Nullable<BigInt>);
    let text = if room.free_for_failing() == 0 {
        DUE_AND_WELL
    } else {
        DUE
    };
    let statement = Statement::<Row>::new(text, [now.as_millis().into()]);
    let found = statement.load_iter::<Candidate, DefaultLoadingMode>(connection)?;
    let enough = room.free().saturating_mul(2);
    Ok(found.take(enough).collect::<Result<_, _>>()?)
}

/// Leases `lanes`.
pub(super) fn lease(
    connection: &mut SqliteConnection,
    lanes: &[LaneId],
    claim: &Claim,
) -> Result<(), DatabaseError> {
    let values = [
        claim.lease_until.as_millis().into(),
        claim.lease.as_str().into(),
        numbers(lanes.iter().copied()).into(),
    ];
    Statement::<()>::new(LEASE, values).execute(connection)?;
    Ok(())
}

/// The first delivery of each lane.
pub(super) fn head_rows(
    connection: &mut SqliteConnection,
    lanes: &[LaneId],
) -> Result<Vec<Head>, DatabaseError> {
    type Row = (
        Text,
        Nullable<BigInt>,
        Text,
        Text,
        Text,
        Text,
        Integer,
        Nullable<Integer>,
        BigInt,
    );
    if lanes.is_empty() {
        return Ok(Vec::new());
    }
    let values = [numbers(lanes.iter().copied()).into()];
    Ok(Statement::<Row>::new(HEADS, values).load(connection)?)
}

/// Id, actor and body of activities.
pub(super) fn activities(
    connection: &mut SqliteConnection,
    ids: &[&str],
) -> Result<Vec<(String, String, String)>, DatabaseError> {
    let values = [texts(ids.iter().copied()).into()];
    Ok(Statement::<(Text, Text, Text)>::new(ACTIVITIES, values).load(connection)?)
}

/// What is known of peers.
pub(super) fn health(
    connection: &mut SqliteConnection,
    hosts: &[&str],
) -> Result<Vec<PeerRow>, DatabaseError> {
    type Row = (
        Text,
        Integer,
        Nullable<BigInt>,
        Nullable<BigInt>,
        Nullable<BigInt>,
        Nullable<BigInt>,
        Nullable<Text>,
        Nullable<Text>,
    );
    let values = [texts(hosts.iter().copied()).into()];
    Ok(Statement::<Row>::new(HEALTH, values).load(connection)?)
}
