//! What members wrote lately where a rule looks for repetitions: the digest of each folded text with its
//! time, kept as long as the longest window of a rule, whatever becomes of the message.
//!
//! This file alone writes `said_digests`.

use std::time::Duration;

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};
use openssl::sha::sha256;

use super::model::Scope;
use crate::base::filter::{MAX_SECONDS, MAX_TIMES, Repetition, Text};
use crate::base::ids::{CommunityId, UserId};
use crate::platform::db::schema::said_digests;

/// How long a digest is kept.
const KEPT: Duration = Duration::from_hours(25);

/// Something that is said for the how many-th time.
#[derive(Debug)]
pub(super) struct Repeat {
    author: UserId,
    community: Option<CommunityId>,
    digest: Vec<u8>,
    now: Timestamp,
}

impl Repeat {
    /// What somebody says now, in this community or none.
    pub(super) fn of(
        author: UserId,
        community: Option<CommunityId>,
        text: &Text,
        now: Timestamp,
    ) -> Self {
        Self {
            author,
            community,
            digest: sha256(text.as_str().as_bytes()).to_vec(),
            now,
        }
    }

    /// The numbers of the patterns of a scope that it breaks.
    pub(super) fn breaks(
        &self,
        connection: &mut Connection,
        scope: Scope,
        repetitions: &[Repetition],
    ) -> Result<Vec<usize>, DatabaseError> {
        let longest = repetitions.iter().map(|one| one.seconds).max();
        let times = self.before(connection, scope, longest.unwrap_or(0))?;
        let broken = repetitions.iter().filter(|repetition| {
            let since = self.since(repetition.seconds);
            let before = times.iter().filter(|at| **at >= since).count();
            let before = u32::try_from(before).unwrap_or(u32::MAX);
            before.saturating_add(1) >= repetition.times
        });
        Ok(broken.map(|repetition| repetition.number).collect())
    }

    fn since(&self, seconds: u32) -> i64 {
        let window = Duration::from_secs(seconds.min(MAX_SECONDS).into());
        self.now.minus(window).as_millis()
    }

    /// When the same was said before, newest first, as often as any rule counts.
    fn before(
        &self,
        connection: &mut Connection,
        scope: Scope,
        seconds: u32,
    ) -> Result<Vec<i64>, DatabaseError> {
        let mut rows = said_digests::table
            .filter(said_digests::author_id.eq(self.author))
            .filter(said_digests::digest.eq(&self.digest))
            .filter(said_digests::created_at.ge(self.since(seconds)))
            .order(said_digests::created_at.desc())
            .limit(i64::from(MAX_TIMES))
            .select(said_digests::created_at)
            .into_boxed();
        if let Some(community) = scope.0 {
            rows = rows.filter(said_digests::community_id.eq(community));
        }
        Ok(rows.load(connection)?)
    }

    /// Remembers that it was said.
    pub(super) fn keep(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        diesel::insert_into(said_digests::table)
            .values((
                said_digests::author_id.eq(self.author),
                said_digests::community_id.eq(self.community),
                said_digests::digest.eq(&self.digest),
                said_digests::created_at.eq(self.now.as_millis()),
            ))
            .execute(connection)?;
        Ok(())
    }
}

/// Drops up to `limit` digests that no rule looks back to; how many.
///
/// # Errors
/// The database failed.
pub fn prune(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let old: Vec<i64> = said_digests::table
        .filter(said_digests::created_at.lt(now.minus(KEPT).as_millis()))
        .order(said_digests::created_at)
        .limit(limit)
        .select(said_digests::id)
        .load(connection)?;
    let rows = said_digests::table.filter(said_digests::id.eq_any(&old));
    Ok(diesel::delete(rows).execute(connection)?)
}

/// Forgets what somebody wrote whose account has ended.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    let rows = said_digests::table.filter(said_digests::author_id.eq(user));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}
