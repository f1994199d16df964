//! All SQL of the event log.

use std::collections::HashMap;

use diesel::dsl::{max, min};
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use serde::Serialize;

use super::model::{Effect, NewEvent, StoredEvent, Topic};
use crate::platform::db::schema::events;

/// The PostgreSQL advisory lock that puts the writers of events in a line.
const WRITERS: i64 = 0x666f_6c6b_6576_6e74;

type Row = (i64, String, String, Option<String>, String);

/// The right to append to the log, until the transaction ends.
///
/// PostgreSQL gives out numbers before it commits: without a lock a reader could see number 8,
/// then 7, and never look back. So whoever appends holds a lock until its commit. Take it before
/// any row lock, so that two writers meet here and not crosswise further on. SQLite has one writer
/// anyway.
#[derive(Debug)]
pub struct EventLog(());

impl EventLog {
    /// Takes the lock; the transaction on `connection` holds it until it ends.
    ///
    /// # Errors
    /// The database failed, or others held the lock for longer than the busy timeout.
    pub fn begin(connection: &mut Connection) -> Result<Self, DatabaseError> {
        if let Connection::Postgres(postgres) = connection {
            diesel::sql_query("SELECT pg_advisory_xact_lock($1)")
                .bind::<BigInt, _>(WRITERS)
                .execute(postgres)?;
        }
        Ok(Self(()))
    }

    /// Appends one event carrying `data`; answers its number.
    ///
    /// # Errors
    /// The database failed.
    pub fn append(
        &self,
        connection: &mut Connection,
        event: &NewEvent<'_>,
        data: &impl Serialize,
        now: Timestamp,
    ) -> Result<i64, DatabaseError> {
        let data = serde_json::to_string(data)
            .map_err(|_not_json| DatabaseError::Malformed { what: "event" })?;
        let seq = diesel::insert_into(events::table)
            .values((
                events::topic.eq(event.topic.to_string()),
                events::op.eq(event.op),
                events::effect.eq(event.effect.map(|effect| effect.to_string())),
                events::subject.eq(event.subject),
                events::data.eq(data),
                events::created_at.eq(now.as_millis()),
            ))
            .returning(events::seq)
            .get_result(connection)?;
        Ok(seq)
    }

    /// Takes back the events about `subject`: what was deleted is not told again on resume.
    ///
    /// # Errors
    /// The database failed.
    pub fn retract(&self, connection: &mut Connection, subject: &str) -> Result<(), DatabaseError> {
        diesel::delete(events::table.filter(events::subject.eq(subject))).execute(connection)?;
        Ok(())
    }
}

/// The number of the newest event, 0 when there is none.
///
/// # Errors
/// The database failed.
pub fn head(connection: &mut Connection) -> Result<i64, DatabaseError> {
    let newest: Option<i64> = events::table.select(max(events::seq)).first(connection)?;
    Ok(newest.unwrap_or(0))
}

/// The events after number `after`, oldest first, at most `limit`.
pub(super) fn after(
    connection: &mut Connection,
    after: i64,
    limit: i64,
) -> Result<Vec<StoredEvent>, DatabaseError> {
    let rows: Vec<Row> = events::table
        .filter(events::seq.gt(after))
        .order(events::seq)
        .limit(limit)
        .select((
            events::seq,
            events::topic,
            events::op,
            events::effect,
            events::data,
        ))
        .load(connection)?;
    rows.into_iter().map(stored).collect()
}

/// What a socket that comes back missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resume {
    /// The next of the missed events, oldest first; fewer than the limit when these are the last.
    Missed(Vec<StoredEvent>),
    /// The log no longer reaches back that far: the client has to load its state anew.
    TooOld,
}

