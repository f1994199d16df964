//! SQL that writes the channels of communities, what they say of permissions, and turns.

use std::time::Duration;

use diesel::dsl::max;
use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use crate::base::ids::{ChannelId, CommunityId, CommunityRoleId, UserId};
use crate::base::permission::{Changes, Permissions};
use crate::channels::model::{Channel, ChannelKind};
use crate::communities::error::CommunityError;
use crate::platform::db::schema::{
    channel_member_overrides, channel_role_overrides, channel_turns, channels, communities,
};

/// Adds a channel.
pub(super) fn insert(connection: &mut Connection, channel: &Channel) -> Result<(), DatabaseError> {
    diesel::insert_into(channels::table)
        .values(channel.clone())
        .execute(connection)?;
    Ok(())
}

/// Stores a changed channel.
pub(super) fn update(connection: &mut Connection, channel: &Channel) -> Result<(), DatabaseError> {
    diesel::update(channels::table.find(channel.id))
        .set(channel.clone())
        .execute(connection)?;
    Ok(())
}

/// Stores the place of a channel.
pub(super) fn place(
    connection: &mut Connection,
    id: ChannelId,
    position: i32,
) -> Result<(), DatabaseError> {
    diesel::update(channels::table.find(id))
        .set(channels::position.eq(position))
        .execute(connection)?;
    Ok(())
}

/// Marks a channel and its threads as gone.
pub(super) fn bury(
    connection: &mut Connection,
    id: ChannelId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let rows = channels::table
        .filter(channels::id.eq(id).or(channels::parent_id.eq(id)))
        .filter(channels::deleted_at.is_null());
    diesel::update(rows)
        .set(channels::deleted_at.eq(now.as_millis()))
        .execute(connection)?;
    Ok(())
}

/// Whether there is something in a category, or a thread of a channel.
pub(super) fn has_children(
    connection: &mut Connection,
    id: ChannelId,
) -> Result<bool, DatabaseError> {
    let row = channels::table
        .filter(channels::parent_id.eq(id))
        .filter(channels::deleted_at.is_null())
        .select(channels::id);
    Ok(row.first::<ChannelId>(connection).optional()?.is_some())
}

/// How many channels, or threads, a community has.
pub(super) fn count(
    connection: &mut Connection,
    community: CommunityId,
    threads: bool,
) -> Result<i64, DatabaseError> {
    let rows = channels::table
        .filter(channels::community_id.eq(community))
        .filter(channels::deleted_at.is_null());
    let thread = ChannelKind::Thread;
    Ok(if threads {
        let rows = rows.filter(channels::kind.eq(thread));
        rows.count().get_result(connection)?
    } else {
        let rows = rows.filter(channels::kind.ne(thread));
        rows.count().get_result(connection)?
    })
}

/// The place after all others of a community.
pub(super) fn last_place(
    connection: &mut Connection,
    community: CommunityId,
) -> Result<i32, DatabaseError> {
    let last: Option<i32> = channels::table
        .filter(channels::community_id.eq(community))
        .select(max(channels::position))
        .first(connection)?;
    Ok(last.unwrap_or(0).saturating_add(1))
}

/// What a channel says of roles.
pub(super) fn role_overrides(
    connection: &mut Connection,
    channel: ChannelId,
) -> Result<Vec<(CommunityRoleId, Changes)>, DatabaseError> {
    let rows: Vec<(CommunityRoleId, Permissions, Permissions)> = channel_role_overrides::table
        .filter(channel_role_overrides::channel_id.eq(channel))
        .order(channel_role_overrides::role_id)
        .select((
            channel_role_overrides::role_id,
            channel_role_overrides::allow,
            channel_role_overrides::deny,
        ))
        .load(connection)?;
    let read = |(role, allow, deny)| (role, Changes { allow, deny });
    Ok(rows.into_iter().map(read).collect())
}

/// What a channel says of members.
pub(super) fn member_overrides(
    connection: &mut Connection,
    channel: ChannelId,
) -> Result<Vec<(UserId, Changes)>, DatabaseError> {
    let rows: Vec<(UserId, Permissions, Permissions)> = channel_member_overrides::table
        .filter(channel_member_overrides::channel_id.eq(channel))
        .order(channel_member_overrides::user_id)
        .select((
            channel_member_overrides::user_id,
            channel_member_overrides::allow,
            channel_member_overrides::deny,
        ))
        .load(connection)?;
    let read = |(user, allow, deny)| (user, Changes { allow, deny });
    Ok(rows.into_iter().map(read).collect())
}

