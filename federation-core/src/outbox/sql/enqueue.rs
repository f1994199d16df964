//! Queues an activity: one body, one lane per peer and key, one delivery per inbox.

use std::collections::{BTreeMap, HashMap, HashSet};

use diesel::upsert::excluded;
use diesel::{ExpressionMethods as _, QueryDsl as _, RunQueryDsl as _};
use url::Url;

use super::fan_out;
use super::rows::{CHUNK, recipients_text};
use crate::clock::Timestamp;
use crate::each_backend;
use crate::outbox::delivery::{DeliveryId, Outgoing, Target};
use crate::outbox::fan_out::LARGEST_AT_ONCE;
use crate::store::sql::schema::{deliveries, delivery_lanes, outgoing_activities, peers};
use crate::store::sql::{Connection, DatabaseError};

/// Queues `outgoing` for each of its targets it was not queued for before; answers their ids.
///
/// Call it in the transaction of the change the activity tells about. The rows of the lanes are
/// locked before a place in them is taken, so places follow the order of commits.
///
/// More than [`LARGEST_AT_ONCE`] targets, and targets behind an audience of the same ordering key
/// that is not spread yet, are stored as a list that a worker spreads.
///
/// # Errors
/// [`DatabaseError`] of the statements; the transaction has to be rolled back then.
pub fn enqueue(
    connection: &mut Connection,
    outgoing: &Outgoing,
    now: Timestamp,
) -> Result<Vec<DeliveryId>, DatabaseError> {
    let wanted = new_targets(connection, outgoing, now)?;
    let ids = wanted.iter().map(|one| one.id).collect();
    if wanted.is_empty() {
        return Ok(ids);
    }
    let waits = match &outgoing.ordering_key {
        Some(key) => fan_out::is_open(connection, key)?,
        None => false,
    };
    if waits || wanted.len() > LARGEST_AT_ONCE {
        fan_out::store(connection, outgoing, &wanted, None, now)?;
    } else {
        spread(connection, &outgoing.activity_id, wanted, now)?;
    }
    tracing::trace!(activity = %outgoing.activity_id, "queued");
    Ok(ids)
}

/// Stores the activity and chooses the targets it was not queued for before.
pub(super) fn new_targets<'a>(
    connection: &mut Connection,
    outgoing: &'a Outgoing,
    now: Timestamp,
) -> Result<Vec<Wanted<'a>>, DatabaseError> {
    let is_new = insert_activity(connection, outgoing, now)?;
    let mut seen: HashSet<String> = if is_new {
        HashSet::new()
    } else {
        queued_inboxes(connection, outgoing)?
    };
    let key = outgoing.ordering_key.as_deref();
    Ok(outgoing
        .targets
        .iter()
        .filter(|target| seen.insert(target.inbox.as_str().to_owned()))
        .map(|target| Wanted::new(DeliveryId::new(now), key, target))
        .collect())
}

/// Takes places in the lanes and queues the deliveries in them.
pub(super) fn spread(
    connection: &mut Connection,
    activity_id: &Url,
    mut wanted: Vec<Wanted<'_>>,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let held_back = held_back(connection, wanted.iter().map(|one| one.peer.as_str()))?;
    // Everybody takes locks in the same order.
    wanted.sort_by(|a, b| (&a.peer, &a.ordering_key).cmp(&(&b.peer, &b.ordering_key)));
    for chunk in wanted.chunks(CHUNK) {
        let lanes = chunk
            .iter()
            .map(|one| (one.peer.as_str(), one.ordering_key.as_str()));
        let mut lanes = take_places(connection, lanes, &held_back, now)?;
        insert_deliveries(connection, activity_id, chunk, &mut lanes, now)?;
    }
    Ok(())
}

/// A delivery that is to be queued.
pub(super) struct Wanted<'a> {
    pub(super) id: DeliveryId,
    peer: String,
    ordering_key: String,
    pub(super) target: &'a Target,
}

impl<'a> Wanted<'a> {
    pub(super) fn new(id: DeliveryId, key: Option<&str>, target: &'a Target) -> Self {
        Self {
            id,
            peer: target.peer(),
            // Prefixed, so that a key given by the caller never meets an id.
            ordering_key: match key {
                Some(key) => format!("k:{key}"),
                None => format!("d:{id}"),
            },
            target,
        }
    }
}

/// Whether the activity was not stored yet.
fn insert_activity(
    connection: &mut Connection,
    outgoing: &Outgoing,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let inserted = each_backend!(connection, c => {
        diesel::insert_into(outgoing_activities::table)
            .values((
                outgoing_activities::id.eq(outgoing.activity_id.as_str()),
                outgoing_activities::actor_id.eq(outgoing.actor_id.as_str()),
                outgoing_activities::object_id.eq(outgoing.object_id.as_ref().map(Url::as_str)),
                outgoing_activities::body.eq(&outgoing.body),
                outgoing_activities::created_at.eq(now.as_millis()),
            ))
            .on_conflict_do_nothing()
            .execute(c)
    })?;
    Ok(inserted > 0)
}

