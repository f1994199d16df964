//! Leases lanes that are due and reads the delivery at the head of each.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use diesel::dsl::not;
use diesel::sql_types::{Array, BigInt, Text};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, JoinOnDsl as _,
    NullableExpressionMethods as _, OptionalExtension as _, QueryDsl as _, QueryableByName,
    RunQueryDsl as _,
};

use super::rows::{CHUNK, PeerRow, count, parse_id, parse_recipients, parse_url, status};
use crate::clock::Timestamp;
use crate::outbox::delivery::{ClaimedDelivery, LaneId, PeerHealth};
use crate::outbox::room::{Room, Standing};
use crate::outbox::store::{Claim, TurnEnd};
use crate::store::sql::schema::{deliveries, delivery_lanes, outgoing_activities, peers};
use crate::store::sql::{Connection, DatabaseError};

/// Leases what is due and fits the room.
pub(super) fn claim(
    connection: &mut Connection,
    claim: &Claim,
    now: Timestamp,
) -> Result<TurnEnd, DatabaseError> {
    let mut room = claim.room.clone();
    let mut lanes = probe_held_back(connection, claim, &mut room, now)?;
    let due = due_lanes(connection, &mut room, now)?;
    lanes.extend(lease(connection, &due, claim, now)?);
    Ok(TurnEnd {
        claimed: heads(connection, &lanes, claim)?,
        limited: room.take_refused() || room.is_full(),
    })
}

/// Takes one lane of every peer whose time to be tried again has come.
fn probe_held_back(
    connection: &mut Connection,
    claim: &Claim,
    room: &mut Room,
    now: Timestamp,
) -> Result<Vec<LaneId>, DatabaseError> {
    let places = room.free_for_failing();
    if places == 0 {
        return Ok(Vec::new());
    }
    let hosts: Vec<String> = peers::table
        .filter(peers::retry_at.le(now.as_millis()))
        .order(peers::retry_at)
        .limit(i64::try_from(places).unwrap_or(i64::MAX))
        .select(peers::host)
        .load(connection)?;
    let mut lanes = Vec::new();
    for host in hosts {
        if !room.enter(&host, Standing::Failing) {
            continue;
        }
        let peer = peers::table
            .filter(peers::host.eq(&host))
            .filter(peers::retry_at.le(now.as_millis()));
        let is_ours = diesel::update(peer)
            .set(peers::retry_at.eq(claim.lease_until.as_millis()))
            .execute(connection)?
            > 0;
        if !is_ours {
            continue;
        }
        let lane: Option<LaneId> = delivery_lanes::table
            .filter(delivery_lanes::peer.eq(&host).and(delivery_lanes::parked))
            .order(delivery_lanes::due_at)
            .select(delivery_lanes::id)
            .first(connection)
            .optional()?;
        if let Some(lane) = lane {
            diesel::update(delivery_lanes::table.find(lane))
                .set((
                    delivery_lanes::parked.eq(false),
                    delivery_lanes::due_at.eq(claim.lease_until.as_millis()),
                    delivery_lanes::lease_owner.eq(&claim.lease),
                ))
                .execute(connection)?;
            lanes.push(lane);
        } else {
            // Nothing waits for it: the next delivery finds it open.
            diesel::update(peers::table.find(&host))
                .set(peers::retry_at.eq(None::<i64>))
                .execute(connection)?;
            room.leave(&host, Standing::Failing);
        }
    }
    Ok(lanes)
}

/// The lanes to lease: the longest due first, as far as each peer has room.
///
/// A crowd of peers without room at the front must not hide the others behind it: when somebody
/// was turned away, proven peers are looked for next, and after them everybody not seen yet.
fn due_lanes(
    connection: &mut Connection,
    room: &mut Room,
    now: Timestamp,
) -> Result<Vec<LaneId>, DatabaseError> {
    let mut chosen = Vec::new();
    let mut turned_away: HashSet<String> = room.full_peers().into_iter().collect();
    for look in [Look::All, Look::Proven, Look::All, Look::All] {
        if room.free() == 0 {
            break;
        }
        let candidates = candidates(connection, room, look, (&turned_away, &chosen), now)?;
        let before = turned_away.len();
        for (lane, peer, failures, answered) in candidates {
            let standing = Standing::of(count(failures.unwrap_or(0)), answered.is_some());
            if room.enter(&peer, standing) {
                chosen.push(lane);
            } else {
                turned_away.insert(peer);
            }
        }
        if look == Look::All && turned_away.len() == before {
            break;
        }
    }
    Ok(chosen)
}

