//! Conversations of two of whom one blocked the other: neither says anything there, nor puts anything on
//! what was said.

use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::UserId;
use crate::blocks;
use crate::channels;
use crate::channels::model::Channel;
use crate::platform::http::error::ApiError;

/// Goes on only when `me` and the other one of a conversation of two did not block each other.
///
/// # Errors
/// 403: one of them did; `me` is told only of a block of their own.
pub(super) fn keep_apart(
    connection: &mut Connection,
    channel: &Channel,
    me: UserId,
) -> Result<(), ApiError> {
    match other(connection, channel, me)? {
        Some(other) => blocks::store::keep_apart(connection, me, other),
        None => Ok(()),
    }
}

/// Whether one of a conversation of two blocked the other, who is not told of it.
///
/// # Errors
/// The database failed.
pub(super) fn are_apart(
    connection: &mut Connection,
    channel: &Channel,
    user: UserId,
) -> Result<bool, DatabaseError> {
    let Some(other) = other(connection, channel, user)? else {
        return Ok(false);
    };
    Ok(blocks::store::is_blocked(connection, other, user)?
        || blocks::store::is_blocked(connection, user, other)?)
}

/// With whom somebody is in a conversation of two; `None` in every other place.
fn other(
    connection: &mut Connection,
    channel: &Channel,
    user: UserId,
) -> Result<Option<UserId>, DatabaseError> {
    if channel.community_id.is_some() || channel.is_group {
        return Ok(None);
    }
    let members = channels::store::members(connection, channel.id)?;
    let mut others = members.iter().filter(|member| member.id != user);
    Ok(others.next().map(|member| member.id))
}
