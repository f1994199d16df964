//! Slows down whoever guesses passwords and codes.
//!
//! A try counts when it begins, in a transaction of its own, so that many at once are not more
//! than one after the other; a right one takes its count back. After ten in a row further ones
//! wait, each longer than the one before, up to a quarter of an hour. Names that nobody has are
//! counted alike. An account is not held back where its member has signed in before: strangers
//! have a count of their own. An address is counted too, over all names.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};
use openssl::sha::sha256;

use super::caller::Caller;
use super::error::AuthError;
use super::store;
use crate::accounts::model::Username;
use crate::base::ids::UserId;
use crate::platform::ctx::Ctx;
use crate::platform::db::schema::sign_in_failures as table;
use crate::platform::db::schema::sign_in_places as places;

/// Tries of one account before the first wait.
const FREE_OF_ACCOUNT: i32 = 10;
/// Failures from one address before the first wait, over all names.
const FREE_OF_ADDRESS: i32 = 100;
/// Requests for new passwords from one address before the first wait.
const FREE_RESETS: i32 = 20;
/// Failures that lie this far apart are not in a row.
const WINDOW: Duration = Duration::from_mins(15);
/// The first wait; each further failure doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(5);
/// No wait is longer.
const LONGEST_WAIT: Duration = Duration::from_mins(15);
/// How long a place is remembered after the last sign-in there.
const PLACE_KEPT: Duration = Duration::from_hours(90 * 24);
/// Places remembered of one member.
const PLACES: i64 = 20;

/// A try under way, which counts as failed until it is cleared or taken back.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    subject: Option<String>,
    address: String,
}

impl Attempt {
    /// Begins to try the password of this name, which need not exist.
    ///
    /// # Errors
    /// Too many failed; says how long to wait.
    pub(super) async fn at_name(
        ctx: &Ctx,
        name: Option<&Username>,
        caller: &Caller,
    ) -> Result<Self, AuthError> {
        let address = format!("address/{}", caller.network());
        let place = name.map(|name| place_hash(name.as_str(), caller));
        let hash = name.map(|name| text(&sha256(name.as_str().as_bytes())));
        let now = ctx.now();
        let begin = move |connection: &mut Connection| {
            held_back(connection, &address, now)?;
            let known = match &place {
                Some(place) => is_known(connection, place, now)?,
                None => false,
            };
            let subject = hash.as_ref().map(|hash| match (&place, known) {
                (Some(place), true) => format!("name/{hash}/{}", text(place)),
                _ => format!("name/{hash}"),
            });
            if let Some(subject) = &subject {
                count(connection, subject, FREE_OF_ACCOUNT, now)?;
            }
            Ok(Self {
                subject,
                address: address.clone(),
            })
        };
        ctx.db().write(begin).await
    }

    /// Begins to try the password or a code of a member who is signed in.
    ///
    /// # Errors
    /// Too many failed; says how long to wait.
    pub(super) async fn of_member(
        ctx: &Ctx,
        member: UserId,
        caller: &Caller,
    ) -> Result<Self, AuthError> {
        let attempt = Self {
            subject: Some(format!("member/{member}")),
            address: format!("address/{}", caller.network()),
        };
        let now = ctx.now();
        let begun = attempt.clone();
        ctx.db()
            .write(move |connection| {
                held_back(connection, &attempt.address, now)?;
                let mut subject = attempt.subject.iter();
                subject.try_for_each(|subject| count(connection, subject, FREE_OF_ACCOUNT, now))
            })
            .await?;
        Ok(begun)
    }

    /// It succeeded: what was counted of this account, here, is forgotten.
    pub(super) fn clear(&self, connection: &mut Connection) -> Result<(), DatabaseError> {
        if let Some(subject) = &self.subject {
            diesel::delete(table::table.find(subject)).execute(connection)?;
        }
        Ok(())
    }

    /// It failed: the address is counted too.
    pub(super) async fn failed(&self, ctx: &Ctx) -> Result<(), AuthError> {
        let (address, now) = (self.address.clone(), ctx.now());
        ctx.db()
            .write(move |connection| count_quietly(connection, &address, FREE_OF_ADDRESS, now))
            .await
    }

    /// It neither failed nor succeeded: its own count is taken back, those before it stay.
    pub(super) async fn take_back(&self, ctx: &Ctx) -> Result<(), AuthError> {
        let Some(subject) = self.subject.clone() else {
            return Ok(());
        };
        ctx.db()
            .write(move |connection| {
                let row = table::table.find(&subject).filter(table::failures.gt(0));
                diesel::update(row)
                    .set((
                        table::failures.eq(table::failures - 1),
                        table::blocked_until.eq(0),
                    ))
                    .execute(connection)?;
                Ok(())
            })
            .await
    }
}

/// Counts a request for a new password against the address that it comes from.
///
/// # Errors
/// There were too many; says how long to wait.
pub(super) fn ask_for_reset(
    connection: &mut Connection,
    caller: &Caller,
    now: Timestamp,
) -> Result<(), AuthError> {
    let subject = format!("reset/{}", caller.network());
    count(connection, &subject, FREE_RESETS, now)
}

