//! All SQL that writes `group_followers`, `group_joins` and `group_checks`.

use diesel::dsl::exists;
use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{Follower, Form, Join, JoinState, MAX_FOLLOWERS};
use crate::base::ids::{ChannelId, CommunityId, JoinId, UserId};
use crate::platform::db::schema::{channels, group_checks, group_followers, group_joins, users};

/// Stores a follower, in the place of what it asked before.
///
/// # Errors
/// The database failed.
pub fn follow(connection: &mut Connection, follower: &Follower) -> Result<(), DatabaseError> {
    unfollow(connection, follower.channel_id, follower.user_id)?;
    diesel::insert_into(group_followers::table)
        .values(follower.clone())
        .execute(connection)?;
    Ok(())
}

/// Ends a follow; whether there was one.
///
/// # Errors
/// The database failed.
pub fn unfollow(
    connection: &mut Connection,
    channel: ChannelId,
    user: UserId,
) -> Result<bool, DatabaseError> {
    let row = group_followers::table.find((channel, user));
    Ok(diesel::delete(row).execute(connection)? == 1)
}

/// Ends a follow for the channel's part, which is closed: of what was told before it is still told what
/// is gone.
///
/// # Errors
/// The database failed.
pub fn end(
    connection: &mut Connection,
    (channel, user): (ChannelId, UserId),
    now: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::update(group_followers::table.find((channel, user)))
        .set(group_followers::ended_at.eq(now.as_millis()))
        .execute(connection)?;
    Ok(())
}

/// The follow of a channel by somebody.
///
/// # Errors
/// The database failed.
pub fn follower(
    connection: &mut Connection,
    channel: ChannelId,
    user: UserId,
) -> Result<Option<Follower>, DatabaseError> {
    let row = group_followers::table
        .find((channel, user))
        .filter(group_followers::ended_at.is_null())
        .select(Follower::as_select());
    Ok(row.first(connection).optional()?)
}

/// The follow of somebody that this activity asked for.
///
/// # Errors
/// The database failed.
pub fn asked_by(
    connection: &mut Connection,
    user: UserId,
    activity_id: &str,
) -> Result<Option<Follower>, DatabaseError> {
    let row = group_followers::table
        .filter(group_followers::user_id.eq(user))
        .filter(group_followers::activity_id.eq(activity_id))
        .select(Follower::as_select());
    Ok(row.first(connection).optional()?)
}

/// The follows of somebody in the channels of one community.
///
/// # Errors
/// The database failed.
pub fn followed_in(
    connection: &mut Connection,
    community: CommunityId,
    user: UserId,
) -> Result<Vec<Follower>, DatabaseError> {
    let within = channels::table
        .filter(channels::community_id.eq(community))
        .select(channels::id);
    let rows = group_followers::table
        .filter(group_followers::user_id.eq(user))
        .filter(group_followers::channel_id.eq_any(within))
        .filter(group_followers::ended_at.is_null())
        .select(Follower::as_select());
    Ok(rows.load(connection)?)
}

/// Whether anybody of another node follows a channel.
///
/// # Errors
/// The database failed.
pub fn has_followers(
    connection: &mut Connection,
    channel: ChannelId,
) -> Result<bool, DatabaseError> {
    let row = group_followers::table
        .filter(group_followers::channel_id.eq(channel))
        .filter(group_followers::ended_at.is_null())
        .select(group_followers::user_id);
    Ok(row.first::<UserId>(connection).optional()?.is_some())
}

/// How many actors follow a channel.
///
/// # Errors
/// The database failed.
pub fn count(connection: &mut Connection, channel: ChannelId) -> Result<i64, DatabaseError> {
    let rows = group_followers::table
        .filter(group_followers::channel_id.eq(channel))
        .filter(group_followers::ended_at.is_null());
    Ok(rows.count().get_result(connection)?)
}

