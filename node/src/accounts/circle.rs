//! Who is told whether somebody is there: the people who share a channel with them.

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{ChannelId, UserId};
use crate::platform::db::schema::{channel_members, users};

/// Whether two people share a channel.
///
/// # Errors
/// The database failed.
pub fn share_a_channel(
    connection: &mut Connection,
    one: UserId,
    other: UserId,
) -> Result<bool, DatabaseError> {
    let (own, others) = diesel::alias!(channel_members as own, channel_members as others);
    let joined = own
        .filter(own.field(channel_members::user_id).eq(one))
        .select(own.field(channel_members::channel_id));
    let shared = others
        .filter(others.field(channel_members::channel_id).eq_any(joined))
        .select(others.field(channel_members::user_id));
    let known = users::table
        .filter(users::id.eq(other))
        .filter(users::id.eq_any(shared))
        .select(users::id);
    Ok(known.first::<UserId>(connection).optional()?.is_some())
}

/// Those of this node who share a channel with a member, at most `limit`; when one of the member's
/// channels is given, those who are in it.
///
/// # Errors
/// The database failed.
pub fn acquaintances(
    connection: &mut Connection,
    user: UserId,
    only: Option<ChannelId>,
    limit: i64,
) -> Result<Vec<UserId>, DatabaseError> {
    if let Some(only) = only {
        let members = channel_members::table
            .inner_join(users::table)
            .filter(channel_members::channel_id.eq(only))
            .filter(channel_members::user_id.ne(user))
            .filter(users::domain.is_null())
            .order(channel_members::user_id)
            .limit(limit)
            .select(channel_members::user_id);
        return Ok(members.load(connection)?);
    }
    let (own, others) = diesel::alias!(channel_members as own, channel_members as others);
    let joined = own
        .filter(own.field(channel_members::user_id).eq(user))
        .select(own.field(channel_members::channel_id));
    let shared = others
        .filter(others.field(channel_members::channel_id).eq_any(joined))
        .select(others.field(channel_members::user_id));
    let known = users::table
        .filter(users::domain.is_null())
        .filter(users::id.ne(user))
        .filter(users::id.eq_any(shared))
        .order(users::id)
        .limit(limit)
        .select(users::id);
    Ok(known.load(connection)?)
}
