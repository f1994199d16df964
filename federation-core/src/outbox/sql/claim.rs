//! Leases lanes that are due and reads the delivery at the head of each.

use std::collections::HashSet;

use diesel::dsl::not;
use diesel::sql_types::{Array, BigInt};
use diesel::{
    BoolExpressionMethods as _, ExpressionMethods as _, JoinOnDsl as _,
    NullableExpressionMethods as _, OptionalExtension as _, QueryDsl as _, QueryableByName,
    RunQueryDsl as _,
};

use super::rows::count;
use super::{claim_sqlite, expand, heads};
use crate::clock::Timestamp;
use crate::outbox::delivery::LaneId;
use crate::outbox::room::{Room, Standing};
use crate::outbox::store::{Claim, EVER, NextDue, TurnEnd};
use crate::store::sql::schema::{delivery_lanes, peers};
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
    let limited = room.take_refused() || room.is_full();
    Ok(TurnEnd {
        claimed: heads::heads(connection, &lanes, claim)?,
        limited,
        next: next_due(connection, if limited { now } else { EVER })?,
    })
}

/// What is due next; of lanes and peers, after `after`.
pub(super) fn next_due(
    connection: &mut Connection,
    after: Timestamp,
) -> Result<NextDue, DatabaseError> {
    if let Connection::Sqlite(c) = connection {
        return claim_sqlite::next_due(c, after);
    }
    let lane: Option<i64> = delivery_lanes::table
        .filter(not(delivery_lanes::parked))
        .filter(delivery_lanes::due_at.gt(after.as_millis()))
        .order(delivery_lanes::due_at)
        .select(delivery_lanes::due_at)
        .first(connection)
        .optional()?;
    let peer: Option<Option<i64>> = peers::table
        .filter(peers::retry_at.gt(after.as_millis()))
        .order(peers::retry_at)
        .select(peers::retry_at)
        .first(connection)
        .optional()?;
    let earliest = lane.into_iter().chain(peer.flatten()).min();
    Ok(NextDue {
        delivery: earliest.map(Timestamp::from_millis),
        fan_out: expand::next_due(connection)?,
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
        let before = turned_away.len();
        let candidates = match connection {
            Connection::Sqlite(c)
                if look == Look::All && turned_away.is_empty() && chosen.is_empty() =>
            {
                claim_sqlite::candidates(c, room, now)?
            }
            _ => candidates(connection, room, look, (&turned_away, &chosen), now)?,
        };
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
pub(super) type Candidate = (LaneId, String, Option<i32>, Option<i64>);

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
    let free: Vec<LaneId> = match connection {
        // What was found due a moment ago in this transaction still is.
        Connection::Sqlite(c) => {
            claim_sqlite::lease(c, lanes, claim)?;
            return Ok(lanes.to_vec());
        }
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