/// How many actors of one node follow a channel.
///
/// # Errors
/// The database failed.
pub fn count_of_node(
    connection: &mut Connection,
    channel: ChannelId,
    domain: &str,
) -> Result<i64, DatabaseError> {
    let rows = group_followers::table
        .inner_join(users::table)
        .filter(group_followers::channel_id.eq(channel))
        .filter(group_followers::ended_at.is_null())
        .filter(users::domain.eq(domain));
    Ok(rows.count().get_result(connection)?)
}

/// Where a channel is announced, and in which form: each inbox once, in the order of inboxes, without
/// those of whom none may act here.
///
/// # Errors
/// The database failed.
pub fn inboxes(
    connection: &mut Connection,
    channel: ChannelId,
) -> Result<Vec<(String, Form)>, DatabaseError> {
    inboxes_since(connection, channel, i64::MAX)
}

/// As [`inboxes`], and those who followed the channel when this was said and do so no longer because it
/// was closed since.
///
/// # Errors
/// The database failed.
pub fn inboxes_since(
    connection: &mut Connection,
    channel: ChannelId,
    said_at: i64,
) -> Result<Vec<(String, Form)>, DatabaseError> {
    let had_it = group_followers::ended_at
        .is_null()
        .or(group_followers::ended_at.gt(said_at));
    // 'activity' sorts before 'object': a node that reads both is told what members do.
    let rows = group_followers::table
        .inner_join(users::table)
        .filter(group_followers::channel_id.eq(channel))
        .filter(had_it)
        .filter(users::suspended_at.is_null())
        .filter(users::deleted_at.is_null())
        .select((group_followers::inbox, group_followers::form))
        .distinct()
        .order((group_followers::inbox, group_followers::form))
        .limit(MAX_FOLLOWERS);
    let mut found: Vec<(String, Form)> = rows.load(connection)?;
    found.dedup_by(|later, earlier| later.0 == earlier.0);
    Ok(found)
}

/// Those who follow a channel, up to `limit`.
///
/// # Errors
/// The database failed.
pub fn followers(
    connection: &mut Connection,
    channel: ChannelId,
    limit: i64,
) -> Result<Vec<Follower>, DatabaseError> {
    let rows = group_followers::table
        .filter(group_followers::channel_id.eq(channel))
        .filter(group_followers::ended_at.is_null())
        .order(group_followers::user_id)
        .limit(limit)
        .select(Follower::as_select());
    Ok(rows.load(connection)?)
}

/// The channels of a community that somebody follows.
///
/// # Errors
/// The database failed.
pub fn followed_of(
    connection: &mut Connection,
    community: CommunityId,
) -> Result<Vec<ChannelId>, DatabaseError> {
    let followed = group_followers::table
        .filter(group_followers::channel_id.eq(channels::id))
        .filter(group_followers::ended_at.is_null());
    let rows = channels::table
        .filter(channels::community_id.eq(community))
        .filter(exists(followed))
        .order(channels::id)
        .select(channels::id);
    Ok(rows.load(connection)?)
}