/// Which lanes to look at.
#[derive(Clone, Copy, PartialEq)]
enum Look {
    All,
    Proven,
}

/// A lane that is due, its peer, and how that peer fares.
type Candidate = (LaneId, String, Option<i32>, Option<i64>);

fn candidates(
    connection: &mut Connection,
    room: &Room,
    look: Look,
    (turned_away, chosen): (&HashSet<String>, &[LaneId]),
    now: Timestamp,
) -> Result<Vec<Candidate>, DatabaseError> {
    let mut query = delivery_lanes::table
        .left_join(peers::table.on(peers::host.eq(delivery_lanes::peer)))
        .filter(not(delivery_lanes::parked))
        .filter(delivery_lanes::due_at.le(now.as_millis()))
        .order(delivery_lanes::due_at)
        .limit(i64::try_from(room.free().saturating_mul(2)).unwrap_or(i64::MAX))
        .select((
            delivery_lanes::id,
            delivery_lanes::peer,
            peers::failures.nullable(),
            peers::last_success_at.nullable(),
        ))
        .into_boxed();
    if !turned_away.is_empty() {
        query = query.filter(delivery_lanes::peer.ne_all(turned_away.iter()));
    }
    if !chosen.is_empty() {
        query = query.filter(delivery_lanes::id.ne_all(chosen));
    }
    if look == Look::Proven {
        query = query
            .filter(peers::failures.eq(0))
            .filter(peers::last_success_at.is_not_null());
    } else if room.free_for_failing() == 0 {
        query = query.filter(
            peers::failures
                .nullable()
                .is_null()
                .or(peers::failures.nullable().eq(0)),
        );
    }
    Ok(query.load(connection)?)
}

/// Leases those of `lanes` that are still due and that nobody else is taking.
fn lease(
    connection: &mut Connection,
    lanes: &[LaneId],
    claim: &Claim,
    now: Timestamp,
) -> Result<Vec<LaneId>, DatabaseError> {
    if lanes.is_empty() {
        return Ok(Vec::new());
    }
    let free = match connection {
        Connection::Sqlite(_) => lanes.to_vec(),
        Connection::Postgres(c) => diesel::sql_query(
            "SELECT id FROM delivery_lanes WHERE id = ANY($1) AND NOT parked AND due_at <= $2 \
             FOR UPDATE SKIP LOCKED",
        )
        .bind::<Array<BigInt>, _>(lanes)
        .bind::<BigInt, _>(now.as_millis())
        .load::<LaneRow>(c)?
        .into_iter()
        .map(|row| row.id)
        .collect(),
    };
    let due = delivery_lanes::table
        .filter(delivery_lanes::id.eq_any(free))
        .filter(not(delivery_lanes::parked))
        .filter(delivery_lanes::due_at.le(now.as_millis()));
    Ok(diesel::update(due)
        .set((
            delivery_lanes::due_at.eq(claim.lease_until.as_millis()),
            delivery_lanes::lease_owner.eq(&claim.lease),
        ))
        .returning(delivery_lanes::id)
        .get_results(connection)?)
}

#[derive(QueryableByName)]
struct LaneRow {
    #[diesel(sql_type = BigInt)]
    id: LaneId,
}

#[derive(QueryableByName)]
struct HeadRow {
    #[diesel(sql_type = Text)]
    id: String,
}

type Head = (
    String,
    Option<LaneId>,
    String,
    String,
    String,
    String,
    i32,
    Option<i32>,
    i64,
);