/// Remembers that a member signed in from here.
pub(super) fn remember_place(
    connection: &mut Connection,
    member: UserId,
    username: &str,
    caller: &Caller,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let hash = place_hash(username, caller);
    let row = (
        places::user_id.eq(member),
        places::place_hash.eq(&hash),
        places::last_at.eq(now.as_millis()),
    );
    each_backend!(connection, c => diesel::insert_into(places::table)
        .values(row)
        .on_conflict(places::place_hash)
        .do_update()
        .set(places::last_at.eq(now.as_millis()))
        .execute(c))?;
    let beyond: Vec<Vec<u8>> = places::table
        .filter(places::user_id.eq(member))
        .order(places::last_at.desc())
        .offset(PLACES)
        .limit(PLACES)
        .select(places::place_hash)
        .load(connection)?;
    if !beyond.is_empty() {
        let old = places::table.filter(places::place_hash.eq_any(beyond));
        diesel::delete(old).execute(connection)?;
    }
    Ok(())
}

/// Removes counts and places that no longer matter, at most `limit` of each; the larger number.
pub(super) fn prune(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let quiet = now.minus(WINDOW.saturating_add(LONGEST_WAIT)).as_millis();
    let old: Vec<String> = table::table
        .filter(table::last_at.lt(quiet))
        .order(table::last_at)
        .limit(limit)
        .select(table::subject)
        .load(connection)?;
    let failures = table::table.filter(table::subject.eq_any(old));
    let failures = diesel::delete(failures).execute(connection)?;
    let old: Vec<Vec<u8>> = places::table
        .filter(places::last_at.lt(now.minus(PLACE_KEPT).as_millis()))
        .order(places::last_at)
        .limit(limit)
        .select(places::place_hash)
        .load(connection)?;
    let forgotten = places::table.filter(places::place_hash.eq_any(old));
    let forgotten = diesel::delete(forgotten).execute(connection)?;
    Ok(failures.max(forgotten))
}

/// What stands for a member at a place: neither the name nor the address is kept.
fn place_hash(username: &str, caller: &Caller) -> Vec<u8> {
    store::digest(&["place", username, &caller.network()])
}

fn is_known(
    connection: &mut Connection,
    place: &[u8],
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let row = places::table
        .filter(places::place_hash.eq(place))
        .filter(places::last_at.gt(now.minus(PLACE_KEPT).as_millis()))
        .select(places::last_at);
    Ok(row.first::<i64>(connection).optional()?.is_some())
}

/// Goes on only when nothing is held back for `subject`.
fn held_back(connection: &mut Connection, subject: &str, now: Timestamp) -> Result<(), AuthError> {
    let row = table::table.find(subject).select(table::blocked_until);
    let until: Option<i64> = row.first(connection).optional()?;
    let until = Timestamp::from_millis(until.unwrap_or(0));
    if until > now {
        return Err(AuthError::SlowDown(until.since(now)));
    }
    Ok(())
}

/// Counts a try, unless `subject` has to wait.
fn count(
    connection: &mut Connection,
    subject: &str,
    free: i32,
    now: Timestamp,
) -> Result<(), AuthError> {
    lock(connection, subject, now)?;
    held_back(connection, subject, now)?;
    add(connection, subject, free, now)
}

/// Counts a try that was made, even when `subject` has to wait since.
fn count_quietly(
    connection: &mut Connection,
    subject: &str,
    free: i32,
    now: Timestamp,
) -> Result<(), AuthError> {
    lock(connection, subject, now)?;
    add(connection, subject, free, now)
}

/// Makes the row, and holds it on PostgreSQL until the end of the transaction.
fn lock(connection: &mut Connection, subject: &str, now: Timestamp) -> Result<(), DatabaseError> {
    let row = (
        table::subject.eq(subject),
        table::failures.eq(0),
        table::last_at.eq(now.as_millis()),
        table::blocked_until.eq(0),
    );
    each_backend!(connection, c => diesel::insert_into(table::table)
        .values(row)
        .on_conflict(table::subject)
        .do_update()
        .set(table::failures.eq(table::failures))
        .execute(c))?;
    Ok(())
}

fn add(
    connection: &mut Connection,
    subject: &str,
    free: i32,
    now: Timestamp,
) -> Result<(), AuthError> {
    let row = table::table.find(subject);
    let (failures, last_at, blocked_until): (i32, i64, i64) = row
        .select((table::failures, table::last_at, table::blocked_until))
        .first(connection)?;
    let quiet_since = Timestamp::from_millis(last_at.max(blocked_until));
    let in_a_row = if now.since(quiet_since) > WINDOW {
        1
    } else {
        failures.saturating_add(1)
    };
    let until = wait(in_a_row, free).map_or(0, |wait| now.plus(wait).as_millis());
    diesel::update(table::table.find(subject))
        .set((
            table::failures.eq(in_a_row),
            table::last_at.eq(now.as_millis()),
            table::blocked_until.eq(until.max(blocked_until)),
        ))
        .execute(connection)?;
    Ok(())
}

/// How long the next try waits after so many failures.
fn wait(failures: i32, free: i32) -> Option<Duration> {
    let over = u32::try_from(failures.saturating_sub(free)).ok()?;
    let factor = 2_u32.saturating_pow(over.min(16));
    Some(FIRST_WAIT.saturating_mul(factor).min(LONGEST_WAIT))
}

fn text(bytes: &[u8]) -> String {
    BASE64URL.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_from_the_tenth_failure_and_are_bounded() {
        let seconds = |failures| wait(failures, 10).map(|wait| wait.as_secs());
        assert_eq!(seconds(9), None);
        assert_eq!(seconds(10), Some(5));
        assert_eq!(seconds(11), Some(10));
        assert_eq!(seconds(17), Some(640));
        assert_eq!(seconds(18), Some(900));
        assert_eq!(seconds(i32::MAX), Some(900));
    }
}
