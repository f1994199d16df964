//! How much happens on this node, by the hour: cheap enough to count every message.
//!
//! Counts gather in memory and become rows every ten seconds and at the end of the server. A server
//! that is killed loses the counts of at most that time; what they count is never lost with them.

use std::collections::HashMap;
use std::fmt;
use std::mem;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;
use federation_core::store::sql::{Connection, DatabaseError};
use federation_core::{Timestamp, each_backend};
use serde::{Deserialize, Serialize};

use crate::platform::ctx::Ctx;
use crate::platform::db::schema::activity_hours;

/// How often counts become rows.
const WRITTEN_EVERY: Duration = Duration::from_secs(10);
/// Things counted apart in memory at most; beyond it, they count without being told apart.
const MOST_APART: usize = 50_000;
/// Milliseconds in an hour.
const HOUR: i64 = 60 * 60 * 1000;
/// How long rows are kept.
const KEPT: Duration = Duration::from_hours(24 * 800);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Accounts that were opened.
    Signup,
    /// Sign-ins.
    SignIn,
    /// Messages that members of this node wrote, by channel.
    Message,
    /// Sessions that were open, the most at one time.
    SessionsOpen,
}

impl Kind {
    /// The kind as rows and questions name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signup => "signup",
            Self::SignIn => "sign_in",
            Self::Message => "message",
            Self::SessionsOpen => "sessions_open",
        }
    }

    /// Whether the largest number of a time counts, and not the sum.
    pub const fn is_level(self) -> bool {
        matches!(self, Self::SessionsOpen)
    }
}

/// Hour, kind and subject of a count.
type Slot = (i64, Kind, String);

/// The counts that are no rows yet.
#[derive(Default)]
pub struct Activity(Mutex<HashMap<Slot, i64>>);

impl Activity {
    /// Counts one of this kind, once it is committed; `subject` tells apart what is of one kind.
    pub fn count(&self, kind: Kind, subject: &str, now: Timestamp) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let subject = if counts.len() < MOST_APART {
            subject
        } else {
            ""
        };
        let slot = (hour_of(now), kind, subject.to_owned());
        let count = counts.entry(slot).or_default();
        *count = count.saturating_add(1);
    }

    /// Notes how many there are now.
    pub fn level(&self, kind: Kind, level: i64, now: Timestamp) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let most = counts
            .entry((hour_of(now), kind, String::new()))
            .or_default();
        *most = level.max(*most);
    }

    /// Makes rows of what was counted.
    ///
    /// # Errors
    /// The database failed; the counts stay for the next time.
    pub async fn write(&self, ctx: &Ctx) -> Result<(), DatabaseError> {
        let counts = mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        if counts.is_empty() {
            return Ok(());
        }
        let rows = counts.clone();
        let written = ctx
            .db()
            .write(move |connection| {
                for ((hour, kind, subject), count) in &rows {
                    add(connection, *hour, *kind, subject, *count)?;
                }
                Ok::<_, DatabaseError>(())
            })
            .await;
        if written.is_err() {
            let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            for (slot, count) in counts {
                let level = slot.1.is_level();
                let now = held.entry(slot).or_default();
                *now = if level {
                    count.max(*now)
                } else {
                    now.saturating_add(count)
                };
            }
        }
        written
    }
}

impl fmt::Debug for Activity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Activity").finish_non_exhaustive()
    }
}

const fn hour_of(now: Timestamp) -> i64 {
    let millis = now.as_millis();
    millis - millis.rem_euclid(HOUR)
}