/// Notes that something changed of a community: its channels may be open to other nodes no longer.
///
/// # Errors
/// The database failed.
pub fn note_check(
    connection: &mut Connection,
    community: CommunityId,
) -> Result<(), DatabaseError> {
    each_backend!(connection, c => diesel::insert_into(group_checks::table)
        .values(group_checks::community_id.eq(community))
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(())
}

/// Communities whose channels have to be looked at, up to `limit`.
///
/// # Errors
/// The database failed.
pub fn checks(connection: &mut Connection, limit: i64) -> Result<Vec<CommunityId>, DatabaseError> {
    let rows = group_checks::table
        .order(group_checks::community_id)
        .limit(limit)
        .select(group_checks::community_id);
    Ok(rows.load(connection)?)
}

/// Notes that the channels of a community were looked at.
///
/// # Errors
/// The database failed.
pub fn checked(connection: &mut Connection, community: CommunityId) -> Result<(), DatabaseError> {
    diesel::delete(group_checks::table.find(community)).execute(connection)?;
    Ok(())
}

/// Adds the wish of a member; there is none for that Group yet.
///
/// # Errors
/// The database failed.
pub fn insert_join(connection: &mut Connection, join: &Join) -> Result<bool, DatabaseError> {
    let row = join.clone();
    let added = each_backend!(connection, c => diesel::insert_into(group_joins::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(added == 1)
}

/// The wish of a member to be in a Group.
///
/// # Errors
/// The database failed.
pub fn join_of(
    connection: &mut Connection,
    user: UserId,
    group: &str,
) -> Result<Option<Join>, DatabaseError> {
    let row = group_joins::table
        .filter(group_joins::user_id.eq(user))
        .filter(group_joins::group_uri.eq(group))
        .select(Join::as_select());
    Ok(row.first(connection).optional()?)
}

/// The wish of this id.
///
/// # Errors
/// The database failed.
pub fn join_by_id(connection: &mut Connection, id: JoinId) -> Result<Option<Join>, DatabaseError> {
    let row = group_joins::table.find(id).select(Join::as_select());
    Ok(row.first(connection).optional()?)
}

/// How many wishes a member has.
///
/// # Errors
/// The database failed.
pub fn count_joins(connection: &mut Connection, user: UserId) -> Result<i64, DatabaseError> {
    let rows = group_joins::table.filter(group_joins::user_id.eq(user));
    Ok(rows.count().get_result(connection)?)
}

/// The wishes of a member, newest first, up to `limit`.
///
/// # Errors
/// The database failed.
pub fn joins_of(
    connection: &mut Connection,
    user: UserId,
    limit: i64,
) -> Result<Vec<Join>, DatabaseError> {
    let rows = group_joins::table
        .filter(group_joins::user_id.eq(user))
        .order(group_joins::id.desc())
        .limit(limit)
        .select(Join::as_select());
    Ok(rows.load(connection)?)
}

/// The wishes of a member that led to channels of one community of this node.
///
/// # Errors
/// The database failed.
pub fn joins_in(
    connection: &mut Connection,
    community: CommunityId,
    user: UserId,
) -> Result<Vec<Join>, DatabaseError> {
    let within = channels::table
        .filter(channels::community_id.eq(community))
        .select(channels::id.nullable());
    let rows = group_joins::table
        .filter(group_joins::user_id.eq(user))
        .filter(group_joins::channel_id.eq_any(within))
        .select(Join::as_select());
    Ok(rows.load(connection)?)
}

/// Whether a member of this node is in the Group that this channel stands for.
///
/// # Errors
/// The database failed.
pub fn is_joined(connection: &mut Connection, channel: ChannelId) -> Result<bool, DatabaseError> {
    let row = group_joins::table
        .filter(group_joins::channel_id.eq(channel))
        .filter(group_joins::state.eq(JoinState::Joined))
        .select(group_joins::id);
    Ok(row.first::<JoinId>(connection).optional()?.is_some())
}

/// Stores where a wish stands, and the channel that it led to.
///
/// # Errors
/// The database failed.
pub fn settle_join(
    connection: &mut Connection,
    id: JoinId,
    (state, channel): (JoinState, Option<ChannelId>),
    now: Timestamp,
) -> Result<(), DatabaseError> {
    diesel::update(group_joins::table.find(id))
        .set((
            group_joins::state.eq(state),
            group_joins::channel_id.eq(channel),
            group_joins::updated_at.eq(now.as_millis()),
        ))
        .execute(connection)?;
    Ok(())
}

/// Ends a wish.
///
/// # Errors
/// The database failed.
pub fn remove_join(connection: &mut Connection, id: JoinId) -> Result<(), DatabaseError> {
    diesel::delete(group_joins::table.find(id)).execute(connection)?;
    Ok(())
}

/// Drops everything of somebody whose account has ended, here or elsewhere.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    let followed = group_followers::table.filter(group_followers::user_id.eq(user));
    diesel::delete(followed).execute(connection)?;
    let joined = group_joins::table.filter(group_joins::user_id.eq(user));
    diesel::delete(joined).execute(connection)?;
    Ok(())
}
