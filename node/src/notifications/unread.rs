//! How much of what members were told they have not read.

use diesel::prelude::*;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::NotificationKind;
use crate::base::ids::{ChannelId, UserId};
use crate::platform::db::schema::notifications;

/// A channel, and a place in it.
pub type Place = (Option<ChannelId>, Option<i64>);

/// Where the unread notifications of a member are from; at most
/// `limit` are looked at.
///
/// # Errors
/// The database failed.
pub fn places(
    connection: &mut Connection,
    user: UserId,
    limit: i64,
) -> Result<Vec<Place>, DatabaseError> {
    let rows = notifications::table
        .filter(notifications::user_id.eq(user))
        .filter(notifications::read_at.is_null())
        .filter(notifications::dismissed_at.is_null())
        .limit(limit)
        .select((notifications::channel_id, notifications::seq));
    Ok(rows.load(connection)?)
}

/// How many unread mentions and answers a member has in a channel, of messages from number `from` on.
///
/// # Errors
/// The database failed.
pub fn count_in(
    connection: &mut Connection,
    user: UserId,
    (channel, from): (ChannelId, i64),
) -> Result<usize, DatabaseError> {
    let kinds = [NotificationKind::Mention, NotificationKind::Reply];
    let rows = notifications::table
        .filter(notifications::user_id.eq(user))
        .filter(notifications::read_at.is_null())
        .filter(notifications::channel_id.eq(channel))
        .filter(notifications::seq.ge(from))
        .filter(notifications::kind.eq_any(kinds));
    let count: i64 = rows.count().get_result(connection)?;
    Ok(usize::try_from(count).unwrap_or(0))
}