/// The events on `topics` after number `since` and up to number `through`, at most `limit`.
///
/// A topic that one of `followed`, people's own, joined within that time is told of from there on, as
/// it was to sockets that were open.
///
/// # Errors
/// The database failed.
pub fn resume(
    connection: &mut Connection,
    (topics, followed): (&[Topic], &[Topic]),
    since: i64,
    through: i64,
    limit: i64,
) -> Result<Resume, DatabaseError> {
    if since > through {
        return Ok(Resume::TooOld);
    }
    let joined = joined(connection, followed, (since, through))?;
    let topics: Vec<String> = topics.iter().map(Topic::to_string).collect();
    let (late, topics): (Vec<String>, Vec<String>) = topics
        .into_iter()
        .partition(|topic| joined.contains_key(topic));
    let mut missed = Vec::new();
    for topics in topics.chunks(500) {
        missed.extend(between(connection, topics, (since, through), limit)?);
    }
    for topic in late {
        let from = joined.get(&topic).copied().unwrap_or(since).max(since);
        missed.extend(between(connection, &[topic], (from, through), limit)?);
    }
    // Looked at after the rows: what is pruned while they are read then shows here.
    let oldest: Option<i64> = events::table.select(min(events::seq)).first(connection)?;
    // The oldest row may also be the first ever written: then nothing was before it.
    if since < through && oldest.is_none_or(|oldest| since.saturating_add(1) < oldest) {
        return Ok(Resume::TooOld);
    }
    missed.sort_unstable_by_key(|(seq, ..)| *seq);
    missed.truncate(usize::try_from(limit).unwrap_or(0));
    let missed: Result<_, _> = missed.into_iter().map(stored).collect();
    missed.map(Resume::Missed)
}

fn between(
    connection: &mut Connection,
    topics: &[String],
    (since, through): (i64, i64),
    limit: i64,
) -> Result<Vec<Row>, DatabaseError> {
    let rows = events::table
        .filter(events::topic.eq_any(topics))
        .filter(events::seq.gt(since))
        .filter(events::seq.le(through))
        .order(events::seq)
        .limit(limit)
        .select((
            events::seq,
            events::topic,
            events::op,
            events::effect,
            events::data,
        ));
    Ok(rows.load(connection)?)
}

/// The topics that people joined after number `since` and up to number `through`, each with the number
/// of the last event that said so.
fn joined(
    connection: &mut Connection,
    followed: &[Topic],
    (since, through): (i64, i64),
) -> Result<HashMap<String, i64>, DatabaseError> {
    let people = followed
        .iter()
        .filter(|topic| matches!(topic, Topic::User(_)));
    let people: Vec<String> = people.map(Topic::to_string).collect();
    let rows: Vec<(i64, Option<String>)> = events::table
        .filter(events::topic.eq_any(people))
        .filter(events::seq.gt(since))
        .filter(events::seq.le(through))
        .filter(events::effect.is_not_null())
        .order(events::seq)
        .select((events::seq, events::effect))
        .load(connection)?;
    let topic = |(seq, effect): (i64, Option<String>)| {
        let topic = effect?.strip_prefix('+')?.to_owned();
        Some((topic, seq))
    };
    Ok(rows.into_iter().filter_map(topic).collect())
}

/// Whether an event on `topics` after number `after` and up to number `through` changed what people
/// may see.
///
/// # Errors
/// The database failed.
pub fn renewed(
    connection: &mut Connection,
    topics: &[Topic],
    after: i64,
    through: i64,
) -> Result<bool, DatabaseError> {
    let topics: Vec<String> = topics.iter().map(Topic::to_string).collect();
    let changes: Vec<String> = events::table
        .filter(events::seq.gt(after))
        .filter(events::seq.le(through))
        .filter(events::effect.eq(Effect::Renew.to_string()))
        .select(events::topic)
        .load(connection)?;
    Ok(changes.iter().any(|topic| topics.contains(topic)))
}

/// Drops up to `limit` events older than `before`; the newest always stays. Answers how many went.
///
/// It looks at the oldest rows only, so that it costs the same however long the log is.
pub(super) fn prune(
    connection: &mut Connection,
    before: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let newest = head(connection)?;
    let oldest: Vec<(i64, i64)> = events::table
        .filter(events::seq.lt(newest))
        .order(events::seq)
        .limit(limit)
        .select((events::seq, events::created_at))
        .load(connection)?;
    let last = oldest
        .iter()
        .take_while(|(_, created_at)| *created_at < before.as_millis())
        .last();
    let Some((last, _)) = last else { return Ok(0) };
    Ok(diesel::delete(events::table.filter(events::seq.le(*last))).execute(connection)?)
}

fn stored((seq, topic, op, effect, data): Row) -> Result<StoredEvent, DatabaseError> {
    let malformed = || DatabaseError::Malformed { what: "event" };
    let topic = topic.parse().map_err(|_not_a_topic| malformed())?;
    let effect = match effect.as_deref().map(str::parse).transpose() {
        Ok(effect) => effect,
        Err(_not_an_effect) => return Err(malformed()),
    };
    Ok(StoredEvent {
        seq,
        topic,
        op,
        effect,
        data,
    })
}
