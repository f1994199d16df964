//! Stores audiences that a worker spreads later, and keeps their place in the order.

use std::fmt;

use diesel::sql_types::Text;
use diesel::{
    ExpressionMethods as _, OptionalExtension as _, QueryDsl as _, RunQueryDsl as _, sql_query,
};
use url::Url;

use super::enqueue::{Wanted, new_targets};
use super::rows::CHUNK;
use crate::clock::Timestamp;
use crate::each_backend;
use crate::outbox::delivery::Outgoing;
use crate::outbox::fan_out::{AudienceError, AudiencePage, FanOut, PageQuery};
use crate::store::sql::schema::{fan_out_chunks, fan_outs};
use crate::store::sql::{Connection, DatabaseError};

/// Where the inboxes of an audience are: the tables of the embedder.
///
/// It is asked for one page at a time, in the transaction that queues the page. What is in the
/// tables then counts, not what was when the activity was queued.
pub trait AudienceSource: fmt::Debug + Send + Sync + 'static {
    /// The next part of an audience.
    ///
    /// # Errors
    /// [`AudienceError::Unknown`] when the audience is none of this source's; whatever the store
    /// fails with.
    fn page(
        &self,
        connection: &mut Connection,
        query: &PageQuery<'_>,
    ) -> Result<AudiencePage, AudienceError>;
}

/// Queues an activity for its targets and for an audience, in time that does not depend on how
/// large the audience is.
///
/// Call it in the transaction of the change the activity tells about. Whatever is queued later
/// under the same ordering key waits until the audience is spread. An audience that is asked for
/// again before that is spread once.
///
/// # Errors
/// [`DatabaseError`] of the statements; the transaction has to be rolled back then.
pub fn fan_out(
    connection: &mut Connection,
    fan_out: &FanOut,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let outgoing = &fan_out.outgoing;
    let wanted = new_targets(connection, outgoing, now)?;
    if let Some(key) = &outgoing.ordering_key {
        take_turn(connection, key)?;
    }
    store(connection, outgoing, &wanted, Some(&fan_out.audience), now)?;
    tracing::trace!(activity = %outgoing.activity_id, "queued");
    Ok(())
}

/// Whether an audience of this ordering key is not spread yet. What comes after it has to wait,
/// or it would arrive first.
pub(super) fn is_open(connection: &mut Connection, key: &str) -> Result<bool, DatabaseError> {
    take_turn(connection, key)?;
    let open: Option<i64> = fan_outs::table
        .filter(fan_outs::ordering_key.eq(key))
        .select(fan_outs::id)
        .first(connection)
        .optional()?;
    Ok(open.is_some())
}

/// Lets transactions of one key take turns until they commit: what the next one reads of the key
/// is then what was committed before it, and ids of the key follow the order of commits.
fn take_turn(connection: &mut Connection, key: &str) -> Result<(), DatabaseError> {
    match connection {
        // There is one writer.
        Connection::Sqlite(_) => {}
        Connection::Postgres(c) => {
            sql_query("SELECT pg_advisory_xact_lock(hashtextextended($1, 4258418516))")
                .bind::<Text, _>(key)
                .execute(c)?;
        }
    }
    Ok(())
}

/// Stores a list of targets and an audience to be spread; the key's turn is taken already.
pub(super) fn store(
    connection: &mut Connection,
    outgoing: &Outgoing,
    wanted: &[Wanted<'_>],
    audience: Option<&str>,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let row = (
        fan_outs::activity_id.eq(outgoing.activity_id.as_str()),
        fan_outs::ordering_key.eq(outgoing.ordering_key.as_deref()),
        fan_outs::audience.eq(audience),
        fan_outs::due_at.eq(now.as_millis()),
        fan_outs::created_at.eq(now.as_millis()),
    );
    let stored: Option<i64> = each_backend!(connection, c => {
        diesel::insert_into(fan_outs::table)
            .values(&row)
            .on_conflict_do_nothing()
            .returning(fan_outs::id)
            .get_result(c)
            .optional()
    })?;
    let Some(id) = stored else {
        // It is on its way already; what else was asked for goes beside it.
        return match wanted {
            [] => Ok(()),
            _ => store(connection, outgoing, wanted, None, now),
        };
    };
    for (number, chunk) in (0_i32..).zip(wanted.chunks(CHUNK)) {
        let targets: Vec<(String, &Url, &[Url])> = chunk
            .iter()
            .map(|one| {
                let target = one.target;
                (one.id.to_string(), &target.inbox, &*target.recipients)
            })
            .collect();
        let targets =
            serde_json::to_string(&targets).map_err(|_unwritable| DatabaseError::Malformed {
                what: "list of targets",
            })?;
        let row = (
            fan_out_chunks::fan_out_id.eq(id),
            fan_out_chunks::number.eq(number),
            fan_out_chunks::targets.eq(targets),
        );
        each_backend!(connection, c => {
            diesel::insert_into(fan_out_chunks::table).values(&row).execute(c)
        })?;
    }
    Ok(())
}
