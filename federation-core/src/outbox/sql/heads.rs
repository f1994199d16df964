//! Reads what a leased lane has to send next, with all that an attempt needs.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use diesel::sql_types::{Array, BigInt, Text};
use diesel::{
    ExpressionMethods as _, QueryDsl as _, QueryableByName, RunQueryDsl as _, SelectableHelper as _,
};
use url::Url;

use super::claim_sqlite;
use super::rows::{CHUNK, PeerRow, count, parse_id, parse_recipients, parse_url, status};
use crate::clock::Timestamp;
use crate::outbox::delivery::{ClaimedDelivery, LaneId, PeerHealth};
use crate::outbox::store::Claim;
use crate::store::sql::schema::{deliveries, outgoing_activities, peers};
use crate::store::sql::{Connection, DatabaseError};

#[derive(QueryableByName)]
struct HeadRow {
    #[diesel(sql_type = Text)]
    id: String,
}

pub(super) type Head = (
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

/// The first delivery of each of `lanes`.
pub(super) fn heads(
    connection: &mut Connection,
    lanes: &[LaneId],
    claim: &Claim,
) -> Result<Vec<ClaimedDelivery>, DatabaseError> {
    let rows = head_rows(connection, lanes)?;
    let activities = activities(connection, rows.iter().map(|row| row.5.as_str()))?;
    let health = health(connection, rows.iter().map(|row| row.2.as_str()))?;
    let mut claimed = Vec::with_capacity(rows.len());
    for (id, lane, peer, inbox, recipients, activity, attempts, last_status, queued_at) in rows {
        let (Some(lane), Some(sent)) = (lane, activities.get(&activity)) else {
            return Err(DatabaseError::Malformed { what: "delivery" });
        };
        claimed.push(ClaimedDelivery {
            id: parse_id(&id)?,
            lane,
            lease: claim.lease.clone(),
            inbox: parse_url(&inbox)?,
            recipients: parse_recipients(&recipients)?,
            activity_id: sent.id.clone(),
            actor_id: sent.actor_id.clone(),
            body: sent.body.clone(),
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

/// The columns of a [`Head`].
const HEAD: (
    deliveries::id,
    deliveries::lane_id,
    deliveries::peer,
    deliveries::inbox,
    deliveries::recipients,
    deliveries::activity_id,
    deliveries::attempts,
    deliveries::last_status,
    deliveries::queued_at,
) = (
    deliveries::id,
    deliveries::lane_id,
    deliveries::peer,
    deliveries::inbox,
    deliveries::recipients,
    deliveries::activity_id,
    deliveries::attempts,
    deliveries::last_status,
    deliveries::queued_at,
);

/// The first delivery of each lane, however long the lane is.
fn head_rows(connection: &mut Connection, lanes: &[LaneId]) -> Result<Vec<Head>, DatabaseError> {
    let mut rows = Vec::with_capacity(lanes.len());
    match connection {
        Connection::Sqlite(c) => rows = claim_sqlite::head_rows(c, lanes)?,
        Connection::Postgres(c) => {
            for lanes in lanes.chunks(CHUNK) {
                let ids: Vec<String> = diesel::sql_query(
                    "SELECT head.id FROM unnest($1) AS lane (id) CROSS JOIN LATERAL (\
                     SELECT id FROM deliveries WHERE lane_id = lane.id ORDER BY seq LIMIT 1) AS head",
                )
                .bind::<Array<BigInt>, _>(lanes)
                .load::<HeadRow>(c)?
                .into_iter()
                .map(|row| row.id)
                .collect();
                let found: Vec<Head> = deliveries::table
                    .filter(deliveries::id.eq_any(ids))
                    .select(HEAD)
                    .load(c)?;
                rows.extend(found);
            }
        }
    }
    Ok(rows)
}

/// What several deliveries send.
struct Sent {
    id: Url,
    actor_id: Url,
    body: Bytes,
}

fn activities<'a>(
    connection: &mut Connection,
    ids: impl Iterator<Item = &'a str>,
) -> Result<HashMap<String, Sent>, DatabaseError> {
    let ids: Vec<&str> = ids.collect::<HashSet<_>>().into_iter().collect();
    let mut found = HashMap::with_capacity(ids.len());
    for ids in ids.chunks(CHUNK) {
        let rows: Vec<(String, String, String)> = match connection {
            Connection::Sqlite(c) => claim_sqlite::activities(c, ids)?,
            Connection::Postgres(c) => outgoing_activities::table
                .filter(outgoing_activities::id.eq_any(ids.iter().copied()))
                .select((
                    outgoing_activities::id,
                    outgoing_activities::actor_id,
                    outgoing_activities::body,
                ))
                .load(c)?,
        };
        for (id, actor, body) in rows {
            let sent = Sent {
                id: parse_url(&id)?,
                actor_id: parse_url(&actor)?,
                body: Bytes::from(body),
            };
            found.insert(id, sent);
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
        let rows: Vec<PeerRow> = match connection {
            Connection::Sqlite(c) => claim_sqlite::health(c, hosts)?,
            Connection::Postgres(c) => peers::table
                .filter(peers::host.eq_any(hosts.iter().copied()))
                .select(PeerRow::as_select())
                .load(c)?,
        };
        for row in rows {
            found.insert(row.host.clone(), row.into());
        }
    }
    Ok(found)
}