/// Stores what a channel says of a role; nothing said is no row.
pub(super) fn set_role_override(
    connection: &mut Connection,
    (channel, role): (ChannelId, CommunityRoleId),
    changes: Changes,
) -> Result<(), DatabaseError> {
    diesel::delete(channel_role_overrides::table.find((channel, role))).execute(connection)?;
    if changes != Changes::default() {
        diesel::insert_into(channel_role_overrides::table)
            .values((
                channel_role_overrides::channel_id.eq(channel),
                channel_role_overrides::role_id.eq(role),
                channel_role_overrides::allow.eq(changes.allow),
                channel_role_overrides::deny.eq(changes.deny),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// Stores what a channel says of a member; nothing said is no row.
pub(super) fn set_member_override(
    connection: &mut Connection,
    (channel, user): (ChannelId, UserId),
    changes: Changes,
) -> Result<(), DatabaseError> {
    diesel::delete(channel_member_overrides::table.find((channel, user))).execute(connection)?;
    if changes != Changes::default() {
        diesel::insert_into(channel_member_overrides::table)
            .values((
                channel_member_overrides::channel_id.eq(channel),
                channel_member_overrides::user_id.eq(user),
                channel_member_overrides::allow.eq(changes.allow),
                channel_member_overrides::deny.eq(changes.deny),
            ))
            .execute(connection)?;
    }
    Ok(())
}

/// Drops what channels say of somebody whose account has ended, and when they wrote last.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    let said = channel_member_overrides::table.filter(channel_member_overrides::user_id.eq(user));
    diesel::delete(said).execute(connection)?;
    let turns = channel_turns::table.filter(channel_turns::user_id.eq(user));
    diesel::delete(turns).execute(connection)?;
    Ok(())
}

/// Takes a turn in a channel in slow mode.
///
/// # Errors
/// The last turn was too short a while ago.
pub fn take_turn(
    connection: &mut Connection,
    channel: &Channel,
    user: UserId,
    now: Timestamp,
) -> Result<(), CommunityError> {
    let last: Option<i64> = channel_turns::table
        .find((channel.id, user))
        .select(channel_turns::last_at)
        .first(connection)
        .optional()?;
    let seconds = u64::try_from(channel.slow_mode_seconds).unwrap_or(0);
    if let Some(last) = last {
        let next = Timestamp::from_millis(last).plus(Duration::from_secs(seconds));
        let wait = next.as_millis().saturating_sub(now.as_millis());
        if wait > 0 {
            let wait = u64::try_from(wait).unwrap_or(0).div_ceil(1000);
            return Err(CommunityError::SlowMode(Duration::from_secs(wait)));
        }
    }
    let at = channel_turns::last_at.eq(now.as_millis());
    let row = (
        channel_turns::channel_id.eq(channel.id),
        channel_turns::user_id.eq(user),
        at,
    );
    each_backend!(connection, c => diesel::insert_into(channel_turns::table)
        .values(row)
        .on_conflict((channel_turns::channel_id, channel_turns::user_id))
        .do_update()
        .set(at)
        .execute(c))?;
    Ok(())
}

/// Up to `limit` channels that are gone, or whose community is.
///
/// # Errors
/// The database failed.
pub fn deleted(connection: &mut Connection, limit: i64) -> Result<Vec<ChannelId>, DatabaseError> {
    let gone = communities::table
        .filter(communities::deleted_at.is_not_null())
        .select(communities::id.nullable());
    let rows = channels::table
        .filter(
            channels::deleted_at
                .is_not_null()
                .or(channels::community_id.eq_any(gone)),
        )
        // Threads before their channels, channels before their categories.
        .order(channels::id.desc())
        .limit(limit)
        .select(channels::id);
    Ok(rows.load(connection)?)
}

/// Drops a channel that is gone, once nothing is in it any more; whether it was dropped.
///
/// # Errors
/// The database failed.
pub fn clear_deleted(connection: &mut Connection, id: ChannelId) -> Result<bool, DatabaseError> {
    let children = channels::table
        .filter(channels::parent_id.eq(id))
        .select(channels::id);
    let child: Option<ChannelId> = children.first(connection).optional()?;
    if child.is_some() {
        return Ok(false);
    }
    Ok(diesel::delete(channels::table.find(id)).execute(connection)? == 1)
}
