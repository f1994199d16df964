//! Writes down what was learned of a peer: one statement for each.

use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use diesel::{ExpressionMethods as _, RunQueryDsl as _, sql_query};

use super::statement::{Statement, Value};
use crate::clock::Timestamp;
use crate::each_backend;
use crate::outbox::explain::excerpt;
use crate::outbox::statistics::PeerCounts;
use crate::outbox::store::{PeerReport, PeerUpdate};
use crate::store::sql::schema::peers;
use crate::store::sql::{Connection, DatabaseError};

/// What is counted, however the peer fares.
const COUNTS: &str = "delivered = peers.delivered + excluded.delivered, \
     failed = peers.failed + excluded.failed, refused = peers.refused + excluded.refused, \
     latency_ms = CASE WHEN excluded.latency_ms IS NULL THEN peers.latency_ms \
     WHEN peers.latency_ms IS NULL THEN excluded.latency_ms \
     ELSE (peers.latency_ms * 3 + excluded.latency_ms) / 4 END, \
     touched_at = excluded.touched_at";

const ANSWERED: &str = "INSERT INTO peers (host, touched_at, delivered, failed, refused, \
     latency_ms, last_success_at, signature_scheme) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
     ON CONFLICT (host) DO UPDATE SET failures = 0, failing_since_at = NULL, retry_at = NULL, \
     asked_until = NULL, \
     last_success_at = excluded.last_success_at, \
     signature_scheme = coalesce(excluded.signature_scheme, peers.signature_scheme), ";

// Parked lanes wait for retry_at: only an answer takes it away.
const FAILED: &str = "INSERT INTO peers (host, touched_at, delivered, failed, refused, \
     latency_ms, last_failure_at, failing_since_at, failures, retry_at, last_error, asked_until) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
     ON CONFLICT (host) DO UPDATE SET failures = excluded.failures, \
     failing_since_at = coalesce(peers.failing_since_at, excluded.failing_since_at), \
     retry_at = coalesce(excluded.retry_at, peers.retry_at), \
     asked_until = coalesce(excluded.asked_until, peers.asked_until), \
     last_failure_at = excluded.last_failure_at, last_error = excluded.last_error, ";

/// Applies one report.
pub(super) fn report(
    connection: &mut Connection,
    update: &PeerUpdate,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let now = now.as_millis();
    let host = update.host.as_str();
    let counts = Stored::from(&update.counts);
    match &update.report {
        PeerReport::Unchanged => count(connection, host, &counts),
        PeerReport::Answered { signature_scheme } => {
            let statement = format!("{ANSWERED}{COUNTS}");
            each_backend!(connection, c => {
                sql_query(statement)
                    .bind::<Text, _>(host)
                    .bind::<BigInt, _>(now)
                    .bind::<BigInt, _>(counts.delivered)
                    .bind::<BigInt, _>(counts.failed)
                    .bind::<BigInt, _>(counts.refused)
                    .bind::<Nullable<Integer>, _>(counts.latency_ms)
                    .bind::<BigInt, _>(now)
                    .bind::<Nullable<Text>, _>(signature_scheme.as_deref())
                    .execute(c)
            })?;
            Ok(())
        }
        PeerReport::Failed {
            error,
            failures,
            retry_at,
            asked_until,
        } => {
            let statement = format!("{FAILED}{COUNTS}");
            each_backend!(connection, c => {
                sql_query(statement)
                    .bind::<Text, _>(host)
                    .bind::<BigInt, _>(now)
                    .bind::<BigInt, _>(counts.delivered)
                    .bind::<BigInt, _>(counts.failed)
                    .bind::<BigInt, _>(counts.refused)
                    .bind::<Nullable<Integer>, _>(counts.latency_ms)
                    .bind::<BigInt, _>(now)
                    .bind::<BigInt, _>(now)
                    .bind::<Integer, _>(i32::try_from(*failures).unwrap_or(i32::MAX))
                    .bind::<Nullable<BigInt>, _>(retry_at.map(Timestamp::as_millis))
                    .bind::<Text, _>(excerpt(error))
                    .bind::<Nullable<BigInt>, _>(asked_until.map(Timestamp::as_millis))
                    .execute(c)
            })?;
            Ok(())
        }
    }
}

struct Stored {
    delivered: i64,
    failed: i64,
    refused: i64,
    latency_ms: Option<i32>,
}

impl From<&PeerCounts> for Stored {
    fn from(counts: &PeerCounts) -> Self {
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        Self {
            delivered: whole(counts.delivered),
            failed: whole(counts.failed),
            refused: whole(counts.refused),
            latency_ms: counts
                .latency
                .map(|latency| i32::try_from(latency.as_millis()).unwrap_or(i32::MAX)),
        }
    }
}

/// The same as [`count`] does, in one statement; a latency that is not known changes nothing.
const COUNT_SQLITE: &str = "UPDATE peers SET delivered = delivered + ?, failed = failed + ?, \
     refused = refused + ?, latency_ms = coalesce((latency_ms * 3 + ?) / 4, ?, latency_ms) \
     WHERE host = ?";

/// A peer that is not known is not made known by this.
fn count(connection: &mut Connection, host: &str, counts: &Stored) -> Result<(), DatabaseError> {
    if let Connection::Sqlite(c) = connection {
        let latency = counts.latency_ms.map(i64::from);
        let values = [
            counts.delivered.into(),
            counts.failed.into(),
            counts.refused.into(),
            Value::Number(latency),
            Value::Number(latency),
            host.into(),
        ];
        Statement::<()>::new(COUNT_SQLITE, values).execute(c)?;
        return Ok(());
    }
    let known: Vec<Option<i32>> = diesel::update(peers::table)
        .filter(peers::host.eq(host))
        .set((
            peers::delivered.eq(peers::delivered + counts.delivered),
            peers::failed.eq(peers::failed + counts.failed),
            peers::refused.eq(peers::refused + counts.refused),
        ))
        .returning(peers::latency_ms)
        .get_results(connection)?;
    if let (Some(kept), Some(new)) = (known.first(), counts.latency_ms) {
        let latency = kept.map_or(new, |kept| kept.saturating_mul(3).saturating_add(new) / 4);
        diesel::update(peers::table)
            .filter(peers::host.eq(host))
            .set(peers::latency_ms.eq(latency))
            .execute(connection)?;
    }
    Ok(())
}
