//! Spreads stored audiences over the lanes, one page in one transaction.

use std::collections::HashSet;

use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel::{
    Connection as _, ExpressionMethods as _, OptionalExtension as _, QueryDsl as _,
    QueryableByName, RunQueryDsl as _, sql_query,
};
use url::Url;

use super::enqueue::{Wanted, spread};
use super::fan_out::AudienceSource;
use super::rows::{CHUNK, count, parse_id, parse_url};
use crate::clock::Timestamp;
use crate::each_backend;
use crate::outbox::backoff::Backoff;
use crate::outbox::delivery::{DeliveryId, Target};
use crate::outbox::explain::excerpt;
use crate::outbox::fan_out::{AudienceError, Expansion, PageQuery, checked};
use crate::store::sql::schema::{deliveries, fan_out_chunks, fan_outs, outgoing_activities};
use crate::store::sql::{Connection, DatabaseError};

/// The one that waits longest and is the first of its ordering key. The row stays locked until the
/// page is committed, so that no two processes work on it.
const FIRST_DUE: &str = "SELECT f.id, f.activity_id, f.ordering_key, f.audience, f.next_page, \
     f.failures, f.created_at FROM fan_outs f WHERE f.due_at <= $1 AND NOT EXISTS \
     (SELECT 1 FROM fan_outs e WHERE e.ordering_key = f.ordering_key AND e.id < f.id) \
     ORDER BY f.due_at, f.id LIMIT 1";

#[derive(QueryableByName)]
struct Open {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = Text)]
    activity_id: String,
    #[diesel(sql_type = Nullable<Text>)]
    ordering_key: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    audience: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    next_page: Option<String>,
    #[diesel(sql_type = Integer)]
    failures: i32,
    #[diesel(sql_type = BigInt)]
    created_at: i64,
}

/// Queues the next `limit` or so deliveries of the audience whose turn it is.
///
/// An audience that cannot be read is tried again by `schedule`, and given up when that says so;
/// until then what comes after it under its ordering key waits with it.
///
/// # Errors
/// [`DatabaseError`] of the statements; nothing has changed then.
pub(super) fn expand(
    connection: &mut Connection,
    source: Option<&dyn AudienceSource>,
    limit: u32,
    schedule: &Backoff,
    now: Timestamp,
) -> Result<Expansion, DatabaseError> {
    let Some(open) = first_due(connection, now)? else {
        return Ok(Expansion::default());
    };
    let next = match take_chunk(connection, &open)? {
        Some((targets, more)) => Next {
            targets,
            more: more || open.audience.is_some(),
            page: None,
        },
        None => match ask(connection, source, &open, limit, now) {
            Ok(next) => next,
            Err(AudienceError::Store(error)) if error.is_retryable() => {
                tracing::debug!(%error, "an audience is read again");
                return Err(DatabaseError::Busy);
            }
            Err(error) => {
                postpone(connection, &open, &error, schedule, now)?;
                return Ok(Expansion {
                    queued: 0,
                    worked: true,
                });
            }
        },
    };
    let activity_id = parse_url(&open.activity_id)?;
    let queued = queue(connection, &open, &activity_id, &next.targets, now)?;
    if next.more {
        diesel::update(fan_outs::table.find(open.id))
            .set((
                next.page.map(|page| fan_outs::next_page.eq(page)),
                fan_outs::due_at.eq(now.as_millis()),
                fan_outs::failures.eq(0),
            ))
            .execute(connection)?;
    } else {
        diesel::delete(fan_outs::table.find(open.id)).execute(connection)?;
    }
    Ok(Expansion {
        queued,
        worked: true,
    })
}

/// When the first audience is due to be worked on.
pub(super) fn next_due(connection: &mut Connection) -> Result<Option<Timestamp>, DatabaseError> {
    let due_at: Option<i64> = fan_outs::table
        .order(fan_outs::due_at)
        .select(fan_outs::due_at)
        .first(connection)
        .optional()?;
    Ok(due_at.map(Timestamp::from_millis))
}

/// Forgets what is not spread yet of everything about `object_id`.
pub(super) fn cancel(connection: &mut Connection, object_id: &Url) -> Result<(), DatabaseError> {
    let about = outgoing_activities::table
        .filter(outgoing_activities::object_id.eq(object_id.as_str()))
        .select(outgoing_activities::id);
    diesel::delete(fan_outs::table.filter(fan_outs::activity_id.eq_any(about)))
        .execute(connection)?;
    Ok(())
}

