//! Who is told whether somebody is there: those who share a conversation or a community with them.

use std::collections::BTreeSet;

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{ChannelId, CommunityId, UserId};
use crate::platform::db::schema::{
    channel_members, channels, communities, community_members, users,
};

/// People looked at in one query.
const AT_ONCE: usize = 500;

/// Whether two people of this node share a conversation or a community.
///
/// # Errors
/// The database failed.
pub fn share_a_place(
    connection: &mut Connection,
    one: UserId,
    other: UserId,
) -> Result<bool, DatabaseError> {
    Ok(!acquaintances(connection, one, None, &[other])?.is_empty())
}

/// Those of `people` who are of this node and share a conversation or a community with a member, in
/// the order of their ids; when one channel of the member's is given, those who are in it, or in the
/// community that it belongs to.
///
/// # Errors
/// The database failed.
pub fn acquaintances(
    connection: &mut Connection,
    user: UserId,
    only: Option<ChannelId>,
    people: &[UserId],
) -> Result<Vec<UserId>, DatabaseError> {
    let (conversation, communities) = match only {
        None => (None, communities_of(connection, user)?),
        Some(id) => match community_of(connection, id)? {
            None => (Some(id), Vec::new()),
            Some(community) => (None, vec![community]),
        },
    };
    let default = default_community(connection)?.filter(|id| communities.contains(id));
    let mut found = BTreeSet::new();
    for some in people.chunks(AT_ONCE) {
        if only.is_none() {
            found.extend(in_conversations(connection, user, some)?);
        }
        if let Some(conversation) = conversation {
            found.extend(in_conversation(connection, conversation, some)?);
        }
        if !communities.is_empty() {
            found.extend(in_communities(connection, &communities, some)?);
        }
        if let Some(default) = default {
            found.extend(in_default(connection, default, some)?);
        }
    }
    found.remove(&user);
    Ok(found.into_iter().collect())
}

/// Whether two people of this node share a community.
///
/// # Errors
/// The database failed.
pub fn share_a_community(
    connection: &mut Connection,
    one: UserId,
    other: UserId,
) -> Result<bool, DatabaseError> {
    let communities = communities_of(connection, one)?;
    if !in_communities(connection, &communities, &[other])?.is_empty() {
        return Ok(true);
    }
    match default_community(connection)?.filter(|id| communities.contains(id)) {
        Some(default) => Ok(!in_default(connection, default, &[other])?.is_empty()),
        None => Ok(false),
    }
}

/// The communities that an account of this node is in, whether it is suspended or not.
///
/// # Errors
/// The database failed.
pub fn communities_of(
    connection: &mut Connection,
    user: UserId,
) -> Result<Vec<CommunityId>, DatabaseError> {
    let rows: Vec<(CommunityId, Option<i64>)> = community_members::table
        .filter(community_members::user_id.eq(user))
        .select((community_members::community_id, community_members::left_at))
        .load(connection)?;
    let joined = rows.iter().filter(|(_, left)| left.is_none());
    let joined: Vec<CommunityId> = joined.map(|(id, _)| *id).collect();
    let mut living: Vec<CommunityId> = communities::table
        .filter(communities::id.eq_any(joined))
        .filter(communities::deleted_at.is_null())
        .select(communities::id)
        .load(connection)?;
    // Every account of this node is in the default one until a row says otherwise.
    let of_this_node = users::table
        .find(user)
        .filter(users::domain.is_null())
        .select(users::id);
    let of_this_node: Option<UserId> = of_this_node.first(connection).optional()?;
    let default = match of_this_node {
        Some(_) => default_community(connection)?,
        None => None,
    };
    living.extend(default.filter(|default| rows.iter().all(|(id, _)| id != default)));
    Ok(living)
}

fn default_community(connection: &mut Connection) -> Result<Option<CommunityId>, DatabaseError> {
    let row = communities::table
        .filter(communities::is_default.eq(true))
        .filter(communities::deleted_at.is_null())
        .select(communities::id);
    Ok(row.first(connection).optional()?)
}

fn community_of(
    connection: &mut Connection,
    channel: ChannelId,
) -> Result<Option<CommunityId>, DatabaseError> {
    let row = channels::table.find(channel).select(channels::community_id);
    let found = row.first::<Option<CommunityId>>(connection).optional()?;
    Ok(found.flatten())
}

fn in_conversations(
    connection: &mut Connection,
    user: UserId,
    people: &[UserId],
) -> Result<Vec<UserId>, DatabaseError> {
    let (own, others) = diesel::alias!(channel_members as own, channel_members as others);
    let joined = own
        .filter(own.field(channel_members::user_id).eq(user))
        .select(own.field(channel_members::channel_id));
    let shared = others
        .filter(others.field(channel_members::channel_id).eq_any(joined))
        .select(others.field(channel_members::user_id));
    let known = users::table
        .filter(users::id.eq_any(people))
        .filter(users::domain.is_null())
        .filter(users::id.eq_any(shared))
        .select(users::id);
    Ok(known.load(connection)?)
}

fn in_conversation(
    connection: &mut Connection,
    channel: ChannelId,
    people: &[UserId],
) -> Result<Vec<UserId>, DatabaseError> {
    let members = channel_members::table
        .inner_join(users::table)
        .filter(channel_members::channel_id.eq(channel))
        .filter(channel_members::user_id.eq_any(people))
        .filter(users::domain.is_null())
        .select(channel_members::user_id);
    Ok(members.load(connection)?)
}

fn in_communities(
    connection: &mut Connection,
    communities: &[CommunityId],
    people: &[UserId],
) -> Result<Vec<UserId>, DatabaseError> {
    let present = community_members::table
        .filter(community_members::community_id.eq_any(communities))
        .filter(community_members::user_id.eq_any(people))
        .filter(community_members::left_at.is_null())
        .select(community_members::user_id);
    let members = users::table
        .filter(users::id.eq_any(present))
        .filter(users::domain.is_null())
        .select(users::id);
    Ok(members.load(connection)?)
}

/// Those who are in the default community, which they are without a row.
fn in_default(
    connection: &mut Connection,
    default: CommunityId,
    people: &[UserId],
) -> Result<Vec<UserId>, DatabaseError> {
    let left = community_members::table
        .filter(community_members::community_id.eq(default))
        .filter(community_members::user_id.eq_any(people))
        .filter(community_members::left_at.is_not_null())
        .select(community_members::user_id);
    let members = users::table
        .filter(users::id.eq_any(people))
        .filter(users::domain.is_null())
        .filter(users::id.ne_all(left))
        .select(users::id);
    Ok(members.load(connection)?)
}
