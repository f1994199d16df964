//! SQL that writes the notifications of single members.

use diesel::prelude::*;
use federation_core::Timestamp;
use federation_core::each_backend;
use federation_core::store::sql::{Connection, DatabaseError};

use super::model::{Notification, NotificationKind};
use crate::base::ids::{ChannelId, MessageId, NotificationId, UserId};
use crate::base::page::PageQuery;
use crate::platform::db::schema::{notification_marks, notification_preferences, notifications};

/// Adds a notification, unless the member has one of that message; whether it did.
///
/// # Errors
/// The database failed.
pub fn insert(
    connection: &mut Connection,
    notification: &Notification,
) -> Result<bool, DatabaseError> {
    let row = notification.clone();
    let inserted = each_backend!(connection, c => diesel::insert_into(notifications::table)
        .values(&row)
        .on_conflict_do_nothing()
        .execute(c))?;
    Ok(inserted > 0)
}

/// Which notifications a list is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct Filter {
    /// Only those that were not read.
    pub unread: bool,
    /// Only those of this kind.
    pub kind: Option<NotificationKind>,
}

/// The notifications of a member, in the order of the search, one more than a page has.
///
/// # Errors
/// The database failed.
pub fn search(
    connection: &mut Connection,
    user: UserId,
    filter: Filter,
    page: &PageQuery<NotificationId>,
) -> Result<Vec<Notification>, DatabaseError> {
    let mut rows = notifications::table
        .filter(notifications::user_id.eq(user))
        .filter(notifications::dismissed_at.is_null())
        .limit(i64::from(page.limit()).saturating_add(1))
        .select(Notification::as_select())
        .into_boxed();
    if filter.unread {
        rows = rows.filter(notifications::read_at.is_null());
    }
    if let Some(kind) = filter.kind {
        rows = rows.filter(notifications::kind.eq(kind));
    }
    if let Some(before) = page.before {
        rows = rows.filter(notifications::id.lt(before));
    }
    if let Some(after) = page.after {
        rows = rows.filter(notifications::id.gt(after));
    }
    rows = if page.is_forwards() {
        rows.order(notifications::id.asc())
    } else {
        rows.order(notifications::id.desc())
    };
    Ok(rows.load(connection)?)
}

/// Those of these messages of which a member has a notification, read, dismissed or neither.
///
/// # Errors
/// The database failed.
pub fn known(
    connection: &mut Connection,
    user: UserId,
    messages: &[MessageId],
) -> Result<Vec<MessageId>, DatabaseError> {
    let mut found = Vec::new();
    for some in messages.chunks(500) {
        let rows: Vec<Option<MessageId>> = notifications::table
            .filter(notifications::user_id.eq(user))
            .filter(notifications::message_id.eq_any(some))
            .select(notifications::message_id)
            .load(connection)?;
        found.extend(rows.into_iter().flatten());
    }
    Ok(found)
}

/// Whether a member has an unread notification of this kind there, or by them.
pub(super) fn is_waiting(
    connection: &mut Connection,
    user: UserId,
    kind: NotificationKind,
    (channel, actor): (Option<ChannelId>, Option<UserId>),
) -> Result<bool, DatabaseError> {
    let mut rows = notifications::table
        .filter(notifications::user_id.eq(user))
        .filter(notifications::read_at.is_null())
        .filter(notifications::kind.eq(kind))
        .select(notifications::id)
        .into_boxed();
    if let Some(channel) = channel {
        rows = rows.filter(notifications::channel_id.eq(channel));
    }
    if let Some(actor) = actor {
        rows = rows.filter(notifications::actor_id.eq(actor));
    }
    Ok(rows
        .first::<NotificationId>(connection)
        .optional()?
        .is_some())
}

/// Marks these as read.
///
/// # Errors
/// The database failed.
pub fn read_these(
    connection: &mut Connection,
    user: UserId,
    ids: &[NotificationId],
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let rows = notifications::table
        .filter(notifications::user_id.eq(user))
        .filter(notifications::id.eq_any(ids))
        .filter(notifications::read_at.is_null());
    diesel::update(rows)
        .set(notifications::read_at.eq(Some(now.as_millis())))
        .execute(connection)?;
    Ok(())
}

/// Marks all up to this one as read, calls included.
///
/// # Errors
/// The database failed.
pub fn read_up_to(
    connection: &mut Connection,
    user: UserId,
    id: NotificationId,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let rows = notifications::table
        .filter(notifications::user_id.eq(user))
        .filter(notifications::read_at.is_null())
        .filter(notifications::id.le(id));
    diesel::update(rows)
        .set(notifications::read_at.eq(Some(now.as_millis())))
        .execute(connection)?;
    if mark(connection, user)?.is_some_and(|known| known >= id) {
        return Ok(());
    }
    let up_to = notification_marks::up_to.eq(id);
    each_backend!(connection, c => diesel::insert_into(notification_marks::table)
        .values((notification_marks::user_id.eq(user), up_to))
        .on_conflict(notification_marks::user_id)
        .do_update()
        .set(up_to)
        .execute(c))?;
    Ok(())
}

/// Up to where a member has read calls.
///
/// # Errors
/// The database failed.
pub fn mark(
    connection: &mut Connection,
    user: UserId,
) -> Result<Option<NotificationId>, DatabaseError> {
    let row = notification_marks::table
        .find(user)
        .select(notification_marks::up_to);
    Ok(row.first(connection).optional()?)
}

