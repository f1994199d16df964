//! All SQL that writes `channels` and `channel_members`.

use std::collections::HashMap;

use diesel::prelude::*;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{Channel, ChannelKind};
use crate::accounts::model::User;
use crate::base::ids::{ChannelId, CommunityId, UserId};
use crate::base::page::{Page, PageQuery};
use crate::platform::db::schema::{channel_members, channels, users};

/// Channels of one member that a socket follows at most (I11).
const MAX_FOLLOWED: i64 = 20_000;

/// The channel of this id.
///
/// # Errors
/// The database failed.
pub fn by_id(connection: &mut Connection, id: ChannelId) -> Result<Option<Channel>, DatabaseError> {
    let row = channels::table
        .find(id)
        .filter(channels::deleted_at.is_null())
        .select(Channel::as_select());
    Ok(row.first(connection).optional()?)
}

/// The channel that is the Group of this id, of this node or another.
///
/// # Errors
/// The database failed.
pub fn by_actor(
    connection: &mut Connection,
    actor_uri: &str,
) -> Result<Option<Channel>, DatabaseError> {
    let row = channels::table
        .filter(channels::actor_uri.eq(actor_uri))
        .filter(channels::deleted_at.is_null())
        .select(Channel::as_select());
    Ok(row.first(connection).optional()?)
}

/// The ids and names of the channels of a community that are Groups, threads left out, in the order in
/// which they were made.
///
/// # Errors
/// The database failed.
pub fn named_groups_of(
    connection: &mut Connection,
    community: CommunityId,
) -> Result<Vec<(ChannelId, Option<String>)>, DatabaseError> {
    let rows = channels::table
        .filter(channels::community_id.eq(community))
        .filter(channels::actor_uri.is_not_null())
        .filter(channels::kind.ne(ChannelKind::Thread))
        .filter(channels::deleted_at.is_null())
        .order(channels::id)
        .select((channels::id, channels::name));
    Ok(rows.load(connection)?)
}

/// The direct conversation of this set of people (`model::participants_key`).
///
/// # Errors
/// The database failed.
pub fn by_participants(
    connection: &mut Connection,
    key: &str,
) -> Result<Option<Channel>, DatabaseError> {
    let row = channels::table
        .filter(channels::participants_key.eq(key))
        .select(Channel::as_select());
    Ok(row.first(connection).optional()?)
}

/// Makes a direct conversation, that of a set of people when there is a key; `false` when the set has
/// one already.
///
/// # Errors
/// The database failed.
pub(super) fn insert_dm(
    connection: &mut Connection,
    channel: &Channel,
    key: Option<&str>,
    members: &[UserId],
) -> Result<bool, DatabaseError> {
    let row = (
        channels::id.eq(channel.id),
        channels::kind.eq(channel.kind),
        channels::name.eq(channel.name.as_deref()),
        channels::participants_key.eq(key),
        channels::created_at.eq(channel.created_at),
        channels::created_by.eq(channel.created_by),
        channels::is_group.eq(channel.is_group),
    );
    let inserted = each_backend!(connection, c => diesel::insert_into(channels::table)
        .values(row)
        .on_conflict(channels::participants_key)
        .do_nothing()
        .execute(c))?;
    if inserted == 0 {
        return Ok(false);
    }
    insert_members(connection, channel.id, members, (channel.created_at, 0))?;
    Ok(true)
}

/// Adds those who are no members of a channel yet; they see it from message `joined_seq` on.
///
/// # Errors
/// The database failed.
pub(super) fn insert_members(
    connection: &mut Connection,
    channel: ChannelId,
    members: &[UserId],
    (joined_at, joined_seq): (i64, i64),
) -> Result<(), DatabaseError> {
    let rows: Vec<_> = members
        .iter()
        .map(|member| {
            (
                channel_members::channel_id.eq(channel),
                channel_members::user_id.eq(*member),
                channel_members::joined_at.eq(joined_at),
                channel_members::joined_seq.eq(joined_seq),
            )
        })
        .collect();
    each_backend!(connection, c => diesel::insert_into(channel_members::table)
        .values(&rows)
        .on_conflict((channel_members::channel_id, channel_members::user_id))
        .do_nothing()
        .execute(c))?;
    Ok(())
}

/// Whether a person is a member of a channel.
///
/// # Errors
/// The database failed.
pub fn is_member(
    connection: &mut Connection,
    channel: ChannelId,
    user: UserId,
) -> Result<bool, DatabaseError> {
    let row = channel_members::table
        .find((channel, user))
        .select(channel_members::joined_at);
    Ok(row.first::<i64>(connection).optional()?.is_some())
}

/// The channels of a member, newest first, up to a fixed number.
///
/// # Errors
/// The database failed.
pub fn of_member(
    connection: &mut Connection,
    user: UserId,
) -> Result<Vec<ChannelId>, DatabaseError> {
    let rows = channel_members::table
        .filter(channel_members::user_id.eq(user))
        .order(channel_members::channel_id.desc())
        .limit(MAX_FOLLOWED)
        .select(channel_members::channel_id);
    Ok(rows.load(connection)?)
}

/// The members of a channel, in the order of their ids.
///
/// # Errors
/// The database failed.
pub fn members(
    connection: &mut Connection,
    channel: ChannelId,
) -> Result<Vec<User>, DatabaseError> {
    members_at(connection, channel, i64::MAX)
}