fn add(
    connection: &mut Connection,
    hour: i64,
    kind: Kind,
    subject: &str,
    count: i64,
) -> Result<(), DatabaseError> {
    let key = (
        activity_hours::hour_at.eq(hour),
        activity_hours::kind.eq(kind.as_str()),
        activity_hours::subject.eq(subject),
    );
    let then = if kind.is_level() {
        let row = activity_hours::table.find((kind.as_str(), hour, subject));
        let before: Option<i64> = row
            .select(activity_hours::count)
            .first(connection)
            .optional()?;
        sql::<BigInt>(&before.map_or(count, |before| before.max(count)).to_string())
    } else {
        // Added by the database, so that processes may add at the same time.
        sql::<BigInt>(&format!("activity_hours.count + {count}"))
    };
    each_backend!(connection, c => diesel::insert_into(activity_hours::table)
        .values((key, activity_hours::count.eq(count)))
        .on_conflict((
            activity_hours::kind,
            activity_hours::hour_at,
            activity_hours::subject,
        ))
        .do_update()
        .set(activity_hours::count.eq(then))
        .execute(c))?;
    Ok(())
}

/// Which part of the counts to read.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// The kind.
    pub kind: Kind,
    /// The first moment.
    pub from: Timestamp,
    /// The first moment that is no longer meant.
    pub to: Timestamp,
    /// Only of this subject.
    pub subject: Option<String>,
}

/// What was counted in each hour, in order; hours without any are left out.
///
/// # Errors
/// The database failed.
pub fn hours(
    connection: &mut Connection,
    wanted: &Wanted,
) -> Result<Vec<(i64, i64)>, DatabaseError> {
    let sum = if wanted.kind.is_level() {
        sql::<BigInt>("CAST(MAX(count) AS BIGINT)")
    } else {
        sql::<BigInt>("CAST(SUM(count) AS BIGINT)")
    };
    let mut rows = activity_hours::table
        .group_by(activity_hours::hour_at)
        .select((activity_hours::hour_at, sum))
        .filter(activity_hours::kind.eq(wanted.kind.as_str()))
        .filter(activity_hours::hour_at.ge(hour_of(wanted.from)))
        .filter(activity_hours::hour_at.lt(wanted.to.as_millis()))
        .into_boxed();
    if let Some(subject) = &wanted.subject {
        rows = rows.filter(activity_hours::subject.eq(subject));
    }
    Ok(rows.order(activity_hours::hour_at).load(connection)?)
}

/// The subjects with the highest counts, at most `limit`.
///
/// # Errors
/// The database failed.
pub fn top(
    connection: &mut Connection,
    wanted: &Wanted,
    limit: i64,
) -> Result<Vec<(String, i64)>, DatabaseError> {
    Ok(activity_hours::table
        .filter(activity_hours::kind.eq(wanted.kind.as_str()))
        .filter(activity_hours::hour_at.ge(hour_of(wanted.from)))
        .filter(activity_hours::hour_at.lt(wanted.to.as_millis()))
        .filter(activity_hours::subject.ne(""))
        .group_by(activity_hours::subject)
        .order(sql::<BigInt>("SUM(count) DESC, subject"))
        .limit(limit)
        .select((
            activity_hours::subject,
            sql::<BigInt>("CAST(SUM(count) AS BIGINT)"),
        ))
        .load(connection)?)
}

/// Makes rows of what is counted until the server ends, and once more then.
pub async fn keep(ctx: Ctx) {
    let shutdown = ctx.tasks().shutdown().clone();
    loop {
        let is_end = tokio::select! {
            () = ctx.clock().sleep_until(ctx.now().plus(WRITTEN_EVERY)) => false,
            () = shutdown.cancelled() => true,
        };
        if let Err(error) = ctx.activity().write(&ctx).await {
            tracing::warn!(%error, "cannot write counts of activity");
        }
        if is_end {
            return;
        }
    }
}

/// Removes rows of more than two years ago, at most `limit` hours; how many rows there were.
///
/// # Errors
/// The database failed.
pub fn prune(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let old = activity_hours::hour_at.lt(now.minus(KEPT).as_millis());
    let rows: Vec<(String, i64, String)> = activity_hours::table
        .filter(old)
        .limit(limit)
        .select((
            activity_hours::kind,
            activity_hours::hour_at,
            activity_hours::subject,
        ))
        .load(connection)?;
    for row in &rows {
        let (kind, hour, subject) = row;
        diesel::delete(activity_hours::table.find((kind, hour, subject))).execute(connection)?;
    }
    Ok(rows.len())
}