fn first_due(connection: &mut Connection, now: Timestamp) -> Result<Option<Open>, DatabaseError> {
    let now = now.as_millis();
    Ok(match connection {
        Connection::Sqlite(c) => sql_query(FIRST_DUE)
            .bind::<BigInt, _>(now)
            .get_result(c)
            .optional()?,
        Connection::Postgres(c) => sql_query(format!("{FIRST_DUE} FOR UPDATE OF f SKIP LOCKED"))
            .bind::<BigInt, _>(now)
            .get_result(c)
            .optional()?,
    })
}

/// What is queued now, and whether anything follows.
struct Next {
    targets: Vec<(DeliveryId, Target)>,
    more: bool,
    page: Option<String>,
}

type Chunk = (Vec<(DeliveryId, Target)>, bool);

/// Takes the next part of the stored list away; whether there is another.
fn take_chunk(connection: &mut Connection, open: &Open) -> Result<Option<Chunk>, DatabaseError> {
    let numbers: Vec<i32> = fan_out_chunks::table
        .filter(fan_out_chunks::fan_out_id.eq(open.id))
        .order(fan_out_chunks::number)
        .limit(2)
        .select(fan_out_chunks::number)
        .load(connection)?;
    let Some(number) = numbers.first() else {
        return Ok(None);
    };
    let chunk = fan_out_chunks::table.find((open.id, *number));
    let text: String = chunk.select(fan_out_chunks::targets).first(connection)?;
    diesel::delete(chunk).execute(connection)?;
    let listed: Vec<(String, Url, Vec<Url>)> =
        serde_json::from_str(&text).map_err(|_invalid| DatabaseError::Malformed {
            what: "list of targets",
        })?;
    let targets = listed
        .into_iter()
        .map(|(id, inbox, recipients)| Ok((parse_id(&id)?, Target { inbox, recipients })))
        .collect::<Result<_, DatabaseError>>()?;
    Ok(Some((targets, numbers.len() > 1)))
}

fn ask(
    connection: &mut Connection,
    source: Option<&dyn AudienceSource>,
    open: &Open,
    limit: u32,
    now: Timestamp,
) -> Result<Next, AudienceError> {
    let Some(audience) = &open.audience else {
        return Ok(Next {
            targets: Vec::new(),
            more: false,
            page: None,
        });
    };
    let source = source.ok_or(AudienceError::Unknown)?;
    let query = PageQuery {
        audience,
        activity_id: &open.activity_id,
        after: open.next_page.as_deref(),
        limit,
    };
    // In a savepoint: a statement that fails must not take the note about it along.
    let page = connection.transaction(|c| source.page(c, &query))?;
    let page = checked(page, &query)?;
    let targets = page.targets.into_iter();
    Ok(Next {
        targets: targets
            .map(|target| (DeliveryId::new(now), target))
            .collect(),
        more: page.next.is_some(),
        page: page.next,
    })
}

/// Queues those that were not queued before.
fn queue(
    connection: &mut Connection,
    open: &Open,
    activity_id: &Url,
    targets: &[(DeliveryId, Target)],
    now: Timestamp,
) -> Result<usize, DatabaseError> {
    let mut seen: HashSet<String> = HashSet::with_capacity(targets.len());
    for chunk in targets.chunks(CHUNK) {
        let inboxes = chunk.iter().map(|(_, target)| target.inbox.as_str());
        let known: Vec<String> = deliveries::table
            .filter(deliveries::activity_id.eq(activity_id.as_str()))
            .filter(deliveries::inbox.eq_any(inboxes))
            .select(deliveries::inbox)
            .load(connection)?;
        seen.extend(known);
    }
    let key = open.ordering_key.as_deref();
    let wanted: Vec<Wanted<'_>> = targets
        .iter()
        .filter(|(_, target)| seen.insert(target.inbox.as_str().to_owned()))
        .map(|(id, target)| Wanted::new(*id, key, target))
        .collect();
    let queued = wanted.len();
    spread(connection, activity_id, wanted, now)?;
    Ok(queued)
}

fn postpone(
    connection: &mut Connection,
    open: &Open,
    error: &AudienceError,
    schedule: &Backoff,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let text = excerpt(&error.to_string());
    let row = fan_outs::table.find(open.id);
    if schedule.is_over(Timestamp::from_millis(open.created_at), now) {
        tracing::error!(activity = %open.activity_id, error = text, "an audience is given up");
        diesel::delete(row).execute(connection)?;
        return Ok(());
    }
    tracing::warn!(activity = %open.activity_id, error = text, "an audience cannot be read");
    let failures = open.failures.saturating_add(1);
    each_backend!(connection, c => {
        diesel::update(row)
            .set((
                fan_outs::failures.eq(failures),
                fan_outs::last_error.eq(&text),
                fan_outs::due_at.eq(schedule.retry_at(count(failures), None, now).as_millis()),
            ))
            .execute(c)
    })?;
    Ok(())
}