/// Those members of a channel who see the message of this number, in the order of their ids.
///
/// # Errors
/// The database failed.
pub fn members_at(
    connection: &mut Connection,
    channel: ChannelId,
    seq: i64,
) -> Result<Vec<User>, DatabaseError> {
    let rows = channel_members::table
        .inner_join(users::table)
        .filter(channel_members::channel_id.eq(channel))
        .filter(channel_members::joined_seq.le(seq))
        .order(channel_members::user_id)
        .select(User::as_select());
    Ok(rows.load(connection)?)
}

/// The members of several channels.
///
/// # Errors
/// The database failed.
pub fn members_of(
    connection: &mut Connection,
    channels: &[ChannelId],
) -> Result<HashMap<ChannelId, Vec<User>>, DatabaseError> {
    let rows: Vec<(ChannelId, User)> = channel_members::table
        .inner_join(users::table)
        .filter(channel_members::channel_id.eq_any(channels))
        .order(channel_members::user_id)
        .select((channel_members::channel_id, User::as_select()))
        .load(connection)?;
    let mut members: HashMap<ChannelId, Vec<User>> = HashMap::new();
    for (channel, user) in rows {
        members.entry(channel).or_default().push(user);
    }
    Ok(members)
}

/// Whether two people share a channel.
///
/// # Errors
/// The database failed.
pub fn share(
    connection: &mut Connection,
    one: UserId,
    other: UserId,
) -> Result<bool, DatabaseError> {
    let (own, others) = diesel::alias!(channel_members as own, channel_members as others);
    let joined = own
        .filter(own.field(channel_members::user_id).eq(one))
        .select(own.field(channel_members::channel_id));
    let shared = others
        .filter(others.field(channel_members::user_id).eq(other))
        .filter(others.field(channel_members::channel_id).eq_any(joined))
        .select(others.field(channel_members::channel_id));
    Ok(shared.first::<ChannelId>(connection).optional()?.is_some())
}

/// The next number in a channel; until the transaction ends nobody else gets one.
///
/// # Errors
/// The database failed, or there is no such channel.
pub fn take_seq(connection: &mut Connection, channel: ChannelId) -> Result<i64, DatabaseError> {
    let next: i64 = diesel::update(channels::table.find(channel))
        .set(channels::next_seq.eq(channels::next_seq + 1))
        .returning(channels::next_seq)
        .get_result(connection)?;
    Ok(next.saturating_sub(1))
}

/// Has the numbers of a channel go on after `seq`, unless they are further on.
///
/// # Errors
/// The database failed.
pub fn number_after(
    connection: &mut Connection,
    channel: ChannelId,
    seq: i64,
) -> Result<(), DatabaseError> {
    let row = channels::table
        .filter(channels::id.eq(channel))
        .filter(channels::next_seq.le(seq));
    diesel::update(row)
        .set(channels::next_seq.eq(seq.saturating_add(1)))
        .execute(connection)?;
    Ok(())
}

/// The channels of a member, newest first, without those that they hid until the next message.
///
/// # Errors
/// The database failed.
pub fn page_of_member(
    connection: &mut Connection,
    user: UserId,
    page: &PageQuery<ChannelId>,
) -> Result<Page<Channel, ChannelId>, DatabaseError> {
    let ascending = page.before.is_none() && page.after.is_some();
    let mut rows = channel_members::table
        .inner_join(channels::table)
        .filter(channel_members::user_id.eq(user))
        .filter(channels::next_seq.gt(channel_members::hidden_seq))
        .limit(i64::from(page.limit()) + 1)
        .select(Channel::as_select())
        .into_boxed();
    if let Some(before) = page.before {
        rows = rows.filter(channel_members::channel_id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(channel_members::channel_id.gt(after));
    }
    rows = if ascending {
        rows.order(channel_members::channel_id)
    } else {
        rows.order(channel_members::channel_id.desc())
    };
    let found: Vec<Channel> = rows.load(connection)?;
    Ok(newest_first(found, page, |channel| channel.id))
}

/// Makes a page of what was found for it: in search order, with one more item than fits if there
/// is more.
pub fn newest_first<T, Id: Copy>(
    mut found: Vec<T>,
    page: &PageQuery<Id>,
    id: impl Fn(&T) -> Id,
) -> Page<T, Id> {
    let ascending = page.before.is_none() && page.after.is_some();
    let limit = usize::try_from(page.limit()).unwrap_or(usize::MAX);
    let more = found.len() > limit;
    found.truncate(limit);
    if ascending {
        found.reverse();
    }
    let older = if ascending {
        page.after.is_some()
    } else {
        more
    };
    Page {
        next: found.last().filter(|_| older).map(&id),
        prev: found
            .first()
            .filter(|_| !ascending || more || page.after.is_some())
            .map(&id),
        items: found,
    }
}

/// Actors of other nodes who share a channel with a member, at most `limit`.
///
/// # Errors
/// The database failed.
pub fn remote_acquaintances(
    connection: &mut Connection,
    user: UserId,
    limit: i64,
) -> Result<Vec<String>, DatabaseError> {
    let (own, others) = diesel::alias!(channel_members as own, channel_members as others);
    let joined = own
        .filter(own.field(channel_members::user_id).eq(user))
        .select(own.field(channel_members::channel_id));
    let shared = others
        .filter(others.field(channel_members::channel_id).eq_any(joined))
        .select(others.field(channel_members::user_id));
    let known = users::table
        .filter(users::domain.is_not_null())
        .filter(users::deleted_at.is_null())
        .filter(users::id.eq_any(shared))
        .order(users::id)
        .limit(limit)
        .select(users::actor_uri);
    Ok(known.load(connection)?)
}
