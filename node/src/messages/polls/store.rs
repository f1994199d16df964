//! All SQL that writes `polls`, `poll_options` and `poll_votes`.

use std::collections::HashMap;

use diesel::dsl::min;
use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{Poll, PollOption};
use super::wire::PollView;
use crate::base::ids::{MessageId, UserId};
use crate::platform::db::schema::{poll_options, poll_votes, polls};

/// The polls that these messages are.
pub(in crate::messages) fn of(
    connection: &mut Connection,
    ids: &[MessageId],
) -> Result<HashMap<MessageId, PollView>, DatabaseError> {
    let mut found = HashMap::new();
    // SQLite takes a bounded number of values at once.
    for ids in ids.chunks(500) {
        let rows = polls::table
            .filter(polls::message_id.eq_any(ids))
            .select(Poll::as_select());
        let rows: Vec<Poll> = rows.load(connection)?;
        if rows.is_empty() {
            continue;
        }
        let asked: Vec<MessageId> = rows.iter().map(|poll| poll.message_id).collect();
        let options = poll_options::table
            .filter(poll_options::message_id.eq_any(&asked))
            .order((poll_options::message_id, poll_options::position))
            .select(PollOption::as_select());
        let mut of_each: HashMap<MessageId, Vec<PollOption>> = HashMap::new();
        for option in options.load::<PollOption>(connection)? {
            of_each.entry(option.message_id).or_default().push(option);
        }
        for poll in rows {
            let options = of_each.remove(&poll.message_id).unwrap_or_default();
            found.insert(poll.message_id, PollView::new(&poll, &options));
        }
    }
    Ok(found)
}

/// The poll that a message is, with its options in order.
pub(super) fn by_message(
    connection: &mut Connection,
    id: MessageId,
) -> Result<Option<(Poll, Vec<PollOption>)>, DatabaseError> {
    let row = polls::table.find(id).select(Poll::as_select());
    let Some(poll) = row.first(connection).optional()? else {
        return Ok(None);
    };
    let options = poll_options::table
        .filter(poll_options::message_id.eq(id))
        .order(poll_options::position)
        .select(PollOption::as_select());
    Ok(Some((poll, options.load(connection)?)))
}

/// Adds a poll.
pub(super) fn insert(
    connection: &mut Connection,
    poll: &Poll,
    options: &[PollOption],
) -> Result<(), DatabaseError> {
    diesel::insert_into(polls::table)
        .values(poll.clone())
        .execute(connection)?;
    for option in options {
        diesel::insert_into(poll_options::table)
            .values(option.clone())
            .execute(connection)?;
    }
    Ok(())
}

/// What somebody voted for.
pub(super) fn choices_of(
    connection: &mut Connection,
    message: MessageId,
    user: UserId,
) -> Result<Vec<i32>, DatabaseError> {
    let rows = poll_votes::table
        .filter(poll_votes::message_id.eq(message))
        .filter(poll_votes::user_id.eq(user))
        .order(poll_votes::position)
        .select(poll_votes::position);
    Ok(rows.load(connection)?)
}

/// Polls in which somebody voted.
pub(super) fn voted_in(
    connection: &mut Connection,
    user: UserId,
    limit: i64,
) -> Result<Vec<MessageId>, DatabaseError> {
    let rows = poll_votes::table
        .filter(poll_votes::user_id.eq(user))
        .limit(limit)
        .select(poll_votes::message_id);
    let mut found: Vec<MessageId> = rows.load(connection)?;
    found.sort_unstable();
    found.dedup();
    Ok(found)
}

/// Forgets what somebody voted for, without counting anew.
pub(super) fn forget_choices(
    connection: &mut Connection,
    message: MessageId,
    user: UserId,
) -> Result<(), DatabaseError> {
    let rows = poll_votes::table
        .filter(poll_votes::message_id.eq(message))
        .filter(poll_votes::user_id.eq(user));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

/// Stores what somebody votes for in the place of `old`, and counts.
pub(super) fn vote(
    connection: &mut Connection,
    message: MessageId,
    user: UserId,
    (old, new): (&[i32], &[i32]),
) -> Result<(), DatabaseError> {
    forget_choices(connection, message, user)?;
    for position in new {
        diesel::insert_into(poll_votes::table)
            .values((
                poll_votes::message_id.eq(message),
                poll_votes::user_id.eq(user),
                poll_votes::position.eq(*position),
            ))
            .execute(connection)?;
    }
    for position in new.iter().filter(|it| !old.contains(it)) {
        add(connection, (message, *position), 1)?;
    }
    for position in old.iter().filter(|it| !new.contains(it)) {
        add(connection, (message, *position), -1)?;
    }
    let voters: i64 = match (old.is_empty(), new.is_empty()) {
        (true, false) => 1,
        (false, true) => -1,
        _ => return Ok(()),
    };
    diesel::update(polls::table.find(message))
        .set(polls::voters.eq(polls::voters + voters))
        .execute(connection)?;
    Ok(())
}

fn add(
    connection: &mut Connection,
    option: (MessageId, i32),
    votes: i64,
) -> Result<(), DatabaseError> {
    diesel::update(poll_options::table.find(option))
        .set(poll_options::votes.eq(poll_options::votes + votes))
        .execute(connection)?;
    Ok(())
}

/// Takes over the counts that the node of a poll tells, and when it ends.
pub(super) fn set_counts(
    connection: &mut Connection,
    poll: &Poll,
    options: &[PollOption],
) -> Result<(), DatabaseError> {
    diesel::update(polls::table.find(poll.message_id))
        .set((
            polls::voters.eq(poll.voters),
            polls::ends_at.eq(poll.ends_at),
        ))
        .execute(connection)?;
    for option in options {
        diesel::update(poll_options::table.find((poll.message_id, option.position)))
            .set(poll_options::votes.eq(option.votes))
            .execute(connection)?;
    }
    Ok(())
}

/// Polls that are to be ended, the longest due first.
pub(super) fn due(
    connection: &mut Connection,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<MessageId>, DatabaseError> {
    let rows = polls::table
        .filter(polls::ended_at.is_null())
        .filter(polls::ends_at.le(now.as_millis()))
        .order(polls::ends_at)
        .limit(limit)
        .select(polls::message_id);
    Ok(rows.load(connection)?)
}

/// When the next poll is to be ended.
pub(super) fn next_end(connection: &mut Connection) -> Result<Option<Timestamp>, DatabaseError> {
    let next: Option<i64> = polls::table
        .filter(polls::ended_at.is_null())
        .select(min(polls::ends_at))
        .first(connection)?;
    Ok(next.map(Timestamp::from_millis))
}

/// Notes that the end of a poll is told; whether it was not before.
pub(super) fn end(
    connection: &mut Connection,
    message: MessageId,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let open = polls::table
        .find(message)
        .filter(polls::ended_at.is_null())
        .filter(polls::ends_at.le(now.as_millis()));
    let ended = diesel::update(open)
        .set(polls::ended_at.eq(now.as_millis()))
        .execute(connection)?;
    Ok(ended > 0)
}

/// Forgets the poll of a message that is deleted.
pub(in crate::messages) fn clear(
    connection: &mut Connection,
    message: MessageId,
) -> Result<(), DatabaseError> {
    let votes = poll_votes::table.filter(poll_votes::message_id.eq(message));
    diesel::delete(votes).execute(connection)?;
    let options = poll_options::table.filter(poll_options::message_id.eq(message));
    diesel::delete(options).execute(connection)?;
    diesel::delete(polls::table.find(message)).execute(connection)?;
    Ok(())
}
