//! SQL of who takes part in conversations, and since when.

use std::collections::{HashMap, HashSet};

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::accounts::model::User;
use crate::base::ids::{ChannelId, UserId};
use crate::channels::model::{Channel, ChannelKind};
use crate::channels::store::insert_members;
use crate::platform::db::schema::{channel_departures, channel_members, channels, users};

/// Somebody in a conversation, and since when.
#[derive(Clone, Debug)]
pub struct Participant {
    /// Who.
    pub user: User,
    /// Milliseconds since the Unix epoch.
    pub joined_at: i64,
    /// The number of the first message that they see, or a smaller one.
    pub joined_seq: i64,
}

/// Everybody in a conversation: those who have been there longest first, and among these in the order
/// of their actors, which is the same on every node.
///
/// # Errors
/// The database failed.
pub fn participants(
    connection: &mut Connection,
    channel: ChannelId,
) -> Result<Vec<Participant>, DatabaseError> {
    Ok(participants_of(connection, &[channel])?
        .remove(&channel)
        .unwrap_or_default())
}

/// The same, of several.
///
/// # Errors
/// The database failed.
pub fn participants_of(
    connection: &mut Connection,
    conversations: &[ChannelId],
) -> Result<HashMap<ChannelId, Vec<Participant>>, DatabaseError> {
    let rows: Vec<(ChannelId, User, i64, i64)> = channel_members::table
        .inner_join(users::table)
        .filter(channel_members::channel_id.eq_any(conversations))
        .select((
            channel_members::channel_id,
            User::as_select(),
            channel_members::joined_at,
            channel_members::joined_seq,
        ))
        .load(connection)?;
    let mut found: HashMap<ChannelId, Vec<Participant>> = HashMap::new();
    for (channel, user, joined_at, joined_seq) in rows {
        found.entry(channel).or_default().push(Participant {
            user,
            joined_at,
            joined_seq,
        });
    }
    for participants in found.values_mut() {
        participants.sort_unstable_by(|one, other| {
            let longest = one.joined_seq.cmp(&other.joined_seq);
            longest.then_with(|| one.user.actor_uri.cmp(&other.user.actor_uri))
        });
    }
    Ok(found)
}

/// The number of the first message that somebody in a conversation sees, or a smaller one; `None` when
/// they are not in it.
///
/// # Errors
/// The database failed.
pub fn joined_seq(
    connection: &mut Connection,
    channel: ChannelId,
    user: UserId,
) -> Result<Option<i64>, DatabaseError> {
    let row = channel_members::table
        .find((channel, user))
        .select(channel_members::joined_seq);
    Ok(row.first(connection).optional()?)
}

/// When somebody came into a conversation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The number of the first message that they see, or a smaller one.
    pub seq: i64,
    /// Milliseconds since the Unix epoch.
    pub at: i64,
}

/// The conversations that somebody came into later.
///
/// # Errors
/// The database failed.
pub fn joined(
    connection: &mut Connection,
    user: UserId,
) -> Result<HashMap<ChannelId, Joined>, DatabaseError> {
    let rows = channel_members::table
        .filter(channel_members::user_id.eq(user))
        .filter(channel_members::joined_seq.gt(0))
        .select((
            channel_members::channel_id,
            channel_members::joined_seq,
            channel_members::joined_at,
        ));
    let rows: Vec<(ChannelId, i64, i64)> = rows.load(connection)?;
    let joined = |(channel, seq, at)| (channel, Joined { seq, at });
    Ok(rows.into_iter().map(joined).collect())
}

/// The people of this node who see the message of this number, when some have come since; `None` when
/// everybody there sees it.
///
/// # Errors
/// The database failed.
pub fn seers(
    connection: &mut Connection,
    channel: ChannelId,
    seq: i64,
) -> Result<Option<Vec<UserId>>, DatabaseError> {
    let rows: Vec<(UserId, i64)> = channel_members::table
        .inner_join(users::table)
        .filter(channel_members::channel_id.eq(channel))
        .filter(users::domain.is_null())
        .select((channel_members::user_id, channel_members::joined_seq))
        .load(connection)?;
    if rows.iter().all(|(_, joined_seq)| *joined_seq <= seq) {
        return Ok(None);
    }
    let seers = rows.into_iter().filter(|(_, joined)| *joined <= seq);
    Ok(Some(seers.map(|(user, _)| user).collect()))
}

