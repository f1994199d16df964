//! Challenges of the node handshake as rows.

use diesel::prelude::*;
use url::Url;

use super::schema::node_challenges;
use super::{Connection, DatabaseError};
use crate::clock::Timestamp;
use crate::handshake::{Challenge, ChallengeAdded, ChallengeId, Nonce, Terms};

/// Challenges that are over and go whenever one is added: more than come, so they never pile up.
const SWEPT_AT_ONCE: i64 = 8;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = node_challenges)]
struct ChallengeRow {
    id: String,
    nonce: String,
    holder: String,
    site: String,
    subject: Option<String>,
    scopes: String,
    audience: String,
    created_at: i64,
    expires_at: i64,
}

impl From<&Challenge> for ChallengeRow {
    fn from(challenge: &Challenge) -> Self {
        Self {
            id: challenge.id.to_string(),
            nonce: challenge.nonce.as_str().to_owned(),
            holder: challenge.holder.to_string(),
            site: challenge.site(),
            subject: challenge.subject.as_ref().map(Url::to_string),
            scopes: challenge.scopes.to_string(),
            audience: challenge.audience.clone(),
            created_at: challenge.created_at.as_millis(),
            expires_at: challenge.expires_at.as_millis(),
        }
    }
}

impl TryFrom<ChallengeRow> for Challenge {
    type Error = DatabaseError;

    fn try_from(row: ChallengeRow) -> Result<Self, DatabaseError> {
        let malformed = || DatabaseError::Malformed {
            what: "node challenge",
        };
        let url = |text: String| Url::parse(&text).map_err(|_invalid| malformed());
        Ok(Self {
            id: row.id.parse().map_err(|_invalid| malformed())?,
            nonce: Nonce::from_text(row.nonce),
            holder: url(row.holder)?,
            subject: row.subject.map(url).transpose()?,
            scopes: row.scopes.parse().map_err(|_unknown| malformed())?,
            audience: row.audience,
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: Timestamp::from_millis(row.expires_at),
        })
    }
}

/// Keeps a challenge if the terms allow one more, and sweeps a few that are over.
pub(super) fn add(
    connection: &mut Connection,
    challenge: &Challenge,
    terms: &Terms,
) -> Result<ChallengeAdded, DatabaseError> {
    let now = challenge.created_at;
    prune(connection, now, SWEPT_AT_ONCE)?;
    let open = node_challenges::table.filter(node_challenges::expires_at.gt(now.as_millis()));
    let own = open.filter(node_challenges::holder.eq(challenge.holder.as_str()));
    // What would be the last to be let in, counted from the newest: when it is there, the terms
    // are used up, whatever there is beside it.
    let last = |limit: u32| i64::from(limit.max(1)) - 1;
    let of_holder: Option<i64> = own
        .order(node_challenges::expires_at.desc())
        .offset(last(terms.challenges_per_holder))
        .select(node_challenges::expires_at)
        .first(connection)
        .optional()?;
    let of_site: Option<i64> = open
        .filter(node_challenges::site.eq(challenge.site()))
        .order(node_challenges::expires_at.desc())
        .offset(last(terms.challenges_per_site))
        .select(node_challenges::expires_at)
        .first(connection)
        .optional()?;
    let of_all: Option<i64> = open
        .order(node_challenges::expires_at.desc())
        .offset(last(terms.challenges))
        .select(node_challenges::expires_at)
        .first(connection)
        .optional()?;
    if let Some(until) = of_holder.or(of_site).or(of_all) {
        return Ok(ChallengeAdded::TooMany(Timestamp::from_millis(until)));
    }
    diesel::insert_into(node_challenges::table)
        .values(ChallengeRow::from(challenge))
        .execute(connection)?;
    Ok(ChallengeAdded::Kept)
}

/// The challenge with this id.
pub(super) fn find(
    connection: &mut Connection,
    id: ChallengeId,
) -> Result<Option<Challenge>, DatabaseError> {
    let row: Option<ChallengeRow> = node_challenges::table
        .find(id.to_string())
        .select(ChallengeRow::as_select())
        .first(connection)
        .optional()?;
    row.map(Challenge::try_from).transpose()
}

/// Removes a challenge; whether it was there.
pub(super) fn end(connection: &mut Connection, id: ChallengeId) -> Result<bool, DatabaseError> {
    let row = node_challenges::table.find(id.to_string());
    Ok(diesel::delete(row).execute(connection)? > 0)
}

/// Removes a challenge that is open at `now`; whether it was.
///
/// # Security
/// Of any number of callers, on any number of connections, one alone is told so: the row can be
/// removed once.
pub(super) fn take(
    connection: &mut Connection,
    id: ChallengeId,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let row = node_challenges::table
        .filter(node_challenges::id.eq(id.to_string()))
        .filter(node_challenges::expires_at.gt(now.as_millis()));
    Ok(diesel::delete(row).execute(connection)? > 0)
}

/// Removes at most `limit` challenges that are over at `before`; how many there were.
pub(super) fn prune(
    connection: &mut Connection,
    before: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let over: Vec<String> = node_challenges::table
        .filter(node_challenges::expires_at.le(before.as_millis()))
        .order(node_challenges::expires_at)
        .limit(limit)
        .select(node_challenges::id)
        .load(connection)?;
    if over.is_empty() {
        return Ok(0);
    }
    let rows = node_challenges::table.filter(node_challenges::id.eq_any(over));
    Ok(diesel::delete(rows).execute(connection)?)
}