/// Marks those of a channel up to this place as read.
///
/// # Errors
/// The database failed.
pub fn read_in(
    connection: &mut Connection,
    user: UserId,
    channel: ChannelId,
    seq: i64,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let rows = notifications::table
        .filter(notifications::user_id.eq(user))
        .filter(notifications::channel_id.eq(channel))
        .filter(notifications::seq.le(seq))
        .filter(notifications::read_at.is_null());
    diesel::update(rows)
        .set(notifications::read_at.eq(Some(now.as_millis())))
        .execute(connection)?;
    Ok(())
}

/// One notification of a member.
///
/// # Errors
/// The database failed.
pub fn by_id(
    connection: &mut Connection,
    user: UserId,
    id: NotificationId,
) -> Result<Option<Notification>, DatabaseError> {
    let row = notifications::table
        .find((user, id))
        .select(Notification::as_select());
    Ok(row.first(connection).optional()?)
}

/// Takes a notification away. That of a call stays, hidden, so that the call does not come back.
///
/// # Errors
/// The database failed.
pub fn dismiss(
    connection: &mut Connection,
    notification: &Notification,
    now: Timestamp,
) -> Result<(), DatabaseError> {
    let row = notifications::table.find((notification.user_id, notification.id));
    if notification.message_id.is_some() {
        let at = Some(now.as_millis());
        diesel::update(row)
            .set((
                notifications::dismissed_at.eq(at),
                notifications::read_at.eq(at),
            ))
            .execute(connection)?;
    } else {
        diesel::delete(row).execute(connection)?;
    }
    Ok(())
}

/// Forgets what a member was told of in a conversation that they are in no longer.
///
/// # Errors
/// The database failed.
pub fn forget_channel(
    connection: &mut Connection,
    user: UserId,
    channel: ChannelId,
) -> Result<(), DatabaseError> {
    let rows = notifications::table
        .filter(notifications::user_id.eq(user))
        .filter(notifications::channel_id.eq(channel));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

/// Forgets what a member was told of one person.
///
/// # Errors
/// The database failed.
pub fn forget_actor(
    connection: &mut Connection,
    user: UserId,
    actor: UserId,
) -> Result<(), DatabaseError> {
    let rows = notifications::table
        .filter(notifications::user_id.eq(user))
        .filter(notifications::actor_id.eq(actor));
    diesel::delete(rows).execute(connection)?;
    Ok(())
}

/// Forgets all that somebody was told, and what they chose, whose account has ended; what others
/// were told of them goes too.
///
/// # Errors
/// The database failed.
pub fn forget(connection: &mut Connection, user: UserId) -> Result<(), DatabaseError> {
    let own = notifications::table.filter(notifications::user_id.eq(user));
    diesel::delete(own).execute(connection)?;
    let of = notifications::table.filter(notifications::actor_id.eq(user));
    diesel::delete(of).execute(connection)?;
    diesel::delete(notification_marks::table.find(user)).execute(connection)?;
    let chosen = notification_preferences::table.filter(notification_preferences::user_id.eq(user));
    diesel::delete(chosen).execute(connection)?;
    Ok(())
}

/// Forgets what was told of a message that was deleted.
///
/// # Errors
/// The database failed.
pub fn forget_message(
    connection: &mut Connection,
    message: MessageId,
) -> Result<(), DatabaseError> {
    let rows = notifications::table.filter(notifications::message_id.eq(message));
    diesel::delete(rows).execute(connection)?;
    super::calls::forget(connection, message)
}

/// Drops up to `limit` notifications older than `before`; answers how many.
pub(super) fn prune(
    connection: &mut Connection,
    before: Timestamp,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let old: Vec<NotificationId> = notifications::table
        .filter(notifications::created_at.lt(before.as_millis()))
        .order(notifications::created_at)
        .limit(limit)
        .select(notifications::id)
        .load(connection)?;
    let rows = notifications::table
        .filter(notifications::id.eq_any(&old))
        .filter(notifications::created_at.lt(before.as_millis()));
    Ok(diesel::delete(rows).execute(connection)?)
}

/// Those who were told something since then.
pub(super) fn told_since(
    connection: &mut Connection,
    since: Timestamp,
) -> Result<Vec<UserId>, DatabaseError> {
    let rows = notifications::table
        .filter(notifications::created_at.ge(since.as_millis()))
        .select(notifications::user_id)
        .distinct();
    Ok(rows.load(connection)?)
}

/// Drops up to `limit` notifications of a member beyond the newest `kept`; answers how many.
pub(super) fn trim(
    connection: &mut Connection,
    user: UserId,
    kept: i64,
    limit: i64,
) -> Result<usize, DatabaseError> {
    let beyond: Vec<NotificationId> = notifications::table
        .filter(notifications::user_id.eq(user))
        .order(notifications::id.desc())
        .offset(kept)
        .limit(limit)
        .select(notifications::id)
        .load(connection)?;
    let rows = notifications::table
        .filter(notifications::user_id.eq(user))
        .filter(notifications::id.eq_any(&beyond));
    Ok(diesel::delete(rows).execute(connection)?)
}