/// Brings people into a group, who see what is said from now on. From here on it is the conversation of
/// no fixed set of people.
///
/// # Errors
/// The database failed.
pub(super) fn join(
    connection: &mut Connection,
    channel: ChannelId,
    people: &[UserId],
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let departed = channel_departures::table
        .filter(channel_departures::channel_id.eq(channel))
        .filter(channel_departures::user_id.eq_any(people));
    diesel::delete(departed).execute(connection)?;
    loosen(connection, channel)?;
    let since = next_seq(connection, channel)?;
    insert_members(connection, channel, people, (now.as_millis(), since))
}

/// Takes somebody out of a group; whether they were in it.
///
/// # Errors
/// The database failed.
pub(super) fn part(
    connection: &mut Connection,
    channel: ChannelId,
    user: UserId,
    now: Timestamp,
) -> Result<bool, DatabaseError> {
    let row = channel_members::table.find((channel, user));
    if diesel::delete(row).execute(connection)? == 0 {
        return Ok(false);
    }
    loosen(connection, channel)?;
    let row = (
        channel_departures::channel_id.eq(channel),
        channel_departures::user_id.eq(user),
        channel_departures::left_at.eq(now.as_millis()),
    );
    each_backend!(connection, c => diesel::insert_into(channel_departures::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(true)
}

/// Notes to the people that it began with no longer find the group by them.
fn loosen(connection: &mut Connection, channel: ChannelId) -> Result<(), DatabaseError> {
    diesel::update(channels::table.find(channel))
        .set(channels::participants_key.eq(None::<String>))
        .execute(connection)?;
    Ok(())
}

/// Those of these people who left the group or were taken out.
///
/// # Errors
/// The database failed.
pub fn departed(
    connection: &mut Connection,
    channel: ChannelId,
    people: &[UserId],
) -> Result<HashSet<UserId>, DatabaseError> {
    let rows: Vec<UserId> = channel_departures::table
        .filter(channel_departures::channel_id.eq(channel))
        .filter(channel_departures::user_id.eq_any(people))
        .select(channel_departures::user_id)
        .load(connection)?;
    Ok(rows.into_iter().collect())
}

/// Forgets which groups somebody left.
///
/// # Errors
/// The database failed.
pub(super) fn forget_departures(
    connection: &mut Connection,
    user: UserId,
) -> Result<(), DatabaseError> {
    let rows = channel_departures::table.filter(channel_departures::user_id.eq(user));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

/// Some groups that somebody is in.
///
/// # Errors
/// The database failed.
pub(super) fn groups_of(
    connection: &mut Connection,
    user: UserId,
    limit: i64,
) -> Result<Vec<Channel>, DatabaseError> {
    let rows = channel_members::table
        .inner_join(channels::table)
        .filter(channel_members::user_id.eq(user))
        .filter(channels::kind.eq(ChannelKind::Dm))
        .filter(channels::is_group.eq(true))
        .limit(limit)
        .select(Channel::as_select());
    Ok(rows.load(connection)?)
}

/// Gives a group another name, or none.
///
/// # Errors
/// The database failed.
pub(super) fn set_name(
    connection: &mut Connection,
    channel: ChannelId,
    name: Option<&str>,
) -> Result<(), DatabaseError> {
    diesel::update(channels::table.find(channel))
        .set(channels::name.eq(name))
        .execute(connection)?;
    Ok(())
}

/// Leaves a conversation out of the list of somebody until the next message; whether they are in it.
///
/// # Errors
/// The database failed.
pub(super) fn hide(
    connection: &mut Connection,
    channel: ChannelId,
    user: UserId,
) -> Result<bool, DatabaseError> {
    let next = next_seq(connection, channel)?;
    set_hidden(connection, channel, user, next)
}

/// Takes a conversation into the list of somebody again.
///
/// # Errors
/// The database failed.
pub fn show_again(
    connection: &mut Connection,
    channel: ChannelId,
    user: UserId,
) -> Result<(), DatabaseError> {
    set_hidden(connection, channel, user, 0)?;
    Ok(())
}

fn set_hidden(
    connection: &mut Connection,
    channel: ChannelId,
    user: UserId,
    seq: i64,
) -> Result<bool, DatabaseError> {
    let row = channel_members::table.find((channel, user));
    let changed = diesel::update(row)
        .set(channel_members::hidden_seq.eq(seq))
        .execute(connection)?;
    Ok(changed > 0)
}

/// The number that the next message of a channel gets.
///
/// # Errors
/// The database failed.
pub fn next_seq(connection: &mut Connection, channel: ChannelId) -> Result<i64, DatabaseError> {
    let row = channels::table.find(channel).select(channels::next_seq);
    Ok(row.first::<i64>(connection).optional()?.unwrap_or(0))
}