fn heads(
    connection: &mut Connection,
    lanes: &[LaneId],
    claim: &Claim,
) -> Result<Vec<ClaimedDelivery>, DatabaseError> {
    let mut rows: Vec<Head> = Vec::with_capacity(lanes.len());
    for lanes in lanes.chunks(CHUNK) {
        let ids = head_ids(connection, lanes)?;
        let found: Vec<Head> = deliveries::table
            .filter(deliveries::id.eq_any(ids))
            .select((
                deliveries::id,
                deliveries::lane_id,
                deliveries::peer,
                deliveries::inbox,
                deliveries::recipients,
                deliveries::activity_id,
                deliveries::attempts,
                deliveries::last_status,
                deliveries::queued_at,
            ))
            .load(connection)?;
        rows.extend(found);
    }
    let activities = activities(connection, rows.iter().map(|row| row.5.as_str()))?;
    let health = health(connection, rows.iter().map(|row| row.2.as_str()))?;
    let mut claimed = Vec::with_capacity(rows.len());
    for (id, lane, peer, inbox, recipients, activity, attempts, last_status, queued_at) in rows {
        let (Some(lane), Some((actor, body))) = (lane, activities.get(&activity)) else {
            return Err(DatabaseError::Malformed { what: "delivery" });
        };
        claimed.push(ClaimedDelivery {
            id: parse_id(&id)?,
            lane,
            lease: claim.lease.clone(),
            inbox: parse_url(&inbox)?,
            recipients: parse_recipients(&recipients)?,
            activity_id: parse_url(&activity)?,
            actor_id: parse_url(actor)?,
            body: body.clone(),
            attempts: count(attempts),
            last_status: status(last_status),
            queued_at: Timestamp::from_millis(queued_at),
            peer_health: health.get(&peer).cloned().unwrap_or_else(|| PeerHealth {
                host: peer.clone(),
                ..PeerHealth::default()
            }),
            peer,
        });
    }
    Ok(claimed)
}

/// The first delivery of each lane, however long the lane is.
fn head_ids(connection: &mut Connection, lanes: &[LaneId]) -> Result<Vec<String>, DatabaseError> {
    match connection {
        Connection::Sqlite(c) => {
            let mut ids = Vec::with_capacity(lanes.len());
            for lane in lanes {
                let head: Option<String> = deliveries::table
                    .filter(deliveries::lane_id.eq(lane))
                    .order(deliveries::seq)
                    .select(deliveries::id)
                    .first(c)
                    .optional()?;
                ids.extend(head);
            }
            Ok(ids)
        }
        Connection::Postgres(c) => Ok(diesel::sql_query(
            "SELECT head.id FROM unnest($1) AS lane (id) CROSS JOIN LATERAL (\
             SELECT id FROM deliveries WHERE lane_id = lane.id ORDER BY seq LIMIT 1) AS head",
        )
        .bind::<Array<BigInt>, _>(lanes)
        .load::<HeadRow>(c)?
        .into_iter()
        .map(|row| row.id)
        .collect()),
    }
}

fn activities<'a>(
    connection: &mut Connection,
    ids: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, (String, Bytes)>, DatabaseError> {
    let ids: Vec<&str> = ids.collect::<HashSet<_>>().into_iter().collect();
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(CHUNK) {
        let rows: Vec<(String, String, String)> = outgoing_activities::table
            .filter(outgoing_activities::id.eq_any(ids.iter().copied()))
            .select((
                outgoing_activities::id,
                outgoing_activities::actor_id,
                outgoing_activities::body,
            ))
            .load(connection)?;
        for (id, actor, body) in rows {
            found.insert(id, (actor, Bytes::from(body)));
        }
    }
    Ok(found)
}

fn health<'a>(
    connection: &mut Connection,
    hosts: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, PeerHealth>, DatabaseError> {
    let hosts: Vec<&str> = hosts.collect::<HashSet<_>>().into_iter().collect();
    let mut found = HashMap::with_capacity(hosts.len());
    for hosts in hosts.chunks(CHUNK) {
        let rows: Vec<PeerRow> = peers::table
            .filter(peers::host.eq_any(hosts.iter().copied()))
            .select(PEER)
            .load(connection)?;
        for row in rows {
            found.insert(row.host.clone(), row.into());
        }
    }
    Ok(found)
}

/// The columns of a [`PeerRow`].
pub(super) const PEER: (
    peers::host,
    peers::failures,
    peers::failing_since_at,
    peers::retry_at,
    peers::last_success_at,
    peers::last_failure_at,
    peers::last_error,
    peers::signature_scheme,
) = (
    peers::host,
    peers::failures,
    peers::failing_since_at,
    peers::retry_at,
    peers::last_success_at,
    peers::last_failure_at,
    peers::last_error,
    peers::signature_scheme,
);