fn queued_inboxes(
    connection: &mut Connection,
    outgoing: &Outgoing,
) -> Result<HashSet<String>, DatabaseError> {
    let inboxes: Vec<String> = deliveries::table
        .filter(deliveries::activity_id.eq(outgoing.activity_id.as_str()))
        .select(deliveries::inbox)
        .load(connection)?;
    Ok(inboxes.into_iter().collect())
}

/// Which of the peers are held back: new lanes of theirs wait with the others.
pub(super) fn held_back<'a>(
    connection: &mut Connection,
    hosts: impl Iterator<Item = &'a str>,
) -> Result<HashSet<String>, DatabaseError> {
    let hosts: Vec<&str> = hosts.collect::<HashSet<_>>().into_iter().collect();
    let mut held = HashSet::new();
    for hosts in hosts.chunks(CHUNK) {
        let query = peers::table
            .filter(peers::host.eq_any(hosts.iter().copied()))
            .filter(peers::retry_at.is_not_null())
            .order(peers::host)
            .select(peers::host);
        let found: Vec<String> = match connection {
            Connection::Sqlite(c) => query.load(c)?,
            // Whoever lets the peer go has to wait for the lanes that are added here.
            Connection::Postgres(c) => query.for_share().load(c)?,
        };
        held.extend(found);
    }
    Ok(held)
}

/// The lane and the next free place in it, by peer and key.
pub(super) type Places<'a> = HashMap<(&'a str, &'a str), (i64, i64)>;

/// Locks or makes the lanes and takes as many places in each as it is named.
pub(super) fn take_places<'a>(
    connection: &mut Connection,
    lanes: impl Iterator<Item = (&'a str, &'a str)>,
    held_back: &HashSet<String>,
    now: Timestamp,
) -> Result<Places<'a>, DatabaseError> {
    let mut counts: BTreeMap<(&str, &str), i64> = BTreeMap::new();
    for lane in lanes {
        *counts.entry(lane).or_default() += 1;
    }
    let rows: Vec<_> = counts
        .iter()
        .map(|((peer, key), count)| {
            (
                delivery_lanes::peer.eq(*peer),
                delivery_lanes::ordering_key.eq(*key),
                delivery_lanes::due_at.eq(now.as_millis()),
                delivery_lanes::parked.eq(held_back.contains(*peer)),
                delivery_lanes::last_seq.eq(*count),
                delivery_lanes::pending.eq(*count),
            )
        })
        .collect();
    let lanes: Vec<(String, String, i64, i64)> = each_backend!(connection, c => {
        diesel::insert_into(delivery_lanes::table)
            .values(&rows)
            .on_conflict((delivery_lanes::peer, delivery_lanes::ordering_key))
            .do_update()
            .set((
                delivery_lanes::last_seq
                    .eq(delivery_lanes::last_seq + excluded(delivery_lanes::last_seq)),
                delivery_lanes::pending
                    .eq(delivery_lanes::pending + excluded(delivery_lanes::pending)),
            ))
            .returning((
                delivery_lanes::peer,
                delivery_lanes::ordering_key,
                delivery_lanes::id,
                delivery_lanes::last_seq,
            ))
            .get_results(c)
    })?;
    let lanes: HashMap<(String, String), (i64, i64)> = lanes
        .into_iter()
        .map(|(peer, key, id, last)| ((peer, key), (id, last)))
        .collect();
    counts
        .into_iter()
        .map(|((peer, key), count)| {
            lanes
                .get(&(peer.to_owned(), key.to_owned()))
                .map(|(id, last)| ((peer, key), (*id, last - count + 1)))
                .ok_or(DatabaseError::Malformed { what: "lane" })
        })
        .collect()
}

fn insert_deliveries<'a>(
    connection: &mut Connection,
    activity_id: &Url,
    wanted: &'a [Wanted<'a>],
    places: &mut Places<'a>,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let mut rows = Vec::with_capacity(wanted.len());
    for one in wanted {
        let (lane, seq) = places
            .get_mut(&(one.peer.as_str(), one.ordering_key.as_str()))
            .ok_or(DatabaseError::Malformed { what: "lane" })?;
        rows.push((
            deliveries::id.eq(one.id.to_string()),
            deliveries::lane_id.eq(*lane),
            deliveries::seq.eq(*seq),
            deliveries::activity_id.eq(activity_id.as_str()),
            deliveries::peer.eq(&one.peer),
            deliveries::ordering_key.eq(&one.ordering_key),
            deliveries::inbox.eq(one.target.inbox.as_str()),
            deliveries::recipients.eq(recipients_text(&one.target.recipients)),
            deliveries::state.eq("queued"),
            deliveries::created_at.eq(now.as_millis()),
            deliveries::queued_at.eq(now.as_millis()),
        ));
        *seq += 1;
    }
    each_backend!(connection, c => {
        diesel::insert_into(deliveries::table).values(&rows).execute(c)
    })?;
    Ok(())
}
